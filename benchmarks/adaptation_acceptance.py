"""What DomainAdaptClassifier promises, measured: printed to handwritten digits.

``python benchmarks/adaptation_acceptance.py`` fits the classifier as it comes, with
several methods and three seeds, on 3000 printed digits with labels and 1200 handwritten
ones without, and prints the accuracy on the 597 others in Markdown. Target labels are
used for this table alone, but for the five to a class that "joint" learns from.

A fit adds one line to ``--results`` and is left out if its line is there.
``--methods mdd shot --seeds 1`` runs some of it, ``--shared`` all of it with the small
net and the settings of ``adaptation.py``: give it other ``--results``.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from _adaptation import results, tasks
from _adaptation.by_sktransfer import SETTINGS, backbone_of
from adaptation import EPOCHS
from sklearn.frozen import FrozenEstimator

from sktransfer import DomainAdaptClassifier
from sktransfer.datasets import load_digit_domains, pack_domains
from sktransfer.finetuning import CrossEntropy

N_UNLABELLED = 1200
N_LABELLED = 5  # of each class, for "joint"
RESULTS = Path("build/adaptation/acceptance.jsonl")


@dataclass(frozen=True)
class Case:
    """A method as it is asked for, and what is expected of it.

    `least`: accuracy in percent. `over_source`: points over training on the source.
    """

    method: object
    labelled: bool = False
    source_free: bool = False
    least: float | None = None
    over_source: float | None = None


CASES = {
    "default": Case("auto", least=92),
    "source_only": Case("source_only"),
    "mdd": Case("mdd", least=90),
    "dann": Case("dann", least=84, over_source=8),
    "cdan": Case("cdan", least=84, over_source=8),
    "dan": Case("dan", over_source=5),
    "jan": Case("jan", over_source=5),
    "deepcoral": Case("deepcoral", over_source=1),
    "joint": Case("joint", labelled=True, least=95.5),
    "joint+mcc+fixmatch": Case(["joint", "mcc", "fixmatch"], labelled=True, least=95.5),
    "shot": Case("shot", source_free=True, least=94),
}


def load():
    """Return source rows and labels, target rows and labels, held-out ones."""
    d = load_digit_domains()
    order = np.random.default_rng(100).permutation(len(d.y_target))
    train, test = order[:N_UNLABELLED], order[N_UNLABELLED:]
    X, y = d.X_target, d.y_target
    return d.X_source, d.y_source, X[train], y[train], X[test], y[test]


def few_labels(y):
    """Return the labels of the first rows of each class, None for the other rows."""
    few = np.full(len(y), None, dtype=object)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)[:N_LABELLED]
        few[rows] = y[rows]
    return few


def classifier(shared, seed, **parameters):
    """Return the classifier as it comes, or with what `shared` says."""
    return DomainAdaptClassifier(random_state=seed, **{**shared, **parameters})


def shared_settings(seed):
    """Return the net and the settings of adaptation.py."""
    torch.manual_seed(seed)
    task = tasks.Task(*load())
    return {"backbone": backbone_of(task), "max_epochs": EPOCHS, **SETTINGS}


def fitted(case, seed, shared):
    """Return the classifier of a case, fitted."""
    X, y, X_target, y_target, *_ = load()
    if case.source_free:
        # as the paper of SHOT trains its sources
        smooth = CrossEntropy(label_smoothing=0.1)
        plain = classifier(shared, seed, method="source_only", loss=smooth)
        source = FrozenEstimator(plain.fit(X, y))
        own = {"method": case.method, "source": source, "backbone": "auto"}
        return classifier(shared, seed, **own).fit(X_target)
    labels = few_labels(y_target) if case.labelled else None
    model = classifier(shared, seed, method=case.method)
    return model.fit(*pack_domains(X, y, X_target, labels))


def run_one(path, name, seed, shared):
    """Fit a case and note its accuracy, unless it has been."""
    if (name, seed) in {(r["case"], r["seed"]) for r in results.read(path)}:
        return
    start = time.process_time()
    model = fitted(CASES[name], seed, shared)
    seconds = time.process_time() - start
    *_, X_test, y_test = load()
    accuracy = float(model.score(X_test, y_test))
    result = {"case": name, "seed": seed, "accuracy": accuracy, "seconds": seconds}
    results.append(path, result)
    print(result, file=sys.stderr, flush=True)


def report(rows):
    """Return the table in Markdown."""
    by_case = {name: [r for r in rows if r["case"] == name] for name in CASES}
    source = mean_accuracy(by_case["source_only"])
    lines = [line(name, rows, source) for name, rows in by_case.items() if rows]
    return "\n".join([*HEADER, *lines])


HEADER = (
    "| method | accuracy %, by seed | mean | over source only | asked for | CPU s |",
    "|---|---|---|---|---|---|",
)


def line(name, rows, source):
    """Return the row of one case."""
    case, mean = CASES[name], mean_accuracy(rows)
    accuracy = ", ".join(f"{100 * r['accuracy']:.1f}" for r in rows)
    asked = [] if case.least is None else [f">= {case.least:g}"]
    if case.over_source is not None:
        asked.append(f"+{case.over_source:g}")
    seconds = np.median([r["seconds"] for r in rows])
    return (
        f"| {name} | {accuracy} | {mean:.1f} | {mean - source:+.1f} | "
        f"{', '.join(asked) or '-'} | {seconds:.0f} |"
    )


def mean_accuracy(rows):
    """Return the mean accuracy in percent."""
    return 100 * np.mean([r["accuracy"] for r in rows]) if rows else np.nan


def main():
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--methods", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shared", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for seed in range(options.seeds):
        shared = shared_settings(seed) if options.shared else {}
        for name in options.methods:
            run_one(options.results, name, seed, shared)
    print(report(results.read(options.results)))


if __name__ == "__main__":
    main()
