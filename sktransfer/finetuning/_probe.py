"""The convex head: a linear model on standardised features, solved to convergence."""

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from ._lbfgs import minimize
from ._probe_cv import choose_strength
from ._probe_problem import ProbeProblem

# Of the objective: weights of rows then do what repeated rows do.
_TOLERANCE = 1e-12


def solve_head(features, y, weight, *, loss, class_counts, n_outputs, C, seed=0):
    """Return weight (n_outputs, d) and bias of the head on `features`, and C.

    Strengths are compared in the precision of `features`; the solution is computed in
    double precision.
    """
    scaler = StandardScaler().fit(features, sample_weight=weight)
    Z = scaler.transform(features.astype(np.float64))
    weight = np.ones(len(Z)) if weight is None else weight.astype(np.float64)
    basis, Z = _row_space(Z)
    task = {"loss": loss, "class_counts": class_counts, "n_outputs": n_outputs}
    if C == "cv":
        C = choose_strength(Z.astype(features.dtype), y, weight, seed, **task)
    problem = ProbeProblem(Z, y, weight[None], **task)
    start = torch.zeros(problem.shape, dtype=torch.float64)
    W = minimize(problem, C, start, _TOLERANCE)[0].numpy()
    W, bias = W[:, :-1], W[:, -1]
    weights = (W if basis is None else W @ basis.T) / scaler.scale_
    return weights, bias - weights @ scaler.mean_, C


def _row_space(Z):
    """Return an orthonormal basis (d, n) of the rows of a wide Z, and Z in it.

    The weights of least norm are combinations of the rows, so nothing is lost.
    """
    if Z.shape[0] >= Z.shape[1]:
        return None, Z
    basis, coordinates = np.linalg.qr(Z.T)
    return basis, coordinates.T
