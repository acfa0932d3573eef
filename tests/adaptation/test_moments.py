"""Statistics of the features against formulas in NumPy, in double precision."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer.adaptation import DAN, JAN, DeepCORAL, DomainBatch
from sktransfer.adaptation._moments import covariance

from .batches import arrays, random_batch, with_gradients

SCALES = [2.0**power for power in range(-3, 2)]


def _kernel(rows, scales):
    """Return the mean of Gaussian kernels as a function of two rows' numbers."""

    def distance(i, j):
        return ((rows[i] - rows[j]) ** 2).sum()

    everyone = range(len(rows))
    mean = np.mean([distance(i, j) for i in everyone for j in everyone])
    return lambda i, j: np.mean(
        [np.exp(-distance(i, j) / (2 * scale * mean)) for scale in scales]
    )


def _mmd(kernel, n_s, n_t):
    """Return the unbiased estimate of equation 3 in Gretton et al., JMLR 2012."""
    source, target = range(n_s), range(n_s, n_s + n_t)
    total = np.mean([kernel(i, j) for i in source for j in source if i != j])
    total += np.mean([kernel(i, j) for i in target for j in target if i != j])
    return total - 2 * np.mean([kernel(i, j) for i in source for j in target])


def _softmax(logits):
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("counts", [None, [1, 3, 2, 1, 1, 4, 1]])
def test_covariance(counts):
    features = random_batch().features_s
    weight = None if counts is None else torch.tensor(counts)
    expected = np.cov(features.numpy().T, fweights=counts)
    assert_allclose(covariance(features, weight), expected, rtol=1e-10)


def test_covariance_of_one_row_is_zero():
    assert_allclose(covariance(torch.randn(1, 4)), np.zeros((4, 4)))


def test_deep_coral():
    batch = random_batch()
    source, target = arrays(batch).features_s, arrays(batch).features_t
    d = source.shape[1]
    expected = sum(
        (np.cov(source[:, i], source[:, j]) - np.cov(target[:, i], target[:, j]))[0, 1]
        ** 2
        for i in range(d)
        for j in range(d)
    ) / (4 * d**2)
    assert_allclose(DeepCORAL().loss(batch, None), expected, rtol=1e-6)


def test_deep_coral_does_not_see_a_shift():
    batch = random_batch()
    moved = batch._replace(features_t=batch.features_t + 100)
    expected = DeepCORAL().loss(batch, None)
    assert_allclose(DeepCORAL().loss(moved, None), expected, rtol=1e-9)


def test_dan():
    batch = random_batch()
    kernel = _kernel(np.vstack([batch.features_s, batch.features_t]), SCALES)
    assert_allclose(DAN().loss(batch, None), _mmd(kernel, 7, 6), rtol=1e-6)


def test_jan():
    batch = random_batch()
    of_features = _kernel(np.vstack([batch.features_s, batch.features_t]), SCALES)
    logits = np.vstack([batch.logits_s, batch.logits_t])
    of_predictions = _kernel(_softmax(logits), [1.68])
    expected = _mmd(lambda i, j: of_features(i, j) * of_predictions(i, j), 7, 6)
    assert_allclose(JAN().loss(batch, None), expected, rtol=1e-6)


@pytest.mark.parametrize("method", [DAN(), JAN()], ids=str)
def test_discrepancy_is_unbiased(method):
    losses = [
        method.loss(
            batch._replace(features_t=other.features_s, logits_t=other.logits_s), None
        )
        for batch, other in (
            (random_batch(seed=seed), random_batch(seed=1000 + seed))
            for seed in range(400)
        )
    ]
    assert abs(np.mean(losses)) < 3 * np.std(losses) / len(losses) ** 0.5


@pytest.mark.parametrize("method", [DAN(), JAN()], ids=str)
def test_discrepancy_of_a_batch_with_itself_is_that_of_the_left_out_pairs(method):
    batch = random_batch(n_s=400)
    batch = batch._replace(features_t=batch.features_s, logits_t=batch.logits_s)
    assert -2 / 400 < method.loss(batch, None) < 0


@pytest.mark.parametrize("method", [DAN(), JAN()], ids=str)
def test_discrepancy_does_not_depend_on_the_unit_of_the_features(method):
    batch = random_batch()
    scaled = batch._replace(
        features_s=1000 * batch.features_s, features_t=1000 * batch.features_t
    )
    expected = method.loss(batch, None)
    assert_allclose(method.loss(scaled, None), expected, rtol=1e-9)


def test_dan_takes_bandwidths_for_constants():
    """The kernel of features on one line then has a derivative one can write down."""
    source = torch.tensor([[0.0]], dtype=torch.float64)
    target = torch.tensor([[1.0]], dtype=torch.float64, requires_grad=True)
    DAN().loss(DomainBatch(features_s=source, features_t=target), None).backward()
    # mean squared distance 1/2; loss -2 mean(exp(-x**2 / a)) at x = 1
    expected = np.mean([4 / a * np.exp(-1 / a) for a in SCALES])
    assert_allclose(target.grad.item(), expected, rtol=1e-6)


@pytest.mark.parametrize("method", [DeepCORAL(), DAN(), JAN()], ids=str)
@pytest.mark.parametrize("n", [6, 40])
def test_rows_that_are_all_the_same_are_no_difference(method, n):
    features = torch.full((n, 3), 0.7, requires_grad=True)
    logits = torch.full((n, 2), 0.7, requires_grad=True)
    batch = DomainBatch(features, logits, features_t=features, logits_t=logits)
    loss = method.loss(batch, None)
    loss.backward()
    assert abs(loss) < 1e-5
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("method", [DAN(), JAN()], ids=str)
@pytest.mark.parametrize("n", [7, 40])
def test_distances_far_from_zero_keep_their_digits(method, n):
    batch = random_batch(n_s=n, n_t=n)
    far = batch._replace(
        features_s=(batch.features_s + 1000).float(),
        features_t=(batch.features_t + 1000).float(),
    )
    expected = far._replace(
        features_s=far.features_s.double(), features_t=far.features_t.double()
    )
    expected = method.loss(expected, None)
    assert_allclose(method.loss(far, None), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", [DAN(), JAN()], ids=str)
def test_an_outlier_takes_no_digits_of_the_gradients_of_others(method):
    batch = random_batch(n_s=30, n_t=30)
    batch.features_s[0] += 1000
    gradients = []
    for dtype in (torch.float64, torch.float32):
        source = batch.features_s.detach().to(dtype).requires_grad_()
        rows = batch._replace(features_s=source, features_t=batch.features_t.to(dtype))
        method.loss(rows, None).backward()
        gradients.append(source.grad[1:].double())
    exact, found = gradients
    assert abs(found - exact).max() < 2e-3 * abs(exact).max()


def test_a_loss_without_gradients_leaves_those_after_it_alone():
    batch = with_gradients(random_batch(n_s=9, n_t=11))
    with torch.inference_mode():
        expected = DAN().loss(batch, None).item()
    loss = DAN().loss(batch, None)
    loss.backward()
    assert_allclose(loss.item(), expected, rtol=1e-12)
    assert batch.features_s.grad.abs().sum() > 0
