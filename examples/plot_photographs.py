"""
A folder of photographs
=======================

Photographs lie in one folder per class. Their paths are all that is needed: files are
decoded batch by batch, resized, cropped and normalised the way the network wants it.
"""

# %%
# With the folder ``hymenoptera_data`` (ants and bees, of PyTorch's tutorial on transfer
# learning) and the ImageNet weights of SqueezeNet in ``SKTRANSFER_DATA``, these are
# photographs. Otherwise they are drawings of two kinds of textures, and the network
# has random weights: the code is the same, but there is no knowledge to transfer.

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.metrics import ConfusionMatrixDisplay

from sktransfer import FineTuneClassifier, PretrainedFeatureExtractor
from sktransfer.datasets import load_image_folder

data = Path(os.environ.get("SKTRANSFER_DATA", "data"))
weights = data / "squeezenet1_1_imagenet.safetensors"
photographs = data / "hymenoptera_data"
drawings = tempfile.TemporaryDirectory()


def draw_textures(folder, n_images):
    """Save images of horizontal and vertical waves."""
    rng = np.random.default_rng(n_images)
    for name in ("horizontal", "vertical"):
        Path(folder, name).mkdir(parents=True)
        for number in range(n_images):
            wave = np.sin(np.linspace(0, rng.uniform(20, 60), 96))
            image = 128 + 60 * wave[:, None, None] + rng.normal(0, 40, (96, 96, 3))
            image = image.clip(0, 255).astype(np.uint8)
            image = image if name == "horizontal" else image.transpose(1, 0, 2)
            Image.fromarray(image).save(Path(folder, name, f"{number}.png"))


if not (photographs.exists() and weights.exists()):
    print("No photographs in SKTRANSFER_DATA: drawings and random weights instead.")
    photographs, weights = Path(drawings.name), None
    draw_textures(photographs / "train", 20)
    draw_textures(photographs / "val", 10)

paths, y = load_image_folder(photographs / "train", return_X_y=True)
val_paths, y_val = load_image_folder(photographs / "val", return_X_y=True)
print(f"{len(paths)} images to learn from, {len(val_paths)} held out")

# %%
# The network is frozen: each photograph goes through it once, and a linear classifier
# is fitted to the features. With few photographs this is hard to beat: the strategy
# ``"auto"`` picks it for them on a CPU.

model = FineTuneClassifier(
    "squeezenet1_1", weights=weights, strategy="linear_probe", random_state=0
).fit(paths, y)
proba = model.predict_proba(val_paths)
predicted = model.classes_[proba.argmax(axis=1)]
print(f"accuracy {np.mean(predicted == y_val):.3f}, from weights {model.weights_!r}")

figure, ax = plt.subplots(figsize=(4, 3), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_val, predicted, ax=ax, cmap="Blues", colorbar=False
)

# %%
# The photographs whose true class gets the least probability:

truth = proba[np.arange(len(y_val)), np.searchsorted(model.classes_, y_val)]
worst = np.argsort(truth)[:4]
figure, axes = plt.subplots(1, 4, figsize=(8, 2.4), layout="constrained")
for ax, row in zip(axes, worst, strict=True):
    ax.imshow(Image.open(val_paths[row]))
    ax.set_title(f"{y_val[row]}: {truth[row]:.0%}", fontsize=9)
    ax.set_axis_off()
plt.show()

# %%
# Features alone, for whatever comes next: here the photographs most similar to the
# first one.

extractor = PretrainedFeatureExtractor(model.backbone_).set_output(transform="pandas")
features = extractor.fit_transform(val_paths)
print(features.shape)
similar = features @ features.iloc[0] / np.linalg.norm(features, axis=1)
print([Path(val_paths[row]).name for row in similar.sort_values().index[:-4:-1]])
drawings.cleanup()
