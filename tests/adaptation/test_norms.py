"""Norms of the features against formulas in NumPy, in double precision."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer.adaptation import AFN, DomainBatch

from .batches import random_batch, with_gradients


@pytest.mark.parametrize("increment", [0.5, 1.0])
def test_afn(increment):
    batch = with_gradients(random_batch())
    loss = AFN(increment=increment).loss(batch, None)
    loss.backward()
    assert_allclose(loss.item(), 2 * increment**2, rtol=1e-6)
    for features in (batch.features_s, batch.features_t):
        rows = features.detach().numpy()
        unit = rows / np.sqrt((rows**2).sum(axis=1, keepdims=True))
        assert_allclose(features.grad, -2 * increment * unit / len(rows), rtol=1e-6)


def test_rows_pull_by_their_share_of_the_weight():
    batch = with_gradients(random_batch(n_s=2))
    weight = torch.tensor([1.0, 3.0], dtype=torch.float64)
    AFN().loss(batch._replace(weight_s=weight), None).backward()
    pull = torch.linalg.vector_norm(batch.features_s.grad, dim=1)
    assert_allclose(pull, 2 * np.array([1 / 4, 3 / 4]), rtol=1e-9)


def test_features_of_zero_give_finite_gradients():
    features = torch.zeros(3, 4, requires_grad=True)
    AFN().loss(DomainBatch(features_s=features, features_t=features), None).backward()
    assert torch.isfinite(features.grad).all()
