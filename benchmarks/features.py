"""Time of computing features, as a ratio to an eager loop written by hand.

Run ``python benchmarks/features.py``. Images of 224 x 224 pixels in memory, with random
weights whose batch norms are in tune; photographs from files; and, where there is CUDA,
the table of ``gpu.py``. Ours and the loop are interleaved in one process; the table
shows the median and the range of the ratios over the rounds, compilation left out.
Photographs and the accuracy need SKTRANSFER_DATA.
"""

import os
import warnings
from functools import partial
from io import BytesIO
from pathlib import Path

import gpu
import numpy as np
import torch
from _tables import median_and_range, seconds
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torchvision import models, transforms

from sktransfer import FineTuneClassifier, PretrainedFeatureExtractor
from sktransfer._inputs.contents import content_digest
from sktransfer._inputs.decode import decode as decode_file
from sktransfer.backbones import load_backbone
from sktransfer.datasets import load_image_folder

NETWORKS = ("squeezenet1_1", "resnet18", "efficientnet_b0", "mobilenet_v3_large")
WAYS = {
    "float32": {"precision": "float32"},
    "float32, compile=True": {"precision": "float32", "compile": True},
    'precision="bf16"': {"precision": "bf16"},
}
WEIGHTS = "squeezenet1_1_imagenet.safetensors"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
N_IMAGES, BATCH_SIZE, ROUNDS = 64, 64, 5
PROBE_SIZE = 96  # pixels of the images that the probe sees
HEADER = """
| images | ours | our time / that of the loop | range | times as fast | difference |
|---|---|---|---|---|---|"""


def with_random_weights(name):
    """Return a network whose batch norms know the statistics of what they see."""
    torch.manual_seed(0)
    net = models.get_model(name, weights=None)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            module.momentum = None  # the mean over all batches
    with torch.no_grad():
        net.train()(torch.randn(16, 3, 224, 224))
    return net.eval()


