"""Preconditioned L-BFGS for several linear models on the same rows."""

import warnings
from collections import deque
from typing import NamedTuple

import torch
from sklearn.exceptions import ConvergenceWarning

# Pairs of steps; iterations; iterations with one preconditioner; trials of a step.
_MEMORY, _MAX_ITERATIONS, _REFRESH, _MAX_TRIALS = 5, 1000, 30, 20
# A step is good where the slope has become so much smaller.
_FLATTER = 0.9


class Point(NamedTuple):
    """Weights, what they give, and the objective there with its gradient."""

    W: torch.Tensor
    outputs: torch.Tensor
    value: torch.Tensor
    gradient: torch.Tensor


class Trial(NamedTuple):
    """What a step along a line gives; `slopes` are those of the loss in the outputs."""

    step: torch.Tensor
    outputs: torch.Tensor
    value: torch.Tensor
    slope: torch.Tensor
    slopes: torch.Tensor


@torch.no_grad()
def minimize(problem, C, W, tolerance):
    """Return the weights that minimise each objective of a `ProbeProblem`.

    The heads advance together, each with its own steps: L-BFGS [1]_ whose first guess
    of the Hessian is the problem's preconditioner. A head is done when the fall that a
    Newton step with the preconditioner promises is below `tolerance` times its
    objective. Where that takes too long, there is a `ConvergenceWarning`.

    Parameters
    ----------
    problem : ProbeProblem
    C : float
        Strength of the loss.
    W : Tensor (n_heads, n_outputs, d + 1)
        Where to start.
    tolerance : float

    Returns
    -------
    Tensor (n_heads, n_outputs, d + 1)

    References
    ----------
    .. [1] J. Nocedal, S. Wright. Numerical optimization. Springer 2006, chapter 7.
    """
    point = _start(problem, C, W)
    pairs = deque(maxlen=_MEMORY)
    for iteration in range(_MAX_ITERATIONS):
        if iteration % _REFRESH == 0:
            precondition = problem.preconditioner(C, point.outputs)
        promise = _dot(point.gradient, precondition(point.gradient)) / 2
        active = promise > tolerance * point.value
        if not active.any():
            break
        direction = _direction(point.gradient, pairs, precondition)
        line = _Line(problem, C, point, direction * _column(active, direction))
        new = line.search()
        pairs.append((new.W - point.W, new.gradient - point.gradient))
        point = new
    else:
        warnings.warn(
            f"The linear head has not converged in {_MAX_ITERATIONS} iterations at "
            f"C={C:g}. Take a smaller C.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return point.W


def _start(problem, C, W):
    outputs, penalised = problem.outputs(W), problem.penalty * W
    loss, slopes = problem.summed(*problem.losses(outputs))
    value = _dot(penalised, W) / 2 + C * loss
    return Point(W, outputs, value, penalised + C * problem.pull_back(slopes))


def _direction(gradient, pairs, precondition):
    """Return the step of L-BFGS by the two-loop recursion."""
    q, shares = -gradient, []
    curvatures = [_dot(step, change) for step, change in pairs]
    for (step, change), curvature in zip(
        reversed(pairs), reversed(curvatures), strict=True
    ):
        shares.append(_ratio(_dot(step, q), curvature))
        q = q - _column(shares[-1], q) * change
    q = precondition(q)
    if pairs:
        change = pairs[-1][1]
        scale = _ratio(curvatures[-1], _dot(change, precondition(change)))
        q = q * _column(torch.where(scale > 0, scale, 1.0), q)
    for (step, change), curvature in zip(pairs, curvatures, strict=True):
        share = shares.pop() - _ratio(_dot(change, q), curvature)
        q = q + _column(share, q) * step
    return q


class _Line:
    """The objectives along a direction: a step costs the loss, no matrix product."""

    def __init__(self, problem, C, start, direction):
        self.problem, self.C, self.start = problem, C, start
        self.direction, self.change = direction, problem.outputs(direction)
        penalised = problem.penalty * direction
        self.square = _dot(problem.penalty * start.W, start.W)
        self.mixed, self.bend = _dot(penalised, start.W), _dot(penalised, direction)

    def at(self, step):
        """Return what a step of each head gives."""
        outputs = self.start.outputs + _column(step, self.change) * self.change
        loss, slopes = self.problem.summed(*self.problem.losses(outputs))
        norm = self.square / 2 + step * (self.mixed + step * self.bend / 2)
        slope = self.C * _dot(slopes, self.change) + self.mixed + step * self.bend
        return Trial(step, outputs, norm + self.C * loss, slope, slopes)

    def point_at(self, trial):
        """Return the point of a trial."""
        W = self.start.W + _column(trial.step, self.direction) * self.direction
        loss_gradient = self.problem.pull_back(trial.slopes)
        gradient = self.problem.penalty * W + self.C * loss_gradient
        return Point(W, trial.outputs, trial.value, gradient)

    def search(self):
        """Return a point where the slopes are smaller, by secants within brackets."""
        value, slope = self.start.value, _dot(self.direction, self.start.gradient)
        noise = torch.finfo(self.change.dtype).eps * value
        step, low, low_slope = torch.ones_like(value), torch.zeros_like(value), slope
        high = torch.full_like(value, torch.inf)
        for _ in range(_MAX_TRIALS):
            trial = self.at(step)
            falls = trial.value <= value + noise
            flatter = trial.slope.abs() <= _FLATTER * slope.abs()
            found = (falls & flatter) | (-slope <= noise)
            if found.all():
                return self.point_at(trial)
            secant = low + (step - low) * low_slope / (low_slope - trial.slope)
            secant = torch.where(trial.slope > low_slope, secant, torch.inf)
            short = falls & (trial.slope < 0)
            low = torch.where(short, step, low)
            low_slope = torch.where(short, trial.slope, low_slope)
            high = torch.where(short, high, step)
            width = high.minimum(low + 10 * step) - low
            secant = secant.clamp(low + 0.1 * width, low + 0.9 * width)
            step = torch.where(found, step, secant)
        return self.point_at(self.at(torch.where(found, step, low)))


def _dot(a, b):
    """Return the inner products (n_heads,), as double precision."""
    return torch.linalg.vecdot(a.flatten(1), b.flatten(1)).double()


def _column(values, like):
    """Return `values` (n_heads,) so that they multiply the heads of a tensor."""
    return values.to(like.dtype)[:, None, None]


def _ratio(a, b):
    """Return a / b, and 0 where b is not positive: a pair that says nothing."""
    return torch.where(b > 0, a / b, 0.0)
