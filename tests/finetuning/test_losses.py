"""Losses against independent formulas in NumPy, in double precision."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer.finetuning import (
    LDAM,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    Huber,
    LogitAdjusted,
    SquaredError,
)

COUNTS = np.array([50.0, 10.0, 2.0, 7.5])
CLASSIFICATION = [
    CrossEntropy(label_smoothing=0.1),
    Focal(),
    Focal(gamma=0.5),
    BalancedSoftmax(),
    LogitAdjusted(tau=1.7),
    LDAM(max_margin=0.8, scale=3.0),
]


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(9, 4)) * 3, rng.integers(0, 4, 9)


def _loss(loss, logits, y, counts=COUNTS):
    counts = None if counts is None else torch.from_numpy(counts)
    return loss.loss(torch.from_numpy(logits), torch.from_numpy(y), counts).numpy()


def _log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def _at_label(values, y):
    return values[np.arange(len(y)), y]


def test_cross_entropy(batch):
    logits, y = batch
    expected = -_at_label(_log_softmax(logits), y)
    assert_allclose(_loss(CrossEntropy(), logits, y, None), expected, rtol=1e-6)


def test_cross_entropy_with_smoothed_labels(batch):
    logits, y = batch
    target = 0.8 * np.eye(4)[y] + 0.2 / 4
    expected = -(target * _log_softmax(logits)).sum(axis=1)
    assert_allclose(_loss(CrossEntropy(0.2), logits, y), expected, rtol=1e-6)


def test_mean_of_cross_entropy_is_the_mean_of_its_rows(batch):
    logits, y = (torch.from_numpy(array) for array in batch)
    loss = CrossEntropy(0.1)
    assert_allclose(loss.mean_loss(logits, y), loss.loss(logits, y).mean(), rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal(batch, gamma):
    logits, y = batch
    p = np.exp(_at_label(_log_softmax(logits), y))
    expected = -((1 - p) ** gamma) * np.log(p)
    assert_allclose(_loss(Focal(gamma), logits, y), expected, rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_has_a_finite_gradient_where_a_row_is_certain(gamma):
    logits = torch.tensor([[60.0, 0.0], [0.0, 1.0]], requires_grad=True)
    Focal(gamma).loss(logits, torch.tensor([0, 0])).sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_balanced_softmax(batch):
    logits, y = batch
    weighted = COUNTS * np.exp(logits)
    expected = -np.log(_at_label(weighted, y) / weighted.sum(axis=1))
    assert_allclose(_loss(BalancedSoftmax(), logits, y), expected, rtol=1e-6)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_logit_adjusted(batch, tau):
    logits, y = batch
    adjusted = logits + tau * np.log(COUNTS / COUNTS.sum())
    expected = -_at_label(_log_softmax(adjusted), y)
    assert_allclose(_loss(LogitAdjusted(tau), logits, y), expected, rtol=1e-6)


def test_ldam(batch):
    logits, y = batch
    margins = 0.5 * (2.0 / COUNTS) ** 0.25
    shifted = logits.copy()
    shifted[np.arange(len(y)), y] -= margins[y]
    expected = -_at_label(_log_softmax(30.0 * shifted), y)
    assert_allclose(_loss(LDAM(scale=30.0), logits, y), expected, rtol=1e-6)


def test_squared_error():
    rng = np.random.default_rng(0)
    outputs, y = rng.normal(size=(2, 7, 3))
    expected = ((outputs - y) ** 2).mean(axis=1)
    assert_allclose(_loss(SquaredError(), outputs, y, None), expected, rtol=1e-6)


def test_huber():
    rng = np.random.default_rng(0)
    outputs, y = 3 * rng.normal(size=(2, 7, 3))
    residual = np.abs(outputs - y)
    rows = np.where(residual < 0.7, residual**2 / 2, 0.7 * (residual - 0.35))
    assert_allclose(_loss(Huber(0.7), outputs, y, None), rows.mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("loss", CLASSIFICATION, ids=str)
def test_gradients_are_those_of_finite_differences(batch, loss):
    logits, y = (torch.from_numpy(array) for array in batch)
    counts = torch.from_numpy(COUNTS)
    assert torch.autograd.gradcheck(
        lambda z: loss.loss(z, y, counts), logits.requires_grad_()
    )


@pytest.mark.parametrize(
    "loss", [BalancedSoftmax(), LogitAdjusted(), LogitAdjusted(0), LDAM()], ids=str
)
def test_a_class_without_rows_gives_finite_losses_and_gradients(batch, loss):
    logits, y = batch
    y = np.minimum(y, 2)
    counts = torch.tensor([50.0, 10.0, 2.0, 0.0], dtype=torch.float64)
    logits = torch.from_numpy(logits).requires_grad_()
    losses = loss.loss(logits, torch.from_numpy(y), counts)
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert torch.isfinite(logits.grad).all()


def test_logit_adjustment_by_nothing_is_cross_entropy(batch):
    logits, y = batch
    counts = np.array([50.0, 10.0, 2.0, 0.0])
    ours = _loss(LogitAdjusted(0.0), logits, y, counts)
    assert_allclose(ours, _loss(CrossEntropy(), logits, y), rtol=1e-12)
