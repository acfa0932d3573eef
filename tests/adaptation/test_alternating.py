"""MCD, WDGRL and ADDA against formulas in NumPy."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sktransfer.adaptation import ADDA, MCD, WDGRL
from sktransfer.adaptation._adversarial import discrimination
from sktransfer.adaptation._alternating import slope_penalty

from .batches import arrays, random_batch, repeated, with_gradients

WEIGHT_S = np.array([1.0, 2.0, 0.5, 3.0, 1.0, 0.2, 1.0])
WEIGHT_T = np.array([0.5, 1.0, 2.0, 1.0, 4.0, 1.0])
METHODS = [MCD(), WDGRL(), ADDA()]


def _build(method, dtype=torch.float64):
    torch.manual_seed(0)
    return method.build(n_features=5, n_classes=3).to(dtype)


def _weighted(batch, weighted=True):
    if not weighted:
        return batch
    return batch._replace(
        weight_s=torch.from_numpy(WEIGHT_S), weight_t=torch.from_numpy(WEIGHT_T)
    )


def _forward(aux, rows):
    """Return the outputs of a net of linear layers with ReLU between them."""
    *hidden, last = [layer for layer in aux if hasattr(layer, "weight")]
    for layer in hidden:
        W, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        rows = np.maximum(rows @ W.T + b, 0)
    return rows @ last.weight.detach().numpy().T + last.bias.detach().numpy()


def _softmax(logits):
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("weighted", [False, True])
def test_mcd_is_the_mean_absolute_difference(weighted):
    batch, aux = _weighted(random_batch(), weighted), _build(MCD())
    rows = arrays(batch)
    gap = np.abs(_softmax(rows.logits_t) - _softmax(_forward(aux, rows.features_t)))
    expected = np.average(gap.mean(1), weights=rows.weight_t)
    assert_allclose(MCD().loss(batch, aux).item(), expected, rtol=1e-6)


def test_the_second_head_of_mcd_is_not_the_first():
    aux = _build(MCD())
    assert aux(torch.zeros(1, 5, dtype=torch.float64)).shape == (1, 3)
    assert any(isinstance(layer, nn.ReLU) for layer in aux)


@pytest.mark.parametrize("weighted", [False, True])
def test_wdgrl_is_the_difference_of_the_means_of_the_critic(weighted):
    batch, aux = _weighted(random_batch(), weighted), _build(WDGRL())
    rows = arrays(batch)
    source = np.average(_forward(aux, rows.features_s)[:, 0], weights=rows.weight_s)
    target = np.average(_forward(aux, rows.features_t)[:, 0], weights=rows.weight_t)
    assert_allclose(WDGRL().loss(batch, aux).item(), source - target, rtol=1e-6)


def _slopes(aux, points):
    """Return the norm of the gradient of a critic with one hidden layer."""
    hidden, _, last = aux
    W, b = hidden.weight.detach().numpy(), hidden.bias.detach().numpy()
    alive = (points @ W.T + b) > 0
    return np.linalg.norm((alive * last.weight.detach().numpy()) @ W, axis=1)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_slopes_of_the_critic_are_penalised(weighted):
    batch, aux = _weighted(random_batch(), weighted), _build(WDGRL())
    rows = arrays(batch)
    torch.manual_seed(3)
    penalty = slope_penalty(batch, aux).item()
    torch.manual_seed(3)
    share = torch.rand((), dtype=torch.float64).item()
    mean_s = np.average(rows.features_s, axis=0, weights=rows.weight_s)
    mean_t = np.average(rows.features_t, axis=0, weights=rows.weight_t)
    expected = 0.0
    for points, weight in (
        (rows.features_s, rows.weight_s),
        (rows.features_t, rows.weight_t),
        ((1 - share) * rows.features_s + share * mean_t, rows.weight_s),
        ((1 - share) * rows.features_t + share * mean_s, rows.weight_t),
    ):
        losses = (_slopes(aux, points) - 1) ** 2
        expected += np.average(losses, weights=weight) / 4
    assert_allclose(penalty, expected, rtol=1e-6)


def test_a_critic_of_slope_one_is_not_penalised_and_a_flat_one_is():
    critic = nn.Linear(5, 1).double()
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[0.6, 0.8, 0.0, 0.0, 0.0]]))
    assert_allclose(slope_penalty(random_batch(), critic).item(), 0, atol=1e-10)
    with torch.no_grad():
        critic.weight.zero_()
    loss = slope_penalty(random_batch(), critic)
    loss.backward()
    assert_allclose(loss.item(), 1.0, rtol=1e-5)
    assert torch.isfinite(critic.weight.grad).all()


def test_the_penalty_teaches_the_critic_and_not_the_features():
    batch, aux = with_gradients(random_batch()), _build(WDGRL())
    slope_penalty(batch, aux).backward()
    assert batch.features_s.grad is batch.features_t.grad is None
    assert aux[0].weight.grad.abs().max() > 0


@pytest.mark.parametrize("weighted", [False, True])
def test_adda_passes_target_features_for_source_ones(weighted):
    batch, aux = _weighted(random_batch(), weighted), _build(ADDA())
    rows = arrays(batch)
    p = 1 / (1 + np.exp(-_forward(aux, rows.features_t)[:, 0]))
    expected = np.average(-np.log(p), weights=rows.weight_t)
    assert_allclose(ADDA().loss(batch, aux).item(), expected, rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_discriminator_of_adda(weighted):
    batch, aux = _weighted(random_batch(), weighted), _build(ADDA())
    rows = arrays(batch)
    p_s = 1 / (1 + np.exp(-_forward(aux, rows.features_s)[:, 0]))
    p_t = 1 / (1 + np.exp(-_forward(aux, rows.features_t)[:, 0]))
    expected = np.average(-np.log(p_s), weights=rows.weight_s)
    expected += np.average(-np.log(1 - p_t), weights=rows.weight_t)
    features = torch.cat([batch.features_s, batch.features_t])
    loss = discrimination(features, batch, aux)
    assert_allclose(loss.item(), expected / 2, rtol=1e-6)
    right = np.average(p_s > 0.5, weights=rows.weight_s)
    right += np.average(p_t <= 0.5, weights=rows.weight_t)
    assert_allclose(aux.domain_accuracy.item(), right / 2, rtol=1e-6)


def test_adda_has_a_gradient_where_the_discriminator_is_sure():
    batch = with_gradients(random_batch())
    sure = nn.Linear(5, 1).double()
    with torch.no_grad():
        sure.weight.fill_(0.01)
        sure.bias.fill_(-40.0)
    ADDA().loss(batch, lambda rows: sure(rows)[:, 0]).backward()
    assert_allclose(batch.features_t.grad.sum(0), -0.01, rtol=1e-6)


# --- what all keep to


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_gradients_reach_features_and_what_learns_along(method):
    batch, aux = with_gradients(random_batch()), _build(method)
    method.loss(batch, aux).backward()
    assert (batch.features_t.grad.abs().sum(1) > 0).all()
    assert all(p.grad is not None for p in aux.parameters())
    assert (batch.logits_t.grad is not None) == isinstance(method, MCD)
    assert (batch.features_s.grad is not None) == isinstance(method, WDGRL)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_weight_is_a_number_of_rows(method):
    batch, aux = random_batch(n_s=20, n_t=19), _build(method)
    counts_s, counts_t = torch.randint(0, 4, (20,)), torch.randint(0, 4, (19,))
    weighted = batch._replace(weight_s=counts_s.double(), weight_t=counts_t.double())
    expected = method.loss(repeated(batch, counts_s, counts_t), aux).item()
    assert_allclose(method.loss(weighted, aux).item(), expected, rtol=1e-10)
    torch.manual_seed(0)
    penalty = slope_penalty(weighted, _build(WDGRL())).item()
    torch.manual_seed(0)
    again = slope_penalty(repeated(batch, counts_s, counts_t), _build(WDGRL())).item()
    assert_allclose(penalty, again, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_row_gives_finite_numbers(method, dtype):
    batch = random_batch(1, 1)
    batch = batch._replace(
        **{n: getattr(batch, n).to(dtype) for n in ("features_s", "logits_s")},
        **{n: getattr(batch, n).to(dtype) for n in ("features_t", "logits_t")},
    )
    batch, aux = with_gradients(batch), _build(method, dtype)
    loss = method.loss(batch, aux)
    loss.backward()
    assert loss.dtype == dtype
    assert torch.isfinite(loss)
    assert torch.isfinite(batch.features_t.grad).all()
    penalty = slope_penalty(batch, _build(WDGRL(), dtype))
    assert penalty.dtype == dtype
    assert torch.isfinite(penalty)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_they_stand_alone(method):
    assert not method.composes
    assert callable(method.step)
