"""
Few handwritten digits
======================

Labels are rare: five handwritten digits of each class. Digits printed in the fonts of
a computer have labels for free. A network that learnt from these needs little more to
read handwriting. (``make demo`` repeats this over ten draws, next to other methods.)
"""

# %%
# The source is drawn from fonts; the target are scikit-learn's handwritten digits at
# the same size.

import matplotlib.pyplot as plt
import numpy as np

from sktransfer import FineTuneClassifier
from sktransfer.datasets import load_digit_domains

digits = load_digit_domains(n_samples=1000)

figure, axes = plt.subplots(2, 10, figsize=(8, 2))
for digit, (printed, written) in enumerate(axes.T):
    printed.imshow(digits.X_source[digits.y_source == digit][0], cmap="gray_r")
    written.imshow(digits.X_target[digits.y_target == digit][0], cmap="gray_r")
for ax in axes.flat:
    ax.set_axis_off()
figure.suptitle("Above: printed, the source. Below: handwritten, the target.")

# %%
# Five labelled digits of each class; the others are held out.

rng = np.random.default_rng(0)
rows = [np.flatnonzero(digits.y_target == digit) for digit in range(10)]
labelled = np.concatenate([rng.choice(row, 5, replace=False) for row in rows])
X, y = digits.X_target[labelled], digits.y_target[labelled]
X_test = np.delete(digits.X_target, labelled, axis=0)
y_test = np.delete(digits.y_target, labelled)

# %%
# A network on the source, the same network on the fifty labels, and one that starts
# from what the first has learnt: its ``backbone_``. A net this small, trained a moment
# ago on digits, needs no protection: ``backbone_lr_ratio=1.0`` lets it learn as fast as
# the new head.

settings = {"augment": "light", "random_state": 0}
source = FineTuneClassifier("smallnet", weights=None, max_epochs=5, **settings)
source.fit(digits.X_source, digits.y_source)
scratch = FineTuneClassifier("smallnet", weights=None, **settings).fit(X, y)
tuned = FineTuneClassifier(source.backbone_, backbone_lr_ratio=1.0, **settings)
tuned.fit(X, y)

scores = {
    "source only": source.score(X_test, y_test),
    "from scratch": scratch.score(X_test, y_test),
    "fine-tuned": tuned.score(X_test, y_test),
}
for name, score in scores.items():
    print(f"{name:12}  {score:.3f}")

# %%
# What it still gets wrong, with the highest confidence first.

proba = tuned.predict_proba(X_test)
predicted = tuned.classes_[proba.argmax(axis=1)]
wrong = np.flatnonzero(predicted != y_test)
worst = wrong[np.argsort(-proba[wrong].max(axis=1))][:10]

figure, axes = plt.subplots(1, 10, figsize=(8, 1.4))
for ax, row in zip(axes, worst, strict=True):
    ax.imshow(X_test[row], cmap="gray_r")
    ax.set_title(f"{y_test[row]}, not {predicted[row]}", fontsize=8)
    ax.set_axis_off()
plt.show()
