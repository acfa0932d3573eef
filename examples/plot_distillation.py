"""
A large net teaches a small one
===============================

A net of 85 000 weights knows handwritten digits. A student of 600 weights is to do its
work, but only 150 of its 900 digits have a label. It learns from what the teacher says
of all of them, and, by some methods, from how the teacher sees them.
"""

# %%
# The teacher learnt from labels that are not there any more. It goes into a
# ``FrozenEstimator``, so that it is used as it is.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.utils import shuffle
from torch import nn

from sktransfer import DistillationClassifier, FineTuneClassifier
from sktransfer.distillation import FitNet

X, y = shuffle(*load_digits(return_X_y=True), random_state=0)
X = X.astype(np.float32) / 16
X_test, y_test = X[900:], y[900:]

large = FineTuneClassifier("mlp_wide", random_state=0).fit(X[:900], y[:900])
teacher = FrozenEstimator(large)
print(f"teacher: {large.score(X_test, y_test):.3f}")

# %%
# ``sample_domain`` is negative for the rows without a label. What stands in their ``y``
# is not read.

sample_domain = np.where(np.arange(900) < 150, 1, -1)
torch.manual_seed(0)
small = nn.Sequential(nn.Linear(64, 8), nn.ReLU())
settings = {"max_epochs": 30, "batch_size": 32, "random_state": 0}

students = {
    "labels alone": FineTuneClassifier(
        small, strategy="full", backbone_lr_ratio=1.0, max_epochs=100, random_state=0
    ).fit(X[:150], y[:150])
}
methods = {"kd": "kd", "dist": "dist", "fitnet": FitNet(weight=20.0), "rkd": "rkd"}
for name, method in methods.items():
    student = DistillationClassifier(teacher, small, method=method, **settings)
    students[name] = student.fit(X[:900], y[:900], sample_domain=sample_domain)

# %%
# Features of eight columns and of 256 can be compared by linear centred kernel
# alignment: 1 if they hold the same similarities between rows, 0 if they have nothing
# in common [1]_.


def alignment(A, B):
    """Return the linear CKA of two tables of features of the same rows."""
    A, B = A - A.mean(axis=0), B - B.mean(axis=0)
    own = np.linalg.norm(A.T @ A) * np.linalg.norm(B.T @ B)
    return np.linalg.norm(A.T @ B) ** 2 / own


scores, nearness = {}, {}
for name, student in students.items():
    scores[name] = student.score(X_test, y_test)
    nearness[name] = alignment(student.features(X_test), large.features(X_test))
    print(f"{name:12}  accuracy {scores[name]:.3f}  nearness {nearness[name]:.2f}")

# %%
# Every method makes more of the rows without labels than 150 labels alone do. "fitnet"
# and "rkd" also bring the features of the student nearer to those of the teacher, which
# does not have to make it more accurate. The dashed line is the teacher.

figure, axes = plt.subplots(1, 2, figsize=(8.5, 2.8), layout="constrained", sharey=True)
for ax, values, label in (
    (axes[0], scores, "accuracy on new digits"),
    (axes[1], nearness, "alignment with the teacher's features"),
):
    bars = ax.barh(list(values), list(values.values()), color="#b9c0c9")
    ax.bar_label(bars, fmt="%.2f", padding=-30)
    ax.set(xlabel=label, xlim=(0, 1))
axes[0].axvline(large.score(X_test, y_test), color="#30343a", lw=1, ls="--")
axes[0].invert_yaxis()
plt.show()

# %%
# .. [1] S. Kornblith, M. Norouzi, H. Lee, G. Hinton. Similarity of neural network
#    representations revisited. ICML 2019.
