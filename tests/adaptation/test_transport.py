"""The cost of the plan against a linear program, in double precision."""

import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import linprog

from sktransfer.adaptation import DeepJDOT
from sktransfer.exceptions import MissingExtraError

from .batches import arrays, random_batch, with_gradients


def _cost(batch, alpha):
    batch = arrays(batch)
    p = np.exp(batch.logits_t) / np.exp(batch.logits_t).sum(axis=1, keepdims=True)
    n_s, n_t = len(batch.features_s), len(batch.features_t)
    cost = np.empty((n_s, n_t))
    for i in range(n_s):
        for j in range(n_t):
            gap = batch.features_s[i] - batch.features_t[j]
            cost[i, j] = alpha * gap @ gap - np.log(p[j, batch.y_s[i]])
    return cost


def _least_cost(cost, mass_s, mass_t):
    n_s, n_t = cost.shape
    rows = np.kron(np.eye(n_s), np.ones(n_t))
    columns = np.kron(np.ones(n_s), np.eye(n_t))
    return linprog(
        cost.ravel(),
        A_eq=np.vstack([rows, columns]),
        b_eq=np.concatenate([mass_s, mass_t]),
    ).fun


@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
def test_deep_jdot(alpha):
    batch = random_batch()
    expected = _least_cost(_cost(batch, alpha), np.full(7, 1 / 7), np.full(6, 1 / 6))
    loss = DeepJDOT(alpha=alpha).loss(batch, None)
    assert_allclose(loss, expected, rtol=1e-6)


def test_masses_are_shares_of_the_weight():
    batch = random_batch()
    weight_s = np.array([1.0, 0.5, 2.0, 0.0, 3.0, 1.0, 1.0])
    weight_t = np.array([0.3, 1.0, 1.0, 4.0, 1.0, 2.0])
    expected = _least_cost(
        _cost(batch, 0.1), weight_s / weight_s.sum(), weight_t / weight_t.sum()
    )
    batch = batch._replace(
        weight_s=torch.from_numpy(weight_s), weight_t=torch.from_numpy(weight_t)
    )
    assert_allclose(DeepJDOT(alpha=0.1).loss(batch, None), expected, rtol=1e-6)


def test_the_plan_is_a_constant_of_the_gradient():
    batch = with_gradients(random_batch(n_s=1, n_t=4))
    DeepJDOT(alpha=0.5).loss(batch, None).backward()
    # one source row: the plan gives every target row a quarter of it
    gaps = (batch.features_s - batch.features_t).detach()
    assert_allclose(batch.features_t.grad, -2 * 0.5 / 4 * gaps, rtol=1e-9)
    assert_allclose(batch.features_s.grad[0], 2 * 0.5 / 4 * gaps.sum(0), rtol=1e-9)
    label = np.eye(3)[batch.y_s]
    p = batch.logits_t.detach().softmax(1).numpy()
    assert_allclose(batch.logits_t.grad, (p - label) / 4, rtol=1e-9)


def test_single_precision_masses_of_odd_weights_still_sum_to_one():
    batch = random_batch(n_s=97, n_t=89)
    torch.manual_seed(0)
    weighted = batch._replace(weight_s=torch.rand(97), weight_t=torch.rand(89))
    exact = DeepJDOT().loss(weighted, None)
    single = [
        t.float() if t is not None and t.is_floating_point() else t for t in weighted
    ]
    loss = DeepJDOT().loss(type(batch)(*single), None)
    assert loss.dtype == torch.float32
    assert_allclose(loss.item(), exact.item(), rtol=1e-5)


def test_without_the_extra_an_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(MissingExtraError, match=r"DeepJDOT .* 'sktransfer\[ot\]'"):
        DeepJDOT().loss(random_batch(), None)
