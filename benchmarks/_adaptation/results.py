"""Results, one JSON line per run, and the tables made of them."""

import json
from collections import defaultdict

import numpy as np
from scipy.stats import t

KEY = ("task", "contestant", "method", "seed", "epochs")


def read(path):
    """Return the results in the file `path`, a list of dict."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def append(path, result):
    """Add a result to the file `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(result) + "\n")


def keys(results):
    """Return what tells the results apart, a set."""
    return {tuple(result[name] for name in KEY) for result in results}


def report(results, ours="sktransfer"):
    """Return one Markdown section per task."""
    tasks = dict.fromkeys(result["task"] for result in results)
    return "\n\n".join(
        section(task, [r for r in results if r["task"] == task], ours) for task in tasks
    )


def section(task, results, ours):
    """Return the table of one task, and what we gain over the others."""
    runs = by_seed(results)
    rows = [line(*names, runs[names]) for names in sorted(runs)]
    gains = [gain(*names, runs, ours) for names in sorted(runs) if names[1] != ours]
    parts = [f"## {task}", "\n".join([*HEADER, *rows])]
    if any(gains):
        parts.append("\n".join([*GAIN_HEADER, *filter(None, gains)]))
    return "\n\n".join(parts)


HEADER = (
    "| method | contestant | accuracy % | sd | lowest | seeds | CPU s / epoch |",
    "|---|---|---|---|---|---|---|",
)
GAIN_HEADER = (
    "| method | against | gain, points | 95 % interval | seeds |",
    "|---|---|---|---|---|",
)


def by_seed(results):
    """Return {(method, contestant): {seed: (accuracy in percent, seconds)}}."""
    runs = defaultdict(dict)
    for r in results:
        pair = 100 * r["accuracy"], r["seconds_per_epoch"]
        runs[r["method"], r["contestant"]][r["seed"]] = pair
    return dict(runs)


def line(method, contestant, runs):
    """Return the row of one method of one contestant."""
    accuracy, seconds = np.array(list(runs.values())).T
    spread = f"{accuracy.std(ddof=1):.1f}" if len(runs) > 1 else "-"
    return (
        f"| {method} | {contestant} | {accuracy.mean():.1f} | {spread} | "
        f"{accuracy.min():.1f} | {len(runs)} | {np.median(seconds):.3f} |"
    )


def gain(method, contestant, runs, ours):
    """Return the row of our gain over `contestant`, None without shared seeds."""
    mine, theirs = runs.get((base_of(method), ours), {}), runs[method, contestant]
    seeds = sorted(mine.keys() & theirs.keys())
    if len(seeds) < 2:
        return None
    gains = np.array([mine[seed][0] - theirs[seed][0] for seed in seeds])
    half = t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
    mean = gains.mean()
    return (
        f"| {method} | {contestant} | {mean:+.1f} | "
        f"{mean - half:+.1f} to {mean + half:+.1f} | {len(seeds)} |"
    )


def base_of(method):
    """Return the name that we have for a variant of a method."""
    return method.removesuffix("_quadratic").removesuffix("+e")
