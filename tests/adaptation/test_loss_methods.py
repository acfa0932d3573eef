"""What every method that is a loss keeps to."""

import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from sktransfer.adaptation import (
    AFN,
    BNM,
    CDAN,
    DAN,
    DANN,
    IM,
    JAN,
    MCC,
    MDD,
    DeepCORAL,
    DeepJDOT,
    DomainBatch,
)

from .batches import random_batch, repeated, with_gradients

FEATURES, TARGET_LOGITS = {"features_s", "features_t"}, {"logits_t"}
READS = {
    AFN(): FEATURES,
    BNM(): TARGET_LOGITS,
    CDAN(): FEATURES,
    CDAN(entropy=False): FEATURES,
    DAN(): FEATURES,
    DANN(): FEATURES,
    DeepCORAL(): FEATURES,
    DeepJDOT(): FEATURES | TARGET_LOGITS,
    IM(): TARGET_LOGITS,
    JAN(): FEATURES | {"logits_s", "logits_t"},
    MCC(): TARGET_LOGITS,
    MDD(): FEATURES,
}
every_method = pytest.mark.parametrize("method", READS, ids=str)


def _build(method, dtype=torch.float64):
    torch.manual_seed(0)
    aux = method.build(n_features=5, n_classes=3)
    return aux if aux is None else aux.to(dtype)


def _loss_and_gradients(method, batch, aux):
    batch = with_gradients(batch)
    loss = method.loss(batch, aux)
    loss.backward()
    gradients = {
        name: tensor.grad
        for name, tensor in batch._asdict().items()
        if torch.is_tensor(tensor) and tensor.grad is not None
    }
    return loss, gradients


@every_method
def test_gradients_reach_what_the_method_reads(method):
    loss, gradients = _loss_and_gradients(method, random_batch(), _build(method))
    assert loss.shape == ()
    assert set(gradients) == READS[method]
    for gradient in gradients.values():
        assert (gradient.abs().sum(1) > 0).all()


@every_method
def test_a_weight_is_a_number_of_rows(method):
    batch, aux = random_batch(n_s=20, n_t=19), _build(method)
    counts_s, counts_t = torch.randint(0, 4, (20,)), torch.randint(0, 4, (19,))
    weighted = batch._replace(weight_s=counts_s.double(), weight_t=counts_t.double())
    loss, gradients = _loss_and_gradients(method, weighted, aux)
    expected, of_repeats = _loss_and_gradients(
        method, repeated(batch, counts_s, counts_t), aux
    )
    assert_allclose(loss.item(), expected.item(), rtol=1e-10)
    if isinstance(method, DeepJDOT):
        return  # the plan may share out repeated rows in more than one best way
    for name, gradient in gradients.items():
        counts = counts_s if name.endswith("_s") else counts_t
        summed = torch.zeros_like(gradient)
        summed.index_add_(
            0, torch.arange(len(counts)).repeat_interleave(counts), of_repeats[name]
        )
        assert_allclose(gradient, summed, rtol=1e-7, atol=1e-12)


@every_method
def test_weights_of_one_are_no_weights(method):
    batch, aux = random_batch(), _build(method)
    ones = batch._replace(weight_s=torch.ones(7), weight_t=torch.ones(6))
    loss = method.loss(batch, aux).item()
    assert_allclose(method.loss(ones, aux).item(), loss, rtol=1e-10)


@every_method
def test_weights_that_add_up_to_one_are_no_numbers_of_rows(method):
    batch, aux = random_batch(), _build(method)
    shares = batch._replace(weight_s=torch.full((7,), 1e-3), weight_t=torch.ones(6) / 6)
    loss, gradients = _loss_and_gradients(method, shares, aux)
    expected, of_ones = _loss_and_gradients(method, batch, aux)
    assert_allclose(loss.item(), expected.item(), rtol=1e-6)
    for name, gradient in gradients.items():
        assert_allclose(gradient, of_ones[name], rtol=1e-5, atol=1e-9)


@every_method
@pytest.mark.parametrize(("n_s", "n_t"), [(1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("weight", [None, 0.3, 1.5])
def test_one_row_gives_finite_numbers(method, n_s, n_t, weight):
    batch = random_batch(n_s, n_t)
    if weight is not None:
        weights = torch.full((n_s,), weight), torch.full((n_t,), weight)
        batch = batch._replace(weight_s=weights[0], weight_t=weights[1])
    loss, gradients = _loss_and_gradients(method, batch, _build(method))
    assert torch.isfinite(loss)
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())


@every_method
def test_single_precision_stays_so(method):
    exact = random_batch()._replace(weight_s=torch.rand(7).double() + 0.5)
    single = DomainBatch(
        *(t.float() if t is not None and t.is_floating_point() else t for t in exact)
    )
    mixed = single._replace(weight_s=exact.weight_s)
    expected = method.loss(exact, _build(method)).item()
    for batch in (single, mixed):
        loss = method.loss(batch, _build(method, torch.float32))
        assert loss.dtype == torch.float32
        assert_allclose(loss.item(), expected, rtol=1e-4)


@every_method
def test_the_weight_is_left_to_the_trainer(method):
    batch = random_batch()
    loss = method.loss(batch, _build(method)).item()
    doubled = clone(method).set_params(weight=2 * method.weight)
    assert doubled.loss(batch, _build(doubled)).item() == loss


@every_method
def test_parameters_are_checked(method):
    method._validate_params()
    with pytest.raises(InvalidParameterError, match="'weight' parameter"):
        clone(method).set_params(weight=-1.0)._validate_params()
