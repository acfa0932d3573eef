"""The convex head against scikit-learn's linear models."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.preprocessing import StandardScaler

from sktransfer.finetuning import (
    LDAM,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    Huber,
    LogitAdjusted,
    SquaredError,
)
from sktransfer.finetuning._probe import CV_GRID, ProbeProblem, choose_C, solve_head

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 12)) * RNG.uniform(0.1, 9, 12) + RNG.normal(size=12)
WEIGHT = RNG.uniform(0.2, 3, 150)


def _labels(n_classes):
    rng = np.random.default_rng(1)
    scores = StandardScaler().fit_transform(X)[:, :n_classes]
    return (scores + rng.normal(size=scores.shape)).argmax(axis=1)


def _solve(y, weight=None, loss=None, C=1.0, features=X):
    n_classes = y.max() + 1
    W, b, C = solve_head(
        features,
        y,
        weight,
        loss=loss or CrossEntropy(),
        class_counts=np.bincount(y, weight).astype(float),
        n_outputs=n_classes,
        C=C,
    )
    return W, b, C


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_it_is_logistic_regression_on_standardised_features(n_classes, C, weight):
    y = _labels(n_classes)
    scaler = StandardScaler().fit(X, sample_weight=weight)
    reference = LogisticRegression(C=C, tol=1e-10, max_iter=100_000)
    reference.fit(scaler.transform(X), y, sample_weight=weight)
    W, b, _ = _solve(y, weight, C=C)
    ours, bias = W * scaler.scale_, b + W @ scaler.mean_
    if n_classes == 2:
        ours, bias = ours[[1]] - ours[[0]], bias[[1]] - bias[[0]]
    else:  # softmax leaves a common shift free
        ours, bias = ours - ours.mean(axis=0), bias - bias.mean()
    assert_allclose(ours, reference.coef_, atol=1e-5)
    assert_allclose(bias, reference.intercept_, atol=1e-5)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_squared_error_is_ridge_regression(n_outputs, weight):
    y = X[:, :n_outputs] @ np.eye(n_outputs) + RNG.normal(size=(150, n_outputs))
    scaler = StandardScaler().fit(X, sample_weight=weight)
    reference = Ridge(alpha=1 / 0.02).fit(scaler.transform(X), y, sample_weight=weight)
    W, b, _ = solve_head(
        X,
        y,
        weight,
        loss=SquaredError(),
        class_counts=None,
        n_outputs=n_outputs,
        C=0.02,
    )
    assert_allclose(W * scaler.scale_, np.atleast_2d(reference.coef_), atol=1e-5)
    predicted = reference.predict(scaler.transform(X)).reshape(150, -1)
    assert_allclose(X @ W.T + b, predicted, atol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [Focal(), BalancedSoftmax(), LogitAdjusted(0.5), LDAM(), CrossEntropy(0.1)],
    ids=str,
)
def test_other_losses_reach_a_stationary_point(loss):
    y = _labels(3)
    Z = StandardScaler().fit_transform(X)
    problem = ProbeProblem(Z, y, None, loss, np.bincount(y).astype(float), 3)
    solution = problem.solve(1.0).ravel()
    _, gradient = problem.value_and_gradient(solution, 1 / problem.total)
    _, at_start = problem.value_and_gradient(0 * solution, 1 / problem.total)
    assert np.abs(gradient).max() < 1e-5 < np.abs(at_start).max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huber_takes_targets_of_either_precision(dtype):
    Z = StandardScaler().fit_transform(X)
    y = Z[:, :2].astype(dtype)
    problem = ProbeProblem(Z, y, None, Huber(), None, 2)
    solution = problem.solve(1.0).ravel()
    _, gradient = problem.value_and_gradient(solution, 1 / problem.total)
    assert np.abs(gradient).max() < 1e-5


def test_gradient_is_the_one_of_finite_differences():
    y = _labels(2)
    Z = StandardScaler().fit_transform(X)
    problem = ProbeProblem(
        Z, y, WEIGHT, CrossEntropy(), np.bincount(y).astype(float), 2
    )
    point = np.random.default_rng(0).normal(size=13 * 2)
    _, gradient = problem.value_and_gradient(point, 0.3)
    step = 1e-6 * np.eye(len(point))
    slopes = [
        problem.value_and_gradient(point + h, 0.3)[0]
        - problem.value_and_gradient(point - h, 0.3)[0]
        for h in step
    ]
    assert_allclose(gradient, np.array(slopes) / 2e-6, atol=1e-7)


def test_a_constant_feature_gets_no_weight():
    features = np.hstack([X, np.full((150, 1), 7.0)])
    W, _, _ = _solve(_labels(3), features=features)
    assert_allclose(W[:, -1], 0, atol=1e-12)


def test_cv_takes_the_strength_with_the_least_loss_on_held_out_rows():
    y = _labels(2)
    Z = StandardScaler().fit_transform(X)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    losses = [
        -cross_val_score(
            LogisticRegression(C=C, max_iter=1000),
            Z,
            y,
            cv=folds,
            scoring="neg_log_loss",
        ).mean()
        for C in CV_GRID
    ]
    assert _solve(y, C="cv")[2] == CV_GRID[np.argmin(losses)]


def test_cv_is_reproducible_and_depends_on_the_seed_alone():
    y = _labels(3)
    Z = StandardScaler().fit_transform(X)
    counts = np.bincount(y).astype(float)
    problem = ProbeProblem(Z, y, None, CrossEntropy(), counts, 3)
    state = torch.get_rng_state()
    assert choose_C(problem, 0) == choose_C(problem, 0)
    assert torch.equal(state, torch.get_rng_state())


def test_cv_of_one_row_names_the_cure():
    y = np.ones((1, 1))
    problem = ProbeProblem(X[:1], y, None, SquaredError(), None, 1)
    with pytest.raises(ValueError, match="C='cv' needs at least 2 rows"):
        choose_C(problem, seed=0)


def test_cv_says_which_class_is_too_small():
    y = np.array([0] * 20 + [1])
    with pytest.raises(ValueError, match=r"C='cv' needs at least 2 rows.*has 1"):
        _solve(y, C="cv", features=X[:21])
