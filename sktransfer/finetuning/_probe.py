"""The convex head: a linear model on standardised features, solved to convergence."""

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from ._losses import SquaredError

CV_GRID = tuple(np.logspace(-4, 2, 10))
_TOLERANCE = 1e-7
# Enough to tell one strength from the next, each starting from the one before.
_CV_TOLERANCE, _CV_ITERATIONS = 1e-4, 100
_MAX_ITERATIONS = 1000


class ProbeProblem:
    """Loss of a linear head on standardised features, as a function of its weights.

    Minimises ``||W||**2 / 2 + C * sum of weight * loss`` (the form of scikit-learn's
    `LogisticRegression`), divided by ``C * sum of weight``. For two classes W is, as
    there, the difference of the weights of the two logits.

    Parameters
    ----------
    Z : ndarray (n, d)
        Standardised features.
    y : ndarray (n,) of int64 or (n, n_outputs) of float
    weight : ndarray (n,) or None
    loss : object with `loss(outputs, y, class_counts)`
    class_counts : ndarray (n_classes,) or None
    n_outputs : int
    """

    def __init__(self, Z, y, weight, loss, class_counts, n_outputs):
        weight = np.ones(len(Z)) if weight is None else weight.astype(np.float64)
        y = y.astype(np.float64) if y.dtype.kind == "f" else y
        self.Z, self.y = torch.from_numpy(Z), torch.from_numpy(y)
        self.weight = torch.from_numpy(weight / weight.sum())
        self.total = weight.sum()
        self.loss, self.n_outputs = loss, n_outputs
        self.class_counts = (
            None if class_counts is None else torch.from_numpy(class_counts)
        )
        # At the optimum two logits are w / 2 and -w / 2: half the norm of w.
        self.norm_factor = 2.0 if class_counts is not None and n_outputs == 2 else 1.0

    def solve(self, C, start=None, tolerance=_TOLERANCE, iterations=_MAX_ITERATIONS):
        """Return the solution as one (d + 1, n_outputs) array, intercept last.

        Squared error is ridge regression with ``alpha = 1 / C``.
        """
        if isinstance(self.loss, SquaredError):
            ridge = Ridge(alpha=1 / C)
            ridge.fit(self.Z.numpy(), self.y.numpy(), self.weight.numpy() * self.total)
            return np.vstack([np.atleast_2d(ridge.coef_).T, ridge.intercept_])
        shape = (self.Z.shape[1] + 1, self.n_outputs)
        start = np.zeros(shape) if start is None else start
        # The vectors are short: waiting for threads takes longer than computing.
        with threadpool_limits(1, user_api="blas"):
            result = minimize(
                self.value_and_gradient,
                start.ravel(),
                args=(1 / (C * self.total),),
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": iterations, "gtol": tolerance, "ftol": 0.0},
            )
        return result.x.reshape(shape)

    def loss_of(self, solution):
        """Return the summed loss of a `solution`."""
        return self.total * self.value_and_gradient(solution.ravel(), 0.0)[0]

    def rows(self, index):
        """Return the problem of some rows."""
        return ProbeProblem(
            self.Z[index].numpy(),
            self.y[index].numpy(),
            self.weight[index].numpy() * self.total,
            self.loss,
            None if self.class_counts is None else self.class_counts.numpy(),
            self.n_outputs,
        )

    def value_and_gradient(self, flat, strength):
        """Return the scaled objective and its gradient at the `flat` weights."""
        W = torch.from_numpy(flat.copy()).view(-1, self.n_outputs).requires_grad_()
        outputs = self.Z @ W[:-1].to(self.Z.dtype) + W[-1].to(self.Z.dtype)
        losses = self.loss.loss(outputs, self.y, self.class_counts)
        norm = self.norm_factor * W[:-1].square().sum()
        value = (losses * self.weight).sum() + strength / 2 * norm
        value.backward()
        return value.item(), W.grad.double().numpy().ravel()


def solve_head(features, y, weight, *, loss, class_counts, n_outputs, C, seed=0):
    """Return weight (n_outputs, d) and bias of the head on `features`, and C."""
    scaler = StandardScaler().fit(features, sample_weight=weight)
    Z = scaler.transform(features.astype(np.float64))
    problem = ProbeProblem(Z, y, weight, loss, class_counts, n_outputs)
    C = choose_C(problem, seed) if C == "cv" else C
    coefficients = problem.solve(C)
    weights = coefficients[:-1] / scaler.scale_[:, None]
    return weights.T, coefficients[-1] - scaler.mean_ @ weights, C


def choose_C(problem, seed):
    """Return the strength with the least loss on held-out rows over five folds.

    The loss rather than the accuracy: it has no ties on a few hundred rows.
    """
    totals = np.zeros(len(CV_GRID))
    for train, test in _folds(problem.y.numpy(), seed):
        fitted, held_out, solution = problem.rows(train), problem.rows(test), None
        for number, C in enumerate(CV_GRID):
            solution = fitted.solve(C, solution, _CV_TOLERANCE, _CV_ITERATIONS)
            totals[number] += held_out.loss_of(solution)
    return float(CV_GRID[np.argmin(totals)])


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
