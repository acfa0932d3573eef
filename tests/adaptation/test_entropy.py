"""Losses of the predictions against formulas in NumPy, in double precision."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer.adaptation import BNM, IM, MCC, DomainBatch

from .batches import arrays, random_batch

METHODS = [MCC(), BNM(), IM()]


def _softmax(logits):
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


def _entropy(p):
    return -(p * np.log(p)).sum(axis=-1)


def _mcc(logits, temperature):
    """Return the loss as in equations 2 to 7 of the paper."""
    p = _softmax(logits / temperature)
    n, n_classes = p.shape
    certainty = 1 + np.exp(-_entropy(p))
    weights = n * certainty / certainty.sum()
    correlation = np.zeros((n_classes, n_classes))
    for row, weight in zip(p, weights, strict=True):
        correlation += weight * np.outer(row, row)
    correlation /= correlation.sum(axis=1, keepdims=True)
    return (correlation.sum() - np.trace(correlation)) / n_classes


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_mcc(temperature):
    batch = random_batch()
    expected = _mcc(arrays(batch).logits_t, temperature)
    assert_allclose(MCC(temperature=temperature).loss(batch, None), expected, rtol=1e-6)


def test_bnm():
    batch = random_batch()
    p = _softmax(arrays(batch).logits_t)
    nuclear = np.sqrt(np.linalg.eigvalsh(p.T @ p)).sum()
    assert_allclose(BNM().loss(batch, None), -nuclear / len(p), rtol=1e-6)


def test_im():
    batch = random_batch()
    p = _softmax(arrays(batch).logits_t)
    expected = _entropy(p).mean() - _entropy(p.mean(axis=0))
    assert_allclose(IM().loss(batch, None), expected, rtol=1e-6)


def test_mcc_takes_the_weights_of_the_rows_for_constants():
    logits = random_batch().logits_t.requires_grad_()
    MCC().loss(DomainBatch(logits_t=logits), None).backward()
    softened = logits.detach() / 2.5
    certainty = 1 + np.exp(-_entropy(softened.softmax(1).numpy()))
    certainty = torch.from_numpy(certainty)

    def loss(z):
        p = z.softmax(1)
        confusion = torch.einsum("n,ni,nj->ij", certainty, p, p)
        return 1 - (confusion.diagonal() / confusion.sum(1)).mean()

    (expected,) = torch.autograd.grad(loss(softened.requires_grad_()), softened)
    assert_allclose(logits.grad, expected / 2.5, rtol=1e-9)


@pytest.mark.parametrize("method", [BNM(), IM()], ids=str)
def test_gradients_are_those_of_finite_differences(method):
    logits = random_batch().logits_t.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: method.loss(DomainBatch(logits_t=z), None), logits
    )


@pytest.mark.parametrize(
    ("method", "best", "uniform"),
    [(MCC(), 0.0, 3 / 4), (BNM(), -1.0, -((1 / 4) ** 0.5) / 2), (IM(), -np.log(4), 0)],
    ids=str,
)
def test_certain_and_uniform_predictions(method, best, uniform):
    certain = DomainBatch(logits_t=500 * torch.eye(4, dtype=torch.float64))
    assert_allclose(method.loss(certain, None), best, atol=1e-9)
    wavering = DomainBatch(logits_t=torch.zeros(4, 4, dtype=torch.float64))
    assert_allclose(method.loss(wavering, None), uniform, atol=1e-9)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_class_that_nobody_predicts_gives_finite_gradients(method):
    logits = torch.tensor([[1e4, 0.0, 0.0], [0.0, 1e4, 0.0]], requires_grad=True)
    loss = method.loss(DomainBatch(logits_t=logits), None)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
