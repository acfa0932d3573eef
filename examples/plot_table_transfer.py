"""
From a large table to a small one
=================================

Two tables have the same 100 columns: gauges that all depend, with noise, on ten hidden
quantities. The large one has labels of 10 classes, the small one has 60 rows and labels
of 3 other classes. What a network learnt of the gauges from the large table helps with
the small one, though the question is another.
"""

# %%
# Both questions are about how far the hidden quantities are from normal, each in
# its own way.

import matplotlib.pyplot as plt
import numpy as np

from sktransfer import FineTuneClassifier

N_GAUGES, N_HIDDEN = 100, 10
rng = np.random.default_rng(0)
gauges = rng.normal(size=(N_HIDDEN, N_GAUGES))
source_question = rng.normal(size=(N_HIDDEN, 10))
target_question = rng.normal(size=(N_HIDDEN, 3))


def make_table(n_rows, question):
    """Return gauges (n_rows, 100) and the classes that `question` gives them."""
    hidden = rng.normal(size=(n_rows, N_HIDDEN))
    X = hidden @ gauges + rng.normal(size=(n_rows, N_GAUGES))
    return X, ((np.abs(hidden) - 0.8) @ question).argmax(axis=1)


X_source, y_source = make_table(5000, source_question)
X_test, y_test = make_table(3000, target_question)

# %%
# The network for tables has two hidden layers of 64. Here it learns the source, and
# ``backbone_`` is everything but its last layer.

source = FineTuneClassifier(random_state=0).fit(X_source, y_source)
print(source.backbone_)

# %%
# Three ways to learn the target from 60 rows, two of them from the same source weights:
# all layers, or a new last layer alone. Ten small tables show how much chance there is
# in it.

models = {
    "from scratch": FineTuneClassifier(random_state=0),
    "only the last layer": FineTuneClassifier(
        source.backbone_, strategy="linear_probe", random_state=0
    ),
    "all layers": FineTuneClassifier(source.backbone_, strategy="full", random_state=0),
}
scores = {name: [] for name in models}
for _ in range(10):
    X, y = make_table(60, target_question)
    for name, model in models.items():
        scores[name].append(model.fit(X, y).score(X_test, y_test))

# %%
# The margin over training from scratch, on 3000 held-out rows of the target:

margins = {}
for name, values in scores.items():
    margins[name] = np.mean(values) - np.mean(scores["from scratch"])
    print(f"{name:20} {np.mean(values):.3f}  margin {margins[name]:+.3f}")

figure, ax = plt.subplots(figsize=(6, 2.4), layout="constrained")
ax.barh(list(scores), [np.mean(v) for v in scores.values()], color="#b9c0c9")
for place, values in enumerate(scores.values()):
    ax.plot(values, np.full(len(values), place), "o", color="#30343a", ms=3, alpha=0.7)
ax.set_xlabel("accuracy on the target (dots: ten small tables)")
plt.show()
