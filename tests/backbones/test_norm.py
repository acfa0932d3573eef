"""Statistics of batch norm, taken anew."""

import torch
from numpy.testing import assert_allclose
from torch import nn

from sktransfer._training.batches import Batch
from sktransfer.backbones._norm import WeightedBatchNorm2d, reestimate_statistics


def _norm_of(batches, weights=None):
    net = nn.Sequential(WeightedBatchNorm2d(3)).train()
    net(torch.randn(4, 3, 2, 2))  # something to forget
    weights = [None] * len(batches) if weights is None else weights
    rows = [Batch(b, None, w) for b, w in zip(batches, weights, strict=True)]
    net[0].momentum = 0.25
    reestimate_statistics(net, rows)
    assert net[0].momentum == 0.25
    assert not net[0].training
    return net[0]


def test_statistics_of_one_batch_are_those_of_its_rows():
    maps = torch.randn(9, 3, 4, 4)
    norm = _norm_of([maps])
    assert_allclose(norm.running_mean, maps.mean((0, 2, 3)), rtol=1e-5, atol=1e-6)
    assert_allclose(norm.running_var, maps.var((0, 2, 3)), rtol=1e-5)


def test_a_small_last_batch_counts_by_its_rows():
    maps = torch.randn(10, 3, 4, 4)
    maps[8:] += 5
    norm = _norm_of([maps[:4], maps[4:8], maps[8:]])
    assert_allclose(norm.running_mean, maps.mean((0, 2, 3)), rtol=1e-5)
    parts = (maps[:4], maps[4:8], maps[8:])
    variances = torch.stack([part.var((0, 2, 3)) for part in parts])
    expected = torch.tensor([0.4, 0.4, 0.2]) @ variances
    assert_allclose(norm.running_var, expected, rtol=1e-5)


def test_statistics_count_rows_by_weight():
    maps = torch.randn(6, 3, 4, 4)
    counts = torch.tensor([1, 2, 3, 1, 1, 2])
    halves = [maps[:3], maps[3:]], [counts[:3].float(), counts[3:].float()]
    repeated = maps.repeat_interleave(counts, 0)
    weighted, expected = _norm_of(*halves), _norm_of([repeated[:6], repeated[6:]])
    assert_allclose(weighted.running_mean, expected.running_mean, rtol=1e-4, atol=1e-6)
    assert_allclose(weighted.running_var, expected.running_var, rtol=1e-4)
