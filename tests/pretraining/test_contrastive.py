"""SimCLR and VICReg against formulas in float64, and what they see."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer.backbones import load_backbone
from sktransfer.pretraining import SimCLR, VICReg


def _projections(n=6, d=4, seed=0):
    first, second = np.random.default_rng(seed).normal(size=(2, n, d))
    return first, second


def _compare(objective, first, second):
    return objective.compare(torch.from_numpy(first), torch.from_numpy(second)).item()


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_nt_xent(temperature):
    first, second = _projections()
    z = np.concatenate([first, second])
    n = len(first)
    total = 0.0
    for i in range(2 * n):
        j = (i + n) % (2 * n)

        def similarity(a, b):
            return z[a] @ z[b] / (np.linalg.norm(z[a]) * np.linalg.norm(z[b]))

        others = [similarity(i, k) for k in range(2 * n) if k != i]
        scores = np.exp(np.array(others) / temperature)
        total -= np.log(np.exp(similarity(i, j) / temperature) / scores.sum())
    ours = _compare(SimCLR(temperature), first, second)
    assert_allclose(ours, total / (2 * n), rtol=1e-10)


def _vicreg_terms(first, second):
    d = first.shape[1]
    invariance = np.mean((first - second) ** 2)
    variance = covariance = 0.0
    for z in (first, second):
        centred = z - z.mean(0)
        matrix = centred.T @ centred / (len(z) - 1)
        std = np.sqrt(np.diag(matrix) + 1e-4)
        variance += np.maximum(0, 1 - std).mean()
        covariance += sum(
            matrix[i, j] ** 2 for i in range(d) for j in range(d) if i != j
        )
    return invariance, variance, covariance / d


def test_vicreg():
    first, second = 0.7 * np.array(_projections())
    invariance, variance, covariance = _vicreg_terms(first, second)
    assert min(invariance, variance, covariance) > 0.01
    ours = _compare(VICReg(), first, second)
    assert_allclose(ours, 25 * invariance + 25 * variance + covariance, rtol=1e-10)
    weighted = _compare(VICReg(1.0, 2.0, 3.0), first, second)
    expected = invariance + 2 * variance + 3 * covariance
    assert_allclose(weighted, expected, rtol=1e-10)


def test_collapse_costs_all_of_the_variance_and_is_pushed_apart():
    z = torch.full((5, 3), 2.0, dtype=torch.float64, requires_grad=True)
    collapsed = VICReg(covariance=0.0).compare(z, z)
    assert_allclose(collapsed.item(), 25 * 2 * (1 - 0.01))
    nearly = (z.detach() + 1e-3 * torch.randn(5, 3).double()).requires_grad_()
    (gradient,) = torch.autograd.grad(
        VICReg(covariance=0.0).compare(nearly, nearly), nearly
    )
    outwards = nearly.detach() - nearly.detach().mean(0)
    assert ((gradient * outwards).sum(0) < 0).all()
    spread = torch.from_numpy(3 * _projections(50)[0])
    assert VICReg(covariance=0.0).compare(spread, spread).item() == 0.0


@pytest.mark.parametrize("objective", [SimCLR(), VICReg()])
def test_both_views_go_through_the_net_at_once(objective):
    seen = []

    def g(x):
        seen.append(x)
        return x

    first, second = (torch.from_numpy(z) for z in _projections())
    loss = objective.loss(g, first, second)
    assert len(seen) == 1
    assert torch.equal(loss, objective.compare(first, second))


@pytest.mark.parametrize("objective", [SimCLR(), VICReg()])
def test_gradients_reach_every_stage(objective):
    backbone = load_backbone("smallnet", None).train()
    head = objective.build(backbone.n_features, (3, 8, 8)).train()
    views = torch.rand(2, 4, 3, 8, 8)
    objective.loss(lambda x: head(backbone(x)), *views).backward()
    for stage in backbone.stages:
        assert all(p.grad.abs().max() > 0 for p in stage.parameters() if p.ndim > 1)


def test_the_projector_has_the_sizes_asked_for():
    sizes = [
        [
            layer.out_features
            for layer in SimCLR(projection=sizes).build(9, (4,))
            if hasattr(layer, "out_features")
        ]
        for sizes in ((5,), (7, 5), (8, 7, 5))
    ]
    assert sizes == [[5], [7, 5], [8, 7, 5]]
