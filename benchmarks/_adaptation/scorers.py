"""Candidates to choose from without target labels, and how well that goes."""

from itertools import groupby

import numpy as np
import torch
from scipy.stats import rankdata, spearmanr
from sklearn.model_selection import train_test_split

from sktransfer import adaptation
from sktransfer.datasets import pack_domains
from sktransfer.metrics import get_adaptation_scorer

from . import tasks

SCORERS = (
    *("bnm", "circular", "class_cluster", "consistency", "dev"),
    *("entropy", "im", "iwcv", "mixval", "snd"),
)
LOSSES = ("DANN", "CDAN", "MDD", "DAN", "JAN", "DeepCORAL", "MCC", "BNM", "IM")
FACTORS = (0.3, 1, 3)  # of the default weights
PLAIN = (
    "source_only",
    ("mcc", "fixmatch"),
    ("im", "fixmatch"),
    ("cdan", "mcc", "fixmatch"),
)
#: Those that differ most, for tasks where a fit takes long.
FEW = (
    *("source_only", "mcc + fixmatch", "cdan + mcc + fixmatch"),
    *("dann x 1", "dann x 3", "cdan x 1", "cdan x 3", "mdd x 1", "dan x 3"),
    *("jan x 1", "mcc x 0.3", "mcc x 1", "bnm x 1", "im x 1"),
)
#: Not by one scorer: the default method always, any candidate, or, of two scorers, by
#: the mean of the ranks. The accuracy on source rows is what is to be had anyway.
COMPARED = (
    *("default method", "any, at random"),
    *("source accuracy", "im and consistency"),
)
DEFAULTS = {"image": "cdan + mcc + fixmatch", "table": "cdan x 1"}
ALIGNING = ("source_only", "dann", "cdan", "mdd", "dan", "jan", "deepcoral")
KEY = ("task", "seed", "candidate")


def candidates():
    """Return {name: method} of the methods and weights to choose from."""
    found = {" + ".join([m] if isinstance(m, str) else m): m for m in PLAIN}
    for name in LOSSES:
        for factor in FACTORS:
            method = getattr(adaptation, name)()
            method.weight *= factor
            found[f"{name.lower()} x {factor}"] = method
    return found


def split_source(task):
    """Return the task with four fifths of its source, and the other fifth, X and y."""
    X, X_val, y, y_val = train_test_split(
        task.X_source,
        task.y_source,
        test_size=0.2,
        stratify=task.y_source,
        random_state=0,
    )
    rest = tasks.Task(X, y, task.X_target, task.y_target, task.X_test, task.y_test)
    return rest, X_val, y_val


def fit(estimator, task):
    """Return the estimator, adapted from the source to the target of `task`."""
    torch.set_num_threads(1)
    X, y, domain = pack_domains(task.X_source, task.y_source, task.X_target)
    return estimator.fit(X, y, sample_domain=domain)


def evaluate(model, task, X_val, y_val):
    """Return all scores of a fitted model, and its accuracy, which none has seen.

    Scores are of the unlabelled target rows, and of source rows that were held out.
    """
    X, y, domain = pack_domains(X_val, y_val, task.X_target)
    scores = {
        name: get_adaptation_scorer(name)(model, X, y, sample_domain=domain)
        for name in SCORERS
    }
    scores["source accuracy"] = float(np.mean(model.predict(X_val) == y_val))
    return {
        "scores": scores,
        "accuracy": float(np.mean(model.predict(task.X_test) == task.y_test)),
    }


def aligns(result):
    """Return whether a candidate aligns the domains, or learns from the source alone.

    The others are trained for sure predictions and no more, as most scores want them.
    """
    return result["candidate"].split()[0] in ALIGNING


def report(results):
    """Return the tables of all tasks together, and of each, in Markdown.

    Twice: the choice is among all candidates, or among those that align the domains.
    """
    results = sorted(results, key=place)
    groups = [list(group) for _, group in groupby(results, key=place)]
    parts = [*sections("All tasks", groups)]
    for task in dict.fromkeys(result["task"] for result in results):
        parts += sections(task, [g for g in groups if g[0]["task"] == task])
    return "\n\n".join(parts)


def place(result):
    """Return within what a choice is made: the task and the seed."""
    return result["task"], result["seed"]


def sections(title, groups):
    """Return the two tables of some tasks."""
    n_models = sum(map(len, groups))
    yield f"## {title}: {n_models} models, {len(groups)} choices"
    yield "Among all:\n\n" + table(groups, lambda result: True)
    yield "Among those that align the domains:\n\n" + table(groups, aligns)


def table(groups, eligible):
    """Return how well each scorer chooses within each of `groups`, best first."""
    rows = [
        (name, *np.transpose([choice(group, eligible, name) for group in groups]))
        for name in (*SCORERS, *COMPARED)
    ]
    rows.sort(key=lambda row: row[1].mean())
    return "\n".join(HEADER + tuple(line(*row) for row in rows))


HEADER = (
    "| scorer | regret, mean | worst | rank correlation, mean | lowest |",
    "|---|---|---|---|---|",
)


def line(name, regret, rank):
    """Return the row of one scorer."""
    return (
        f"| {name} | {regret.mean():.1f} | {regret.max():.1f} | "
        f"{rank.mean():.2f} | {rank.min():.2f} |"
    )


def choice(group, eligible, name):
    """Return the points lost by the choice, and Spearman's rank correlation.

    They are lost against the best candidate, eligible or not. Of candidates with the
    same highest score, any may be chosen.
    """
    best = max(result["accuracy"] for result in group)
    group = list(filter(eligible, group))
    accuracy = np.array([result["accuracy"] for result in group])
    values = values_of(group, name)
    picked = accuracy[values == values.max()].mean()
    varied = min(np.ptp(values), np.ptp(accuracy)) > 0
    rank = spearmanr(values, accuracy).statistic if varied else 0.0
    return 100 * (best - picked), rank


def values_of(group, name):
    """Return the value of each result that is chosen by; see `SCORERS`, `COMPARED`."""
    if name == "any, at random":
        return np.zeros(len(group))
    if name == "default method":
        kind = "image" if group[0]["task"] in tasks.IMAGES else "table"
        return np.array([r["candidate"] == DEFAULTS[kind] for r in group], float)
    scores = [
        np.array([result["scores"][part] for result in group])
        for part in name.split(" and ")
    ]
    if len(scores) == 1:
        return scores[0]
    return np.mean([rankdata(each) for each in scores], axis=0)
