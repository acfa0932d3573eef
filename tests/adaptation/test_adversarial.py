"""Adversarial losses against formulas in NumPy, and who learns what from them."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sktransfer.adaptation import CDAN, DANN, MDD
from sktransfer.adaptation._adversarial import discrimination, reverse_gradient

from .batches import arrays, random_batch, with_gradients

METHODS = [DANN(), CDAN(), CDAN(entropy=False), MDD()]
WITH_DISCRIMINATOR = METHODS[:3]
WEIGHT_S = np.array([1.0, 2.0, 0.5, 3.0, 1.0, 0.2, 1.0])
WEIGHT_T = np.array([0.5, 1.0, 2.0, 1.0, 4.0, 1.0])


def _build(method, n_features=5, n_classes=3):
    torch.manual_seed(0)
    return method.build(n_features, n_classes).double()


def _weighted(batch):
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


def _cross_entropy_of_domains(logits_s, logits_t, weight_s, weight_t):
    source = np.average(-np.log(1 / (1 + np.exp(-logits_s[:, 0]))), weights=weight_s)
    target = np.average(
        -np.log(1 - 1 / (1 + np.exp(-logits_t[:, 0]))), weights=weight_t
    )
    return (source + target) / 2


def _outer(features, logits):
    pairs = zip(features, _softmax(logits), strict=True)
    return np.array([np.outer(f, p).ravel() for f, p in pairs])


def test_dann():
    method, batch = DANN(), _weighted(random_batch())
    aux, rows = _build(method), arrays(batch)
    expected = _cross_entropy_of_domains(
        _forward(aux, rows.features_s),
        _forward(aux, rows.features_t),
        WEIGHT_S,
        WEIGHT_T,
    )
    assert_allclose(method.loss(batch, aux).item(), expected, rtol=1e-6)


@pytest.mark.parametrize("entropy", [True, False])
def test_cdan_is_conditioned_on_probabilities(entropy):
    method, batch = CDAN(entropy=entropy), _weighted(random_batch())
    aux, rows = _build(method), arrays(batch)
    p_s, p_t = _softmax(rows.logits_s), _softmax(rows.logits_t)
    certain_s, certain_t = (
        1 + np.exp((p * np.log(p)).sum(axis=1)) if entropy else 1.0 for p in (p_s, p_t)
    )
    expected = _cross_entropy_of_domains(
        _forward(aux, _outer(rows.features_s, rows.logits_s)),
        _forward(aux, _outer(rows.features_t, rows.logits_t)),
        WEIGHT_S * certain_s,
        WEIGHT_T * certain_t,
    )
    assert_allclose(method.loss(batch, aux).item(), expected, rtol=1e-6)


def test_cdan_takes_no_gradient_through_the_predictions():
    batch = with_gradients(random_batch())
    CDAN().loss(batch, _build(CDAN())).backward()
    assert batch.logits_s.grad is None
    assert batch.logits_t.grad is None


def test_random_mixtures_keep_inner_products():
    """Those of the products are products of those of features and probabilities."""
    aux = _build(CDAN(), n_features=1000, n_classes=10)
    batch = random_batch(n_s=6, n_features=1000, n_classes=10)
    features, p = batch.features_s + 1, batch.logits_s.softmax(1)
    mixed = aux.products(features, p).numpy()
    exact = ((features @ features.T) * (p @ p.T)).numpy()
    scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    assert mixed.shape == (6, 1024)
    assert np.abs(mixed @ mixed.T - exact).max() < 0.2 * scale.max()


def test_random_mixtures_are_saved_and_do_not_learn():
    aux = CDAN().build(n_features=1000, n_classes=10)
    learned = dict(aux.named_parameters())
    assert {"mix_of_features", "mix_of_classes"} <= set(aux.state_dict()) - set(learned)


def test_mdd():
    method, batch = MDD(margin=3.0), _weighted(random_batch())
    aux, rows = _build(method), arrays(batch)
    second_s = _softmax(_forward(aux, rows.features_s))
    second_t = _softmax(_forward(aux, rows.features_t))
    agreed = [p[np.argmax(z)] for p, z in zip(second_s, rows.logits_s, strict=True)]
    denied = [1 - p[np.argmax(z)] for p, z in zip(second_t, rows.logits_t, strict=True)]
    expected = 3.0 * np.average(-np.log(agreed), weights=WEIGHT_S)
    expected += np.average(-np.log(denied), weights=WEIGHT_T)
    assert_allclose(method.loss(batch, aux).item(), expected, rtol=1e-6)


def test_mdd_is_finite_where_the_second_classifier_is_certain():
    batch = with_gradients(random_batch())
    batch = batch._replace(logits_t=300 * batch.features_t[:, :3])

    def second(features):
        return 300 * features[:, :3]

    loss = MDD().loss(batch, second)
    loss.backward()
    assert 10 < loss < 1e4
    assert torch.isfinite(batch.features_t.grad).all()
    assert batch.features_t.grad.abs().sum() > 0


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_the_aux_descends_what_the_features_ascend(method):
    """Gradients against central differences along a random direction."""
    batch, aux = with_gradients(random_batch()), _build(method)
    method.loss(batch, aux).backward()
    generator = torch.Generator().manual_seed(1)
    for leaf, sign in (
        (batch.features_s, -1),
        (batch.features_t, -1),
        *((parameter, 1) for parameter in aux.parameters()),
    ):
        direction = torch.randn(leaf.shape, generator=generator, dtype=leaf.dtype)
        slope = _slope(method, batch, aux, leaf, direction)
        assert slope != 0
        assert_allclose(sign * (leaf.grad * direction).sum(), slope, rtol=1e-4)


def _slope(method, batch, aux, leaf, direction, size=1e-6):
    losses = []
    for step in (size, -2 * size):
        with torch.no_grad():
            leaf += step * direction
        losses.append(method.loss(batch, aux).item())
    with torch.no_grad():
        leaf += size * direction
    return (losses[0] - losses[1]) / (2 * size)


@pytest.mark.parametrize("method", WITH_DISCRIMINATOR, ids=str)
def test_the_discriminator_learns_to_tell_domains_apart(method):
    batch = random_batch(n_s=40, n_t=30)
    batch = batch._replace(features_t=batch.features_t + 3)
    aux = _build(method)
    optimizer = torch.optim.Adam(aux.parameters(), lr=1e-3)
    for _ in range(40):
        optimizer.zero_grad()
        method.loss(batch, aux).backward()
        optimizer.step()
    assert aux.domain_accuracy > 0.95


def test_domain_accuracy_counts_both_domains_and_weights():
    batch, aux = _weighted(random_batch()), _build(DANN())
    DANN().loss(batch, aux)
    rows = arrays(batch)
    right_s = np.average(_forward(aux, rows.features_s)[:, 0] > 0, weights=WEIGHT_S)
    right_t = np.average(_forward(aux, rows.features_t)[:, 0] < 0, weights=WEIGHT_T)
    assert aux.domain_accuracy.shape == ()
    assert not aux.domain_accuracy.requires_grad
    assert_allclose(aux.domain_accuracy, (right_s + right_t) / 2, rtol=1e-9)


def test_discrimination_is_dann_without_the_reversal():
    batch, aux = with_gradients(random_batch()), _build(DANN())
    loss = discrimination(torch.cat([batch.features_s, batch.features_t]), batch, aux)
    (gradient,) = torch.autograd.grad(loss, batch.features_s)
    DANN().loss(batch, aux).backward()
    assert_allclose(batch.features_s.grad, -gradient, rtol=1e-12)


def test_reverse_gradient():
    x = torch.tensor([0.1, -1e30], requires_grad=True)
    y = reverse_gradient(x)
    y.backward(torch.tensor([2.0, 3.0]))
    assert_array_equal(y.detach(), x.detach())
    assert_allclose(x.grad, [-2.0, -3.0])


@pytest.mark.parametrize("method", [DANN, CDAN, MDD])
@pytest.mark.parametrize("hidden", [(0,), (128, "64"), [1.5]])
def test_wrong_sizes_are_named(method, hidden):
    with pytest.raises(ValueError, match=r"hidden=.* must be a tuple of positive int"):
        method(hidden=hidden).build(5, 3)


def test_without_hidden_layers_the_discriminator_is_linear():
    assert [type(layer) for layer in DANN(hidden=()).build(5, 3)] == [torch.nn.Linear]
