"""The strength of the convex head, chosen by cross-validation."""

import numpy as np
import torch
from sklearn.model_selection import KFold, StratifiedKFold

from ._lbfgs import minimize
from ._probe_problem import ProbeProblem

CV_GRID = tuple(np.logspace(-4, 2, 10))
# Of the fall that a step promises; the objective is then within 1e-4 of its optimum.
_TOLERANCE = 2e-6
# Outputs of all folds that are held at once.
_MAX_OUTPUTS = 2**26


def choose_strength(Z, y, weight, seed, *, loss, class_counts, n_outputs):
    """Return the strength with the least loss on held-out rows over five folds.

    The loss rather than the accuracy: it has no ties on a few hundred rows.
    Parameters are those of `ProbeProblem`, but for `weight` (n,).
    """
    folds = [rows for _, rows in _folds(y, seed)]
    held_out = np.zeros((len(folds), len(y)))
    for fold, rows in enumerate(folds):
        held_out[fold, rows] = weight[rows]
    at_once = max(1, _MAX_OUTPUTS // (len(y) * n_outputs))
    losses = np.zeros(len(CV_GRID))
    for start in range(0, len(held_out), at_once):
        tested = held_out[start : start + at_once]
        problem = ProbeProblem(Z, y, weight - tested, loss, class_counts, n_outputs)
        losses += [
            (problem.losses(problem.outputs(W))[0] * torch.from_numpy(tested)).sum()
            for W in path(problem, CV_GRID)
        ]
    return float(CV_GRID[np.argmin(losses)])


def path(problem, strengths):
    """Yield the weights at each of `strengths`, whose logarithms are evenly spaced.

    Each solution starts from a parabola through the last three.
    """
    W = torch.zeros(problem.shape, dtype=problem.Z.dtype)
    last = [W, W, W]
    for C in strengths:
        start = 3 * last[2] - 3 * last[1] + last[0]
        last = [*last[1:], minimize(problem, C, start, _TOLERANCE)]
        yield last[2]


def _folds(y, seed):
    if len(y) < 2:
        raise ValueError("C='cv' needs at least 2 rows. Give C a number here.")
    if y.ndim > 1:
        return KFold(min(5, len(y)), shuffle=True, random_state=seed).split(y)
    rarest = np.bincount(y).min()
    if rarest < 2:
        raise ValueError(
            f"C='cv' needs at least 2 rows of every class, but one class has {rarest}. "
            "Give C a number, such as the default."
        )
    folds = StratifiedKFold(min(5, rarest), shuffle=True, random_state=seed)
    return folds.split(y, y)
