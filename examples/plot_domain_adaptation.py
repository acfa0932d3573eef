"""
From printed to handwritten digits, without a label
===================================================

Digits printed in the fonts of a computer have labels for free. Handwritten ones have
none here: not one target label takes part in training. ``DomainAdaptClassifier`` learns
from both, and the features of the two kinds of digits come together.
"""

# %%
# The source is drawn from fonts. Of the target, scikit-learn's handwritten digits, a
# thousand unlabelled rows take part; the others are held out.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.manifold import TSNE

from sktransfer import DomainAdaptClassifier
from sktransfer.datasets import load_digit_domains, pack_domains

digits = load_digit_domains(n_samples=1000)
X_test, y_test = digits.X_target[1000:], digits.y_target[1000:]
X, y, sample_domain = pack_domains(
    digits.X_source, digits.y_source, digits.X_target[:1000]
)
print("rows of each domain:", *np.unique(sample_domain, return_counts=True))

# %%
# The same net twice: trained on the source alone, and by the default method for images,
# ``["cdan", "mcc", "fixmatch"]``. A few epochs keep this example short; more epochs and
# more rows give more.

models = {
    method: DomainAdaptClassifier(
        "smallnet", weights=None, method=method, max_epochs=15, random_state=0
    ).fit(X, y, sample_domain=sample_domain)
    for method in ("source_only", "auto")
}
scores = {method: model.score(X_test, y_test) for method, model in models.items()}
for method, score in scores.items():
    print(f"{method:12}  {score:.3f}")

# %%
# What the backbone makes of 250 digits of each domain, laid out in the plane by t-SNE.
# Colours are the classes; circles are printed, crosses handwritten digits. On the left
# they lie apart, and handwritten digits are taken for what they happen to lie next to.
# On the right they share their clusters; what remains wrong lies in the wrong one.

rows = np.r_[:250, 1000:1250]
label = np.r_[digits.y_source[:250], digits.y_target[:250]]

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.4), layout="constrained")
style = {"cmap": "tab10", "vmin": -0.5, "vmax": 9.5, "s": 18, "lw": 1}
titles = {"source_only": "Source only", "auto": "Adapted"}
for ax, (method, model) in zip(axes, models.items(), strict=True):
    plane = TSNE(random_state=0).fit_transform(model.features(X[rows]))
    for domain, marker in ((slice(250), "o"), (slice(250, None), "x")):
        points = ax.scatter(*plane[domain].T, c=label[domain], marker=marker, **style)
    ax.set_title(f"{titles[method]}: {scores[method]:.0%} of handwritten digits right")
    ax.set(xticks=[], yticks=[])
figure.colorbar(points, ax=axes, ticks=range(10), label="digit")
plt.show()
