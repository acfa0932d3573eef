"""Which method would be the default, each task being left out of the choice in turn."""

from collections import defaultdict

import numpy as np

HEADER = (
    "| left out | chosen by the others | its accuracy % | best there | accuracy % |",
    "|---|---|---|---|---|",
)


def report(results, tasks, ours="sktransfer"):
    """Return the choice for each of `tasks`, and that by all of them, in Markdown.

    Chosen is the method of the best mean accuracy over the other tasks, among those
    that were run on all.
    """
    accuracy = mean_accuracy([r for r in results if r["contestant"] == ours])
    tasks = [
        task for task in tasks if any(task in found for found in accuracy.values())
    ]
    accuracy = {m: found for m, found in accuracy.items() if set(tasks) <= set(found)}
    if len(tasks) < 2 or not accuracy:
        return "Too few tasks have been run."
    lines = [line(accuracy, tasks, task) for task in tasks]
    return "\n".join([*HEADER, *lines, f"\nBy all: {best(accuracy, tasks)}"])


def mean_accuracy(results):
    """Return {method: {task: mean accuracy over seeds, in percent}}."""
    runs = defaultdict(lambda: defaultdict(list))
    for r in results:
        runs[r["method"]][r["task"]].append(100 * r["accuracy"])
    return {
        method: {task: np.mean(values) for task, values in found.items()}
        for method, found in runs.items()
    }


def best(accuracy, tasks):
    """Return the method of the best mean accuracy over `tasks`."""
    return max(accuracy, key=lambda m: np.mean([accuracy[m][task] for task in tasks]))


def line(accuracy, tasks, left_out):
    """Return the row of one task."""
    chosen = best(accuracy, [task for task in tasks if task != left_out])
    there = best(accuracy, [left_out])
    return (
        f"| {left_out} | {chosen} | {accuracy[chosen][left_out]:.1f} | "
        f"{there} | {accuracy[there][left_out]:.1f} |"
    )
