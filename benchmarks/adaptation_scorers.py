"""Choice without target labels: how well the label-free scorers find the best model.

``python benchmarks/adaptation_scorers.py`` trains candidates, methods times weights, on
each task with each seed, and prints in Markdown what the choice by each scorer costs:
accuracy of the best candidate less that of the chosen one, in points, within a task and
seed, and the rank correlation of scores and accuracies. Target labels are used for
these tables alone, and only those of rows that take no part in training and scores.
Second tables leave out, of what may be chosen, candidates trained for sure predictions
without aligning the domains: most scores measure just what these are trained for.

A model adds one line to ``--results`` and is left out if its line is there. ``--few``
takes the candidates that differ most; ``--report`` prints the tables of what has been
run.
"""

import argparse
import sys
import warnings
from itertools import product
from pathlib import Path

from _adaptation import by_sktransfer, results, scorers, tasks
from adaptation import epochs_of

RESULTS = Path("build/adaptation/scorers.jsonl")
TASKS = ["turned digits", "drifted sensors", "fonts to digits"]


def run_one(path, name, seed, candidate, method):
    """Train and score a candidate on the task called `name`."""
    task = tasks.load_task(name, path.parent / "tasks")
    task, X_val, y_val = scorers.split_source(task)
    model = by_sktransfer.estimator(task, method, epochs_of(task), seed)
    result = dict(zip(scorers.KEY, (name, seed, candidate), strict=True))
    result |= scorers.evaluate(scorers.fit(model, task), task, X_val, y_val)
    results.append(path, result)
    print(name, seed, candidate, result["accuracy"], file=sys.stderr, flush=True)


def run_all(options):
    """Run all that is asked for and has not been run."""
    candidates = scorers.candidates()
    names = scorers.FEW if options.few else candidates
    done = {
        tuple(result[key] for key in scorers.KEY)
        for result in results.read(options.results)
    }
    for run in product(options.tasks, range(options.seeds), names):
        if run not in done:
            run_one(options.results, *run, candidates[run[-1]])


def parsed():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--seeds", type=int, default=2)
    for flag in ("few", "report"):
        parser.add_argument(f"--{flag}", action="store_true")
    return parser.parse_args()


def main():
    """Do what the command line asks for."""
    options = parsed()
    warnings.simplefilter("ignore")  # of discriminators that some weights overwhelm
    if not options.report:
        run_all(options)
    print(scorers.report(results.read(options.results)))


if __name__ == "__main__":
    main()
