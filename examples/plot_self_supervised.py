"""
What a net learns from digits without labels
============================================

Rows are often plenty where labels are few. ``SelfSupervisedPretrainer`` trains a net on
rows alone; what it has learnt goes into any other estimator as ``backbone``, or comes
before one as a transformer.
"""

# %%
# A thousand handwritten digits have no label here. Of the others, some are labelled and
# the rest is what we test on.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import PretrainedFeatureExtractor, SelfSupervisedPretrainer

X, y = load_digits(return_X_y=True)
X = (X / 16).reshape(-1, 8, 8)
X_unlabelled, X_rest, y_rest = X[:1000], X[1000:], y[1000:]

# %%
# Three kinds of features: pixels, what a random net makes of them, and what the same
# net does after it has learnt to know a digit again that was turned, moved and bent
# ("simclr"). The last training needs no label.

untrained = PretrainedFeatureExtractor("smallnet", weights=None, random_state=0)
pretrainer = SelfSupervisedPretrainer(
    "simclr", backbone="smallnet", weights=None, max_epochs=8, random_state=0
).fit(X_unlabelled)

features = {
    "pretrained net": pretrainer.transform(X_rest),
    "pixels": X_rest.reshape(len(X_rest), -1),
    "random net": untrained.fit_transform(X_rest),
}


# %%
# The same classifier on each, with 1 to 20 labels of each digit; the mean of five draws
# of the labelled rows.


def accuracy(values, n_labels, seed):
    """Return what a linear probe reaches with so many labels of each digit."""
    order = np.random.default_rng(seed).permutation(len(y_rest))
    few = np.concatenate([order[y_rest[order] == c][:n_labels] for c in range(10)])
    others = np.setdiff1d(order, few)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.02))
    probe.fit(values[few], y_rest[few])
    return probe.score(values[others], y_rest[others])


n_labels = [1, 2, 5, 10, 20]
curves = {
    name: [np.mean([accuracy(values, n, seed) for seed in range(5)]) for n in n_labels]
    for name, values in features.items()
}

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, curve in curves.items():
    ax.plot(n_labels, curve, marker="o", label=name)
ax.set(xscale="log", xticks=n_labels, xticklabels=n_labels)
ax.set(xlabel="labels per digit", ylabel="accuracy on other digits")
ax.legend()

# %%
# An objective with a decoder knows the way back: ``inverse_transform`` makes images of
# features. Below, digits that took no part in training, and what a denoising
# autoencoder has kept of them in 128 numbers, which is the digit and not the noise.

denoiser = SelfSupervisedPretrainer(
    "denoising", backbone="smallnet", weights=None, max_epochs=20, random_state=0
).fit(X_unlabelled)

rng = np.random.default_rng(0)
noisy = np.clip(X_rest[:10] + 0.2 * rng.normal(size=(10, 8, 8)), 0, 1)
decoded = denoiser.inverse_transform(denoiser.transform(noisy))

figure, axes = plt.subplots(3, 10, figsize=(8, 2.6), layout="constrained")
for row, (name, digits) in zip(
    axes, {"true": X_rest, "noisy": noisy, "decoded": decoded}.items(), strict=True
):
    row[0].set_ylabel(name)
    for ax, digit in zip(row, digits[:10], strict=True):
        ax.imshow(digit, cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
plt.show()
