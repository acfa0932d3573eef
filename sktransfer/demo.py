"""The demo: digits printed in fonts help to read handwritten ones.

``python -m sktransfer.demo picture.png`` compares, over ten draws of five labelled
handwritten digits of each class, four ways to read the handwritten digits that are
left. Nothing is chosen by those: the support vector classifier takes its settings by
cross-validation on the fifty labelled digits of each draw, the networks have their
defaults and the same augmentation. It takes about a minute, without a connection.
"""

import sys

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from ._estimators._fine_tune_classifier import FineTuneClassifier
from ._utils.optional import import_optional
from .datasets import load_digit_domains

N_LABELS = 5  # of each class
_NETWORK = {"augment": "light", "random_state": 0}
_SOURCE_EPOCHS = 5
# Chosen by five-fold cross-validation within labelled draws: 93 %, and 91 % with 0.1.
_BACKBONE_LR_RATIO = 1.0
_GRID = {"C": [0.1, 1, 10, 100], "gamma": ["scale", 0.003, 0.01, 0.03, 0.1]}
_GREY, _ACCENT, _INK = "#b9c0c9", "#e2711d", "#30343a"


def main(path=None):
    """Run the comparison, print it, and draw it to the file `path`."""
    digits = load_digit_domains()
    scores = compare(digits)
    names = list(scores)
    print(f"\n{'':9}" + "".join(f"{name:>19}" for name in names))
    summary = (f"{s.mean():.3f} ± {s.std(ddof=1):.3f}" for s in scores.values())
    print(f"{'mean ± sd':9}" + "".join(f"{text:>19}" for text in summary))
    if path is not None:
        draw(digits, scores).savefig(path, dpi=150)
        print(f"\nThe picture is in {path}.")


def compare(digits, n_draws=10, report=print):
    """Return the accuracies on the held-out digits, by method, arrays (n_draws,)."""
    report(f"Training on {len(digits.X_source)} printed digits")
    source = FineTuneClassifier(
        "smallnet", weights=None, max_epochs=_SOURCE_EPOCHS, **_NETWORK
    ).fit(digits.X_source, digits.y_source)
    draws = [_scores_of_draw(digits, source, seed, report) for seed in range(n_draws)]
    return {name: np.array([scores[name] for scores in draws]) for name in draws[0]}


def _scores_of_draw(digits, source, seed, report):
    """Return the accuracy of each method, given one draw of labelled digits."""
    chosen = labelled_rows(digits.y_target, seed)
    X, y = digits.X_target[chosen], digits.y_target[chosen]
    X_rest = np.delete(digits.X_target, chosen, axis=0)
    y_rest = np.delete(digits.y_target, chosen)
    scores = {
        "source only": source.score(X_rest, y_rest),
        "SVC on pixels": _search().fit(_flat(X), y).score(_flat(X_rest), y_rest),
    }
    networks = {
        "CNN from scratch": FineTuneClassifier("smallnet", weights=None, **_NETWORK),
        "fine-tuned": FineTuneClassifier(
            source.backbone_, backbone_lr_ratio=_BACKBONE_LR_RATIO, **_NETWORK
        ),
    }
    for name, network in networks.items():
        scores[name] = network.fit(X, y).score(X_rest, y_rest)
    figures = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
    report(f"Draw {seed + 1}: {figures}")
    return scores


def labelled_rows(y, seed):
    """Draw `N_LABELS` rows of each class."""
    rng = np.random.RandomState(seed)
    rows = [np.flatnonzero(y == label) for label in np.unique(y)]
    return np.concatenate([rng.choice(r, N_LABELS, replace=False) for r in rows])


def _search():
    return GridSearchCV(SVC(), _GRID, cv=N_LABELS)


def _flat(images):
    return images.reshape(len(images), -1) / 255


def draw(digits, scores):
    """Return a figure of the digits and the `scores` that `compare` gave."""
    import_optional("matplotlib", "demo", "The picture of the demo")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.8), wspace=0.06)
    printed = labelled_rows(digits.y_source, seed=0)
    written = labelled_rows(digits.y_target, seed=0)
    title = f"Source: {len(digits.X_source)} printed digits (50 of them)"
    _draw_digits(figure.add_subplot(grid[0, 0]), digits.X_source[printed], title)
    title = f"Target: {len(written)} handwritten digits with labels"
    _draw_digits(figure.add_subplot(grid[1, 0]), digits.X_target[written], title)
    n_held_out = len(digits.y_target) - len(written)
    _draw_scores(figure.add_subplot(grid[:, 1]), scores, n_held_out)
    return figure


def _draw_digits(axes, images, title):
    """Show images that are sorted by class, a column for each class."""
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    height, width = framed.shape[1:]
    tiles = framed.reshape(-1, N_LABELS, height, width).transpose(1, 2, 0, 3)
    axes.imshow(tiles.reshape(N_LABELS * height, -1), cmap="gray_r")
    axes.set_title(title, fontsize=10, color=_INK, loc="left")
    axes.set_axis_off()


def _draw_scores(axes, scores, n_held_out):
    """Draw a bar for the mean of each method and a dot for each draw."""
    for place, (name, values) in enumerate(scores.items()):
        values, color = 100 * values, _ACCENT if name == "fine-tuned" else _GREY
        axes.barh(place, values.mean(), height=0.62, color=color)
        spread = np.linspace(-0.2, 0.2, len(values))
        axes.plot(values, place + spread, "o", ms=3.2, color=_INK, mew=0, alpha=0.65)
        figures = f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
        axes.text(101.5, place, figures, va="center", color=_INK, fontsize=10)
    axes.set_yticks(range(len(scores)), scores, fontsize=10.5)
    axes.set_xlim(0, 122)
    axes.set_xticks(range(0, 101, 20))
    draws = f"{len(values)} draws of the labelled digits"
    axes.set_xlabel(f"dots: {draws}; bars: their mean")
    title = f"Accuracy on the other {n_held_out} handwritten digits, in %"
    axes.set_title(title, fontsize=10, color=_INK, loc="left")
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


if __name__ == "__main__":
    main(*sys.argv[1:])