def without_classifier(net):
    """Return the part of a torchvision network that computes features."""
    if isinstance(net, models.SqueezeNet):
        return nn.Sequential(net.features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    setattr(net, "fc" if hasattr(net, "fc") else "classifier", nn.Identity())
    return net


@torch.inference_mode()
def features_of_arrays(net, images):
    """Compute features of an array of images as a careful person does by hand."""
    normalize = transforms.Normalize(MEAN, STD, inplace=True)
    parts = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = torch.from_numpy(images[start : start + BATCH_SIZE])
        batch = batch.permute(0, 3, 1, 2).contiguous().float().div_(255)
        parts.append(net(normalize(batch)))
    return torch.cat(parts).numpy()


@torch.inference_mode()
def features_of_files(net, paths):
    """Compute features of photographs, opened by PIL, as torchvision shows it."""
    prepare = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    parts = []
    for start in range(0, len(paths), BATCH_SIZE):
        images = (Image.open(p).convert("RGB") for p in paths[start:][:BATCH_SIZE])
        parts.append(net(torch.stack([prepare(image) for image in images])))
    return torch.cat(parts).numpy()


def fitted(name, weights, images, **options):
    """Return our extractor with the weights of the rival."""
    backbone = load_backbone(name, weights)
    extractor = PretrainedFeatureExtractor(backbone, device="cpu", **options)
    return extractor.fit(images[:2])


def interleaved(contestants, rounds):
    """Return the times of every contestant in each round, and what they computed."""
    results = {name: function() for name, function in contestants.items()}
    times = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            times[name].append(seconds(function))
    return {name: np.array(values) for name, values in times.items()}, results


def compared(loop, ours, rounds=ROUNDS):
    """Return, by name, the ratios to the times of the loop and the difference to it."""
    times, results = interleaved({"loop": loop, **ours}, rounds)
    expected = results["loop"]
    return {
        name: (
            times[name] / times["loop"],
            np.linalg.norm(results[name] - expected) / np.linalg.norm(expected),
        )
        for name in ours
    }


def line(images, name, ratios, difference):
    """Return one line of the table."""
    times = 1 / np.median(ratios)
    cells = f"{median_and_range(ratios)} | {times:.2f} | {difference:.1e}"
    return f"| {images} | {name} | {cells} |"


def on_arrays(name):
    """Return the comparison on images in memory."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(N_IMAGES, 224, 224, 3), dtype=np.uint8)
    net = with_random_weights(name)
    weights = {key: value.clone() for key, value in net.state_dict().items()}
    ours = {
        way: fitted(name, weights, X, **options).transform
        for way, options in WAYS.items()
    }
    rival = without_classifier(net)
    calls = {way: lambda f=transform: f(X) for way, transform in ours.items()}
    return compared(lambda: features_of_arrays(rival, X), calls)


def on_files(folder):
    """Return the comparison on photographs."""
    paths, _ = load_image_folder(folder / "hymenoptera_data/train", return_X_y=True)
    weights = load_file(folder / WEIGHTS)
    net = models.squeezenet1_1()
    net.load_state_dict(weights)
    rival = without_classifier(net.eval())
    extractor = fitted("squeezenet1_1", weights, paths, precision="float32")
    ours = {"float32": lambda: extractor.transform(paths)}
    return compared(lambda: features_of_files(rival, paths), ours, rounds=3)


def accuracies(folder):
    """Return the test accuracy of a linear probe by precision of the features."""
    data = np.load(folder / "cifar10_subset.npz")
    backbone = load_backbone("squeezenet1_1", folder / WEIGHTS, image_size=PROBE_SIZE)
    for precision in ("float32", "bf16"):
        probe = FineTuneClassifier(
            backbone,
            strategy="linear_probe",
            precision=precision,
            device="cpu",
            random_state=0,
        ).fit(data["X_train"], data["y_train"])
        yield precision, probe.score(data["X_test"], data["y_test"])


def cost_of_hashing(folder):
    """Return the times to hash photographs, as ratios to those to decode them."""
    paths, _ = load_image_folder(folder / "hymenoptera_data/train", return_X_y=True)
    steps = {
        "hash": content_digest,
        "PIL": lambda content: Image.open(BytesIO(content)).convert("RGB"),
        "ours": partial(decode_file, "", 0),
    }
    times = dict.fromkeys(steps, 0.0)
    for path in [*paths] * ROUNDS:
        for name, step in steps.items():
            content = Path(path).read_bytes()  # as near as it is when it is hashed
            times[name] += seconds(step, content)
    return [times["hash"] / times[decoder] for decoder in ("PIL", "ours")]


def table():
    """Return the lines of the tables."""
    threads = torch.get_num_threads()
    yield f"torch {torch.__version__}, {threads} threads, {instructions()}"
    yield HEADER
    by_way = {way: [] for way in WAYS}
    for name in NETWORKS:
        for way, (ratios, difference) in on_arrays(name).items():
            yield line(name, way, ratios, difference)
            by_way[way].append((ratios, difference))
    for way, results in by_way.items():
        ratios, differences = zip(*results, strict=True)
        mean = np.exp(np.log(ratios).mean(axis=0))
        yield line("geometric mean", way, mean, max(differences))
    yield from on_real_data()
    if torch.cuda.is_available():
        yield from gpu.table()


def on_real_data():
    """Return the lines of photographs and of accuracies, if those are here."""
    folder = Path(os.environ.get("SKTRANSFER_DATA", "data"))
    if not (folder / WEIGHTS).exists():
        yield "\nNo photographs in SKTRANSFER_DATA."
        return
    for way, figures in on_files(folder).items():
        yield line("squeezenet1_1, from JPEG files", way, *figures)
    by_pil, by_ours = cost_of_hashing(folder)
    yield f"\nTo hash the photographs takes {by_pil:.1%} of the time that PIL needs to "
    yield f"decode them, and {by_ours:.1%} of the time that ours needs."
    found = [f"{accuracy:.1%} by {name}" for name, accuracy in accuracies(folder)]
    yield "\nAccuracy of linear probes on SqueezeNet's features of CIFAR-10, 5000 "
    yield f"images to train on and 1000 to test: {', '.join(found)} features."


def instructions():
    """Return the instructions for bf16 that this processor has."""
    flags = Path("/proc/cpuinfo")
    text = flags.read_text() if flags.exists() else ""
    found = [name for name in ("avx512_bf16", "amx_bf16") if name in text]
    return " ".join(found) or "no instructions for bf16"


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "1 of the files")  # no photograph
    for row in table():
        print(row, flush=True)
