"""TENT against a formula in NumPy; what AdaBN says of itself."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer.adaptation import TENT, AdaBN, DomainBatch

WEIGHT = np.array([0.5, 1.0, 2.0, 1.0, 4.0, 1.0])


def _logits(n=6, n_classes=3):
    return 2 * np.random.default_rng(0).normal(size=(n, n_classes))


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_tent_is_the_mean_entropy(weight):
    p = np.exp(_logits())
    p /= p.sum(axis=1, keepdims=True)
    expected = np.average(-(p * np.log(p)).sum(1), weights=weight)
    batch = DomainBatch(
        logits_t=torch.tensor(_logits()),
        weight_t=None if weight is None else torch.tensor(weight),
    )
    assert_allclose(TENT().loss(batch, None).item(), expected, rtol=1e-6)


def test_tent_makes_sure():
    logits = torch.tensor(_logits(), requires_grad=True)
    TENT().loss(DomainBatch(logits_t=logits), None).backward()
    best = logits.argmax(1)
    assert (logits.grad[torch.arange(6), best] < 0).all()


def test_a_weight_is_a_number_of_rows():
    counts, logits = torch.tensor([1, 0, 2, 3, 1, 2]), torch.tensor(_logits())
    weighted = DomainBatch(logits_t=logits, weight_t=counts.double())
    repeated = DomainBatch(logits_t=logits.repeat_interleave(counts, 0))
    losses = (TENT().loss(batch, None).item() for batch in (weighted, repeated))
    assert_allclose(*losses, rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sure_predictions_have_no_entropy_and_a_finite_gradient(dtype):
    logits = torch.tensor([[500.0, -500.0]], dtype=dtype, requires_grad=True)
    loss = TENT().loss(DomainBatch(logits_t=logits), None)
    loss.backward()
    assert loss.item() == 0
    assert loss.dtype == dtype
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("method", [TENT(), AdaBN()], ids=str)
def test_they_need_no_source_and_stand_alone(method):
    assert not method.needs_source
    assert not method.composes
    assert method.source_first


def test_adabn_has_nothing_to_learn():
    assert AdaBN().trains == "nothing"
    assert AdaBN().loss(DomainBatch(), None) is None
    assert AdaBN().build(5, 3) is None
