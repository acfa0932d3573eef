"""Domain adaptation: accuracy on the target and time, beside other libraries.

``python benchmarks/adaptation.py`` runs every contestant that is installed on fonts to
digits with three seeds, and prints the tables in Markdown. All have the same net, data,
batches, optimizer and number of epochs; target labels are used for these tables alone.

A run adds one line to ``--results`` and is left out if its line is there, so that
contestants which need environments of their own can share a file:

- ``--contestants "skada" --tasks all --seeds 10`` runs some of it;
- ``--report`` prints the tables of what has been run;
- ``--choose`` prints which method the other tasks choose, for each task that is left
  out in turn, as the defaults were chosen;
- ``--gap`` prints what nets reach that are trained on the source, and on the target's
  labels;
- ``--time`` prints the CPU time of ours per epoch as a ratio to that of the others.

The features of photographs need the folder SKTRANSFER_DATA (``ants and bees``,
``cifar``; see ``_adaptation/photographs.py``).
"""

import argparse
import sys
import traceback
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import torch
from _adaptation import choice, contestants, results, tasks
from _tables import median_and_range

EPOCHS, EPOCHS_FEW_ROWS = 20, 100
# Of a table they are short: what a fit does once would weigh as much.
EPOCHS_TO_TIME, EPOCHS_TO_TIME_TABLES = 5, 20
FEW_ROWS = 500
ROUNDS = 5
RESULTS = Path("build/adaptation/runs.jsonl")


def epochs_of(task):
    """Return the number of epochs: more where they are short."""
    return EPOCHS_FEW_ROWS if len(task.y_source) < FEW_ROWS else EPOCHS


def run_one(path, name, contestant, method, seed):
    """Run a contestant on the task called `name`, unless it has been."""
    task = tasks.load_task(name, path.parent / "tasks")
    run = (name, contestant, method, seed, epochs_of(task))
    if run in results.keys(results.read(path)):
        return
    predictions, seconds = contestants.fit_predict(
        contestant, task, method, epochs_of(task), seed
    )
    result = dict(zip(results.KEY, run, strict=True))
    result["accuracy"] = float(np.mean(predictions == task.y_test))
    result["seconds_per_epoch"] = round(seconds, 4)
    results.append(path, result)
    print(result, file=sys.stderr, flush=True)


def run_all(path, options):
    """Run all that is asked for, seed by seed; report what fails, and go on."""
    for seed, name in product(range(options.seeds), options.tasks):
        for contestant in options.contestants:
            for method in options.methods or contestants.methods_of(contestant):
                if method not in contestants.methods_of(contestant):
                    continue
                try:
                    run_one(path, name, contestant, method, seed)
                except Exception:
                    print(contestant, method, "failed", file=sys.stderr)
                    traceback.print_exc()


def print_gap(path, options):
    """Print accuracy by the source's labels, and by those of the target."""
    print("| task | rows: source, target, held out | source only % | target labels % |")
    print("|---|---|---|---|")
    for name in options.tasks:
        task = tasks.load_task(name, path.parent / "tasks")
        rows = [len(y) for y in (task.y_source, task.y_target, task.y_test)]
        source, target = (
            np.mean([source_accuracy(task, seed) for seed in range(options.seeds)])
            for task in (task, on_target_labels(task))
        )
        rows = ", ".join(map(str, rows))
        print(f"| {name} | {rows} | {100 * source:.1f} | {100 * target:.1f} |")


def source_accuracy(task, seed):
    """Return the accuracy of the net that is trained on the source alone."""
    predictions, _ = contestants.fit_predict(
        "by hand", task, "source_only", epochs_of(task), seed
    )
    return np.mean(predictions == task.y_test)


def on_target_labels(task):
    """Return the task whose source is the target, for supervised training."""
    X, y = task.X_target, task.y_target
    return tasks.Task(X, y, X, y, task.X_test, task.y_test)


def print_times(path, options):
    """Print the ratios of our CPU time per epoch to that of the other contestants."""
    task = tasks.load_task(options.tasks[0], path.parent / "tasks")
    rivals = [name for name in options.contestants if name != "sktransfer"]
    print("| method | rival | our time / its time, median | range |")
    print("|---|---|---|---|")
    for method, rival in product(options.methods or contestants.OURS, rivals):
        if method in contestants.methods_of(rival):
            ratios = [ratio(task, method, rival, i) for i in range(-1, ROUNDS)][1:]
            print(f"| {method} | {rival} | {median_and_range(ratios)} |", flush=True)


def ratio(task, method, rival, seed):
    """Return our CPU time per epoch, divided by that of the rival."""
    seed = max(seed, 0)  # the first round warms up
    epochs = EPOCHS_TO_TIME_TABLES if task.is_table else EPOCHS_TO_TIME
    ours, its = (
        contestants.fit_predict(name, task, method, epochs, seed)[1]
        for name in ("sktransfer", rival)
    )
    return ours / its


def parsed():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--tasks", nargs="+", default=["fonts to digits"])
    parser.add_argument("--contestants", nargs="+")
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    for flag in ("report", "choose", "gap", "time"):
        parser.add_argument(f"--{flag}", action="store_true")
    options = parser.parse_args()
    if options.contestants is None:
        options.contestants = contestants.installed(with_reports=options.time)
    if options.tasks == ["all"]:
        options.tasks = tasks.NAMES
    return options


def main():
    """Do what the command line asks for."""
    options = parsed()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # those of the other libraries, in every step
    if options.gap:
        print_gap(options.results, options)
    elif options.choose:
        print(choice.report(results.read(options.results), options.tasks))
    elif options.time:
        print_times(options.results, options)
    else:
        if not options.report:
            run_all(options.results, options)
        print(results.report(results.read(options.results)))


if __name__ == "__main__":
    main()
