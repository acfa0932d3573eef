"""Plain, denoising and contractive autoencoders against formulas in float64."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sktransfer.backbones import load_backbone
from sktransfer.pretraining import Autoencoder, Contractive, Denoising


def _rows(n=7, d=4, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d)))


def _map(d=4, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(d, 6), nn.Tanh(), nn.Linear(6, d)).double()


def _numpy_map(g):
    first, second = ([p.detach().numpy() for p in g[i].parameters()] for i in (0, 2))
    return lambda x: np.tanh(x @ first[0].T + first[1]) @ second[0].T + second[1]


def _numpy_jacobian(g, x, step=1e-6):
    """Return the Jacobians (n, d, d) by central differences."""
    g, d = _numpy_map(g), x.shape[1]
    ahead = [(g(x + step * e) - g(x - step * e)) / (2 * step) for e in np.eye(d)]
    return np.stack(ahead, axis=2)


def test_squared_error():
    x, g = _rows(), _map()
    expected = np.mean((_numpy_map(g)(x.numpy()) - x.numpy()) ** 2)
    assert_allclose(Autoencoder().loss(g, x).item(), expected, rtol=1e-12)


def test_the_denoised_row_is_the_one_before_its_corruption():
    x, seen = _rows(), []

    def g(rows):
        seen.append(rows)
        return rows

    torch.manual_seed(0)
    loss = Denoising(0.5).loss(g, x)
    expected = np.mean((seen[0].numpy() - x.numpy()) ** 2)
    assert expected > 0.1
    assert_allclose(loss.item(), expected, rtol=1e-12)


def test_contractive_penalty_by_formula():
    x, g = _rows(), _map()
    numbers = x.numpy()
    squares = (_numpy_map(g)(numbers) - numbers) ** 2
    penalty = (_numpy_jacobian(g, numbers) ** 2).sum((1, 2))
    expected = (squares.sum(1) + 0.3 * penalty).mean() / 4
    assert_allclose(Contractive(0.3).loss(g, x).item(), expected, rtol=1e-6)


def _of_autograd(g, x):
    jacobian = torch.autograd.functional.jacobian(g, x, create_graph=True)
    rows = torch.stack([jacobian[i, :, i] for i in range(len(x))])
    return rows.square().sum((1, 2)).mean() / x.shape[1]


def test_contractive_penalty_and_its_gradient_by_autograds_jacobian():
    x, g = _rows(), _map()
    ours = Contractive(1.0).loss(g, x) - Autoencoder().loss(g, x)
    expected = _of_autograd(g, x)
    assert_allclose(ours.item(), expected.item(), rtol=1e-12)
    pairs = [torch.autograd.grad(loss, g[0].weight)[0] for loss in (ours, expected)]
    assert_allclose(*pairs, rtol=1e-9, atol=1e-12)
    assert pairs[0].abs().max() > 1e-3


def test_the_estimated_penalty_is_unbiased():
    x, g = _rows(), _map()
    exact = Contractive(1.0).loss(g, x).item()
    torch.manual_seed(0)
    one, many = Contractive(1.0, n_projections=1), Contractive(1.0, n_projections=10)
    draws = np.array([[o.loss(g, x).item() for o in (one, many)] for _ in range(400)])
    standard_errors = draws.std(0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(0) - exact) < 4 * standard_errors).all()
    assert (standard_errors < 0.02 * exact).all()
    assert_allclose(draws.var(0)[0] / draws.var(0)[1], 10, rtol=0.3)


def test_rows_of_many_entries_are_estimated():
    x = _rows(d=40)
    losses = {Contractive(1.0).loss(_map(40), x).item() for _ in range(2)}
    assert len(losses) == 2
    exact = {Contractive(1.0).loss(_map(32), _rows(d=32)).item() for _ in range(2)}
    assert len(exact) == 1


def test_the_penalty_is_computed_where_nothing_learns():
    x, g = _rows(), _map()
    learning = Contractive(1.0).loss(g, x)
    with torch.no_grad():
        held_out = Contractive(1.0).loss(g, x)
    assert learning.requires_grad
    assert not held_out.requires_grad
    assert learning.item() == held_out.item()


def test_linear_contraction_shrinks_like_a_ridge():
    """A linear map of fitted weights is C (C + λI)^-1, C the covariance of the rows."""
    x = _rows(200, 3) @ torch.diag(torch.tensor([2.0, 1.0, 0.5]).double())
    x = x - x.mean(0)
    g = nn.Linear(3, 3, bias=False).double()
    optimizer = torch.optim.LBFGS(g.parameters(), max_iter=200, tolerance_change=0)

    def closure():
        optimizer.zero_grad()
        loss = Contractive(0.5).loss(g, x)
        loss.backward()
        return loss

    optimizer.step(closure)
    covariance = np.cov(x.numpy().T, bias=True)
    expected = covariance @ np.linalg.inv(covariance + 0.5 * np.eye(3))
    assert_allclose(g.weight.detach().numpy(), expected.T, atol=1e-5)


@pytest.mark.parametrize("objective", [Contractive(), Contractive(n_projections=2)])
def test_attention_has_a_second_derivative(objective):
    attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()

    def g(x):
        return attention(x.view(-1, 2, 8)).flatten(1)

    objective.loss(g, _rows(d=16).float()).backward()
    assert attention.self_attn.in_proj_weight.grad.abs().max() > 0


@pytest.mark.parametrize("shape", [(3, 16, 16), (3, 9, 5), (1, 1, 1), (3, 1, 10)])
def test_decoded_images_have_the_size_of_the_rows(shape):
    decoder = Autoencoder().build(12, shape)
    assert decoder(torch.rand(2, 12)).shape == (2, *shape)


def test_large_images_need_no_large_decoder():
    decoder = Autoencoder().build(128, (3, 224, 224))
    assert sum(p.numel() for p in decoder.parameters()) < 1e6


def test_gradients_reach_every_stage_of_an_image_net():
    backbone = load_backbone("smallnet", None).train()
    head = Contractive().build(backbone.n_features, (3, 8, 8))
    loss = Contractive().loss(lambda x: head(backbone(x)), torch.rand(4, 3, 8, 8))
    loss.backward()
    for stage in backbone.stages:
        assert all(p.grad.abs().max() > 0 for p in stage.parameters() if p.ndim > 1)
