"""
More images than memory holds
=============================

Files are decoded batch by batch, so that any number of paths may be transformed at
once; but their features come back as one array. Where that is too large, go chunk by
chunk, with estimators that have ``partial_fit``.
"""

# %%
# Two thousand printed digits, one file each, stand for a folder of millions.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.decomposition import IncrementalPCA
from sklearn.linear_model import SGDClassifier
from sklearn.utils import gen_batches

from sktransfer import PretrainedFeatureExtractor
from sktransfer.cache import cache_info
from sktransfer.datasets import load_digit_domains

digits = load_digit_domains(n_samples=2000)
folder = tempfile.TemporaryDirectory()
paths = np.array([f"{folder.name}/{number:07}.png" for number in range(2000)])
for path, pixels in zip(paths, digits.X_source, strict=True):
    Image.fromarray(pixels).save(path)
y = digits.y_source

# %%
# The principal components of the features, and then a linear classifier on them, are
# learnt in two passes over the files. Features are kept in a file beside them, so that
# the network runs in the first pass only; without ``cache``, it would run in both.

cache = Path(folder.name) / "features.db"
extractor = PretrainedFeatureExtractor(cache=cache).fit(paths[:1])
chunks = list(gen_batches(1600, 200))
test = slice(1600, None)

pca = IncrementalPCA(n_components=50, whiten=True)
for chunk in chunks:
    pca.partial_fit(extractor.transform(paths[chunk]))
print(f"{cache_info(cache).n_rows} rows in {cache_info(cache).n_bytes / 1e6:.1f} MB")

X_test = pca.transform(extractor.transform(paths[test]))
classifier = SGDClassifier(loss="log_loss", alpha=0.01, random_state=0)
scores = []
for chunk in chunks:
    X = pca.transform(extractor.transform(paths[chunk]))
    classifier.partial_fit(X, y[chunk], classes=np.arange(10))
    scores.append(classifier.score(X_test, y[test]))

# %%
# Each chunk is seen once by the classifier, which still learns from it.

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot([chunk.stop for chunk in chunks], scores, marker="o", color="#30343a")
ax.set_xlabel("images seen")
ax.set_ylabel("accuracy on 400 others")
plt.show()
