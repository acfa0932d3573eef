"""The solver of the convex head on problems whose solution is known."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from torch.testing import assert_close

from sktransfer.finetuning import CrossEntropy, SquaredError, _lbfgs
from sktransfer.finetuning._lbfgs import minimize
from sktransfer.finetuning._probe_problem import ProbeProblem

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(80, 6)) * [3, 1, 1, 0.3, 0.1, 0.01]
Y = (Z[:, :3] + RNG.normal(size=(80, 3))).argmax(axis=1)
WEIGHT = RNG.integers(0, 3, size=(4, 80)).astype(float)


def _problem(weight, dtype=np.float64):
    return ProbeProblem(Z.astype(dtype), Y, weight, CrossEntropy(), np.ones(3), 3)


def _solve(problem, C, tolerance=1e-14, start=None):
    start = torch.zeros(problem.shape, dtype=problem.Z.dtype)
    return minimize(problem, C, start, tolerance)


@pytest.mark.parametrize("C", [0.01, 1.0, 1000.0])
def test_each_head_is_the_logistic_regression_of_its_weights(C):
    for W, weight in zip(_solve(_problem(WEIGHT), C), WEIGHT, strict=True):
        best = LogisticRegression(C=C, tol=1e-10, max_iter=100_000)
        best.fit(Z, Y, sample_weight=weight)
        expected = np.column_stack([best.coef_, best.intercept_])
        W[:, -1] -= W[:, -1].mean()
        expected[:, -1] -= expected[:, -1].mean()
        assert_close(W, torch.from_numpy(expected), atol=1e-4, rtol=1e-4)


def test_ridge_regression_takes_one_step(monkeypatch):
    monkeypatch.setattr(_lbfgs, "_MAX_ITERATIONS", 2)  # the second looks at the first
    y = RNG.normal(size=(80, 2))
    problem = ProbeProblem(Z, y, WEIGHT[:1], SquaredError(), None, 2)
    best = Ridge(alpha=2.0).fit(Z, y, sample_weight=WEIGHT[0])
    expected = np.column_stack([best.coef_, best.intercept_])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        W = _solve(problem, 0.5)
    assert_close(W[0], torch.from_numpy(expected))


def test_too_few_iterations_are_told(monkeypatch):
    monkeypatch.setattr(_lbfgs, "_MAX_ITERATIONS", 3)
    with pytest.warns(ConvergenceWarning, match=r"3 iterations at C=1000\."):
        _solve(_problem(WEIGHT), 1000.0)


def test_heads_together_are_what_each_is_alone():
    together = _solve(_problem(WEIGHT), 10.0)
    for W, weight in zip(together, WEIGHT, strict=True):
        alone = _solve(_problem(weight[None]), 10.0)[0]
        assert_close(W, alone, atol=1e-6, rtol=1e-6)


def test_a_head_that_is_done_stays():
    problem = _problem(WEIGHT[:2])
    start = torch.zeros(problem.shape, dtype=torch.float64)
    start[0] = _solve(_problem(WEIGHT[:1]), 1.0)[0]
    W = minimize(problem, 1.0, start, 1e-10)
    assert torch.equal(W[0], start[0])
    assert not torch.equal(W[1], start[1])


@pytest.mark.parametrize("factor", [-100.0, 100.0])
def test_a_start_far_off_is_no_matter(factor):
    problem = _problem(WEIGHT)
    start = factor * torch.from_numpy(RNG.normal(size=problem.shape))
    start -= start.mean(1, keepdim=True)
    W = minimize(problem, 1.0, start, 1e-14)
    best = _solve(problem, 1.0)
    assert_close(W, best, atol=1e-5, rtol=1e-5)


def test_single_precision_stops_at_what_it_can_hold(monkeypatch):
    problem, calls = _problem(WEIGHT, np.float32), []
    pull_back = problem.pull_back
    monkeypatch.setattr(problem, "pull_back", lambda s: calls.append(1) or pull_back(s))
    W = _solve(problem, 100.0, 1e-8)
    assert len(calls) < 100
    best = _solve(_problem(WEIGHT), 100.0)
    assert_close(W.double(), best, atol=2e-2, rtol=2e-3)
