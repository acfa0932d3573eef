"""The objectives of several heads against formulas and finite differences."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sktransfer.finetuning import CrossEntropy, Focal, Huber, SquaredError
from sktransfer.finetuning._probe_problem import ProbeProblem

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(30, 4))
Y = RNG.integers(0, 3, 30)
WEIGHT = RNG.uniform(0, 2, size=(2, 30))


def _problem(loss, y=Y, n_outputs=3, dtype=np.float64):
    counts = np.bincount(y).astype(float) if y.dtype.kind == "i" else None
    return ProbeProblem(Z.astype(dtype), y, WEIGHT, loss, counts, n_outputs)


def _random(*shape):
    return torch.from_numpy(np.random.default_rng(1).normal(size=shape))


def test_outputs_and_their_gradient_are_those_of_each_head_alone():
    problem = _problem(CrossEntropy())
    W, slopes = _random(2, 3, 5), _random(2, 3, 30)
    rows = torch.from_numpy(np.hstack([Z, np.ones((30, 1))]))
    assert_close(problem.outputs(W), torch.stack([(rows @ w.T).T for w in W]))
    assert_close(problem.pull_back(slopes), torch.stack([s @ rows for s in slopes]))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_that_of_torch(smoothing):
    outputs = _random(2, 3, 30).requires_grad_()
    y = torch.from_numpy(Y).expand(2, -1)
    expected = F.cross_entropy(outputs, y, label_smoothing=smoothing, reduction="none")
    (slopes,) = torch.autograd.grad(expected.sum(), outputs)
    found = _problem(CrossEntropy(smoothing)).losses(outputs.detach())
    assert_close(found, (expected.detach(), slopes))


@pytest.mark.parametrize("loss", [Focal(), SquaredError(), Huber()], ids=str)
def test_slopes_of_other_losses_are_those_of_finite_differences(loss):
    y = Y if isinstance(loss, Focal) else RNG.normal(size=(30, 3))
    problem, outputs, h = _problem(loss, y), _random(2, 3, 30), 1e-6
    _, slopes = problem.losses(outputs)
    for k in range(3):
        shift = torch.zeros(3, 1, dtype=torch.float64)
        shift[k] = h
        rise = problem.losses(outputs + shift)[0] - problem.losses(outputs - shift)[0]
        assert_close(slopes[:, k], rise / (2 * h), atol=1e-7, rtol=0)


def test_squared_error_is_half_the_sum_over_the_outputs():
    y, outputs = RNG.normal(size=(30, 3)), _random(2, 3, 30)
    losses, _ = _problem(SquaredError(), y).losses(outputs)
    assert_close(losses, (outputs - torch.from_numpy(y).T).square().sum(1) / 2)


def test_slopes_hold_no_denormal_numbers():
    outputs = torch.tensor([[[0.0], [95.0], [-200.0]]]).expand(2, 3, 30)
    _, slopes = _problem(CrossEntropy(), dtype=np.float32).losses(outputs)
    tiny = torch.finfo(torch.float32).tiny
    assert not ((slopes != 0) & (slopes.abs() < tiny)).any()


def test_the_preconditioner_inverts_the_hessian_of_squared_error():
    y = RNG.normal(size=(30, 1))
    problem = ProbeProblem(Z, y, WEIGHT[:1], SquaredError(), None, 1)
    rows = np.hstack([Z, np.ones((30, 1))])
    hessian = 0.3 * (rows.T * WEIGHT[0]) @ rows + np.diag([1, 1, 1, 1, 0])
    precondition = problem.preconditioner(0.3, torch.zeros(1, 1, 30))
    assert_close(
        precondition(torch.from_numpy(hessian)[None])[0], torch.eye(5).double()
    )


def test_the_preconditioner_inverts_the_hessian_of_equal_probabilities():
    problem = ProbeProblem(Z, Y, WEIGHT[:1], CrossEntropy(), np.ones(3), 3)
    W = _random(1, 3, 5)
    W -= W.mean(1, keepdim=True)
    start = torch.zeros(1, 3, 30, dtype=torch.float64)
    change = 1e-6 * problem.outputs(W)
    slopes = [
        problem.summed(*problem.losses(start + sign * change))[1] for sign in (1, -1)
    ]
    product = problem.pull_back(slopes[0] - slopes[1]) / 2e-6
    product = problem.penalty * W + 0.3 * product
    assert_close(problem.preconditioner(0.3, start)(product), W, atol=1e-6, rtol=1e-6)
