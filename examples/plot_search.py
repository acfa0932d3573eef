"""
Searching strategy and settings
===============================

How much of a network should be trained on few labels, and how hard should the head be
held back? Both are parameters, so ``GridSearchCV`` answers.
"""

# %%
# The network to start from has learnt printed digits; eight handwritten digits of
# each class have labels.

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV, train_test_split

from sktransfer import FineTuneClassifier
from sktransfer.datasets import load_digit_domains

digits = load_digit_domains(n_samples=1000)
source = FineTuneClassifier(
    "smallnet", weights=None, augment="light", max_epochs=5, random_state=0
).fit(digits.X_source, digits.y_source)
X, X_test, y, y_test = train_test_split(
    digits.X_target,
    digits.y_target,
    train_size=80,
    stratify=digits.y_target,
    random_state=0,
)

# %%
# A list of grids: ``C`` matters for the convex head alone, the learning rate for the
# rest. The candidates share one ``Backbone``, which ``clone`` does not copy.

grids = [
    {"strategy": ["linear_probe"], "C": [0.001, 0.01, 0.1, 1.0]},
    {"strategy": ["full", "lp_ft"], "backbone_lr_ratio": [0.1, 1.0]},
]
model = FineTuneClassifier(source.backbone_, max_epochs=20, random_state=0)
search = GridSearchCV(model, grids, cv=3).fit(X, y)
print("best:", search.best_params_)
print(f"on held-out digits: {search.score(X_test, y_test):.3f}")

# %%
# Differences smaller than the spread over the folds say nothing: where several
# candidates tie, take the cheapest, ``"linear_probe"``.

results = search.cv_results_
labels = [
    ", ".join(f"{name}={value}" for name, value in candidate.items())
    for candidate in results["params"]
]
figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.errorbar(
    results["mean_test_score"],
    range(len(labels)),
    xerr=results["std_test_score"],
    fmt="o",
    color="#30343a",
    ecolor="#b9c0c9",
)
ax.set_yticks(range(len(labels)), labels)
ax.invert_yaxis()
ax.set_xlabel("accuracy (mean and standard deviation over three folds)")
plt.show()
