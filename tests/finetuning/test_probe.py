"""The convex head against scikit-learn's linear models."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression, Ridge
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
from sktransfer.finetuning._probe import solve_head

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


def _gradient(W, b, y, loss, counts, C=1.0):
    """Return the gradient of the objective at a head on the features `X`."""
    scaler = StandardScaler().fit(X)
    Z = torch.from_numpy(scaler.transform(X))
    weights = torch.from_numpy(W * scaler.scale_).requires_grad_()
    bias = torch.from_numpy(b + W @ scaler.mean_).requires_grad_()
    counts = None if counts is None else torch.from_numpy(counts)
    losses = loss.loss(Z @ weights.T + bias, torch.from_numpy(y), counts)
    (weights.square().sum() / 2 + C * losses.sum()).backward()
    return torch.cat([weights.grad.flatten(), bias.grad]).numpy()


@pytest.mark.parametrize(
    "loss",
    [
        Focal(),
        BalancedSoftmax(),
        LogitAdjusted(0.5),
        LDAM(),
        LDAM(scale=30.0),
        CrossEntropy(0.1),
    ],
    ids=str,
)
def test_other_losses_reach_a_stationary_point(loss):
    y = _labels(3)
    counts = np.bincount(y).astype(float)
    W, b, _ = _solve(y, loss=loss)
    at_start = np.abs(_gradient(0 * W, 0 * b, y, loss, counts)).max()
    assert np.abs(_gradient(W, b, y, loss, counts)).max() < 1e-3 < at_start / 1000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huber_takes_targets_of_either_precision(dtype):
    y = StandardScaler().fit_transform(X)[:, :2].astype(dtype)
    W, b, _ = solve_head(
        X, y, None, loss=Huber(), class_counts=None, n_outputs=2, C=1.0
    )
    assert np.abs(_gradient(W, b, y.astype(float), Huber(), None)).max() < 1e-3


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_weight_of_a_row_does_what_repeating_it_does(n_classes):
    times = np.random.default_rng(0).integers(0, 4, len(X))
    y = _labels(n_classes)
    weighted = _solve(y, times.astype(float), C=0.1)
    rows = np.repeat(np.arange(len(X)), times)
    repeated = _solve(y[rows], C=0.1, features=X[rows])
    assert_allclose(weighted[0], repeated[0], rtol=1e-6, atol=1e-9)
    assert_allclose(weighted[1], repeated[1], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("C", [0.01, 10.0])
def test_more_features_than_rows_are_solved_in_the_space_of_the_rows(C):
    wide = np.hstack([X, np.random.default_rng(0).normal(size=(150, 300))])
    y = _labels(3)
    scaler = StandardScaler().fit(wide)
    reference = LogisticRegression(C=C, tol=1e-10, max_iter=100_000)
    reference.fit(scaler.transform(wide), y)
    W, b, _ = _solve(y, C=C, features=wide)
    assert_allclose((W * scaler.scale_).mean(axis=0), 0, atol=1e-8)
    assert_allclose(W * scaler.scale_, reference.coef_, atol=1e-5)
    bias = b + W @ scaler.mean_
    assert_allclose(bias - bias.mean(), reference.intercept_, atol=1e-5)


def test_a_weak_strength_on_separable_rows_is_solved_too():
    y = (X[:, 0] > np.median(X[:, 0])).astype(int)
    scaler = StandardScaler().fit(X)
    reference = LogisticRegression(C=1e4, tol=1e-12, max_iter=100_000)
    reference.fit(scaler.transform(X), y)
    W, _, _ = _solve(y, C=1e4)
    assert_allclose((W[1] - W[0]) * scaler.scale_, reference.coef_[0], rtol=1e-3)


def test_a_constant_feature_gets_no_weight():
    features = np.hstack([X, np.full((150, 1), 7.0)])
    W, _, _ = _solve(_labels(3), features=features)
    assert_allclose(W[:, -1], 0, atol=1e-12)
