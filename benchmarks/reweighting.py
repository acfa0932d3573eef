"""Reweighting under covariate shift, and boosting by a few target labels.

``python benchmarks/reweighting.py`` prints two tables in Markdown, within some minutes
on one core. Nothing is chosen by target labels: they score rows that took no part, but
for those that TrAdaBoost is given.

- Covariate shift: tables of ``make_shifted_classification``, 2000 rows of each domain
  and 2000 to score, and a regression; how much of the gap between a model of the source
  and one that was trained on as many target rows is closed.
- TrAdaBoost with 20 target labels, against the same classifier on both domains pooled
  and on the 20 alone.
"""

import argparse
import warnings

import numpy as np
from _tables import spread, table
from sklearn import config_context
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sktransfer import ReweightedClassifier, ReweightedRegressor, TrAdaBoostClassifier
from sktransfer.datasets import load_digit_domains, make_shifted_classification

WEIGHTINGS = ("logistic", "kliep", "kmm", "ulsif")


def logistic():
    return LogisticRegression(max_iter=2000)


def flat(images):
    return images.reshape(len(images), -1) / 255.0


def shifted_table(n_features, seed):
    """Return a task of classification: source, target and test rows with labels."""
    data = make_shifted_classification(
        4000, n_features, n_informative=n_features, random_state=seed
    )
    source = data.X_source[:2000], data.y_source[:2000]
    target = data.X_target[:2000], data.y_target[:2000]
    return source, target, (data.X_target[2000:], data.y_target[2000:])


def shifted_curve(seed):
    """Return a regression of a curve, in whose columns the domains' means differ."""
    rng = np.random.default_rng(seed)

    def draw(n, mean):
        X = mean + rng.normal(size=(n, 3))
        return X, np.sin(X[:, 0]) + X[:, 1] ** 2 / 2 + rng.normal(0, 0.2, n)

    return draw(2000, 0.0), draw(2000, [1.0, 0.5, 0.0]), draw(2000, [1.0, 0.5, 0.0])


def reweight(n_seeds):
    """Return the table of the weightings."""
    tasks = {
        "classes, 2 columns": (lambda s: shifted_table(2, s), logistic()),
        "classes, 5 columns": (lambda s: shifted_table(5, s), logistic()),
        "curve, 3 columns": (shifted_curve, Ridge()),
    }
    lines = []
    for name, (draw, learner) in tasks.items():
        runs = np.array([weigh(draw(seed), learner) for seed in range(n_seeds)])
        source, target, sizes = runs[:, 0], runs[:, 1], runs[:, 2 + len(WEIGHTINGS) :]
        lines.append([name, "source only", spread(source), "", "2000"])
        for i, weighting in enumerate(WEIGHTINGS):
            score = runs[:, 2 + i]
            closed = (score - source).mean() / (target - source).mean()
            size = f"{sizes[:, i].mean():.0f} (lowest {sizes[:, i].min():.0f})"
            lines.append(["", weighting, spread(score), f"{100 * closed:.0f}", size])
        lines.append(["", "trained on the target", spread(target), "100", "2000"])
    header = ["task", "weights", "score %", "gap closed %", "effective sample size"]
    return table(header, lines)


def weigh(task, learner):
    """Return scores of source, target and each weighting, then the effective sizes."""
    (X_source, y_source), (X_target, y_target), test = task
    X, domain = np.vstack([X_source, X_target]), np.repeat([1, -2], 2000)
    y = np.concatenate([y_source, y_source])  # of the target any value will do
    is_class = isinstance(learner, LogisticRegression)
    cls = ReweightedClassifier if is_class else ReweightedRegressor
    models = [
        cls(learner, weighting=weighting).fit(X, y, domain) for weighting in WEIGHTINGS
    ]
    return [
        learner.fit(X_source, y_source).score(*test),
        learner.fit(X_target, y_target).score(*test),
        *(model.score(*test) for model in models),
        *(model.effective_sample_size_ for model in models),
    ]


def few_digits(seed):
    """Return printed digits, two handwritten ones of each class, and the others."""
    data = load_digit_domains()
    order = np.random.default_rng(seed).permutation(len(data.y_target))
    known = np.concatenate([order[data.y_target[order] == c][:2] for c in range(10)])
    rest = np.setdiff1d(order, known)
    X_source, X_target = flat(data.X_source), flat(data.X_target)
    return (
        (X_source, data.y_source),
        (X_target[known], data.y_target[known]),
        (X_target[rest], data.y_target[rest]),
    )


def mixed_table(seed):
    """Return a source half of which goes by the target's concept, half by another."""
    data = make_shifted_classification(
        3000, 5, n_informative=5, shift="concept", strength=2.0, random_state=seed
    )
    X = np.vstack([data.X_source[:400], data.X_target[2600:]])
    y = np.concatenate([data.y_source[:400], data.y_target[2600:]])
    known = data.X_target[:20], data.y_target[:20]
    return (X, y), known, (data.X_target[20:2600], data.y_target[20:2600])


def boost(n_seeds):
    """Return the table of TrAdaBoost."""
    curved = make_pipeline(PolynomialFeatures(2), StandardScaler(), logistic())
    plain = make_pipeline(StandardScaler(), logistic())
    tasks = {
        "mixed source, rows alike": (mixed_table, curved, False),
        "mixed source, domains alike": (mixed_table, curved, True),
        "fonts to digits, rows alike": (few_digits, plain, False),
        "fonts to digits, domains alike": (few_digits, plain, True),
    }
    lines = []
    for name, (draw, learner, balance) in tasks.items():
        runs = [few_labels(draw(seed), learner, balance) for seed in range(n_seeds)]
        lines.append([name, *map(spread, np.transpose(runs))])
    header = ["task, start of the weights", "source", "20 of the target", "pooled"]
    return table([*header, "pooled by weights", "TrAdaBoost"], lines)


def few_labels(task, learner, balance):
    """Return scores of source, few target rows, both pooled, and TrAdaBoost.

    With `balance` the domains start with the same weight.
    """
    source, known, test = task
    X, y = (np.concatenate(pair) for pair in zip(source, known, strict=True))
    domain = np.repeat([1, 2], [len(source[1]), len(known[1])])
    ratio = len(source[1]) / len(known[1])
    weight = np.where(domain == 2, ratio if balance else 1.0, 1.0)
    step = learner.steps[-1][0]
    scores = [learner.fit(*rows).score(*test) for rows in (source, known, (X, y))]
    with config_context(enable_metadata_routing=False):
        learner.fit(X, y, **{f"{step}__sample_weight": weight})
    scores.append(learner.score(*test))
    model = TrAdaBoostClassifier(learner, target_domain=2).fit(X, y, domain, weight)
    return [*scores, model.score(*test)]


def main():
    """Print the tables."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    n_seeds = parser.parse_args().seeds
    for part in (reweight, boost):
        print(f"{part(n_seeds)}\n", flush=True)


if __name__ == "__main__":
    main()
