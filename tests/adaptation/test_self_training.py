"""FixMatch and SHOT against formulas in NumPy."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer.adaptation import SHOT, DomainBatch, FixMatch
from sktransfer.adaptation._self_training import centroid_labels

WEIGHT = np.array([0.5, 1.0, 2.0, 1.0, 4.0, 1.0])


def _log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def _batch(seed=0, n=6, n_classes=3, weight=None):
    rng = np.random.default_rng(seed)
    logits, views = rng.normal(scale=2, size=(2, n, n_classes))
    batch = DomainBatch(
        logits_t=torch.tensor(logits),
        views_t=torch.tensor(views),
        weight_t=None if weight is None else torch.tensor(weight),
        index_t=torch.tensor(rng.permutation(n)),
    )
    return batch, logits, views


# --- FixMatch


@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_fixmatch(threshold, weight):
    batch, logits, views = _batch(weight=weight)
    p = np.exp(_log_softmax(logits))
    losses = [
        -_log_softmax(views)[row, p[row].argmax()] if p[row].max() >= threshold else 0.0
        for row in range(6)
    ]
    loss = FixMatch(threshold=threshold).loss(batch, None)
    assert_allclose(loss.item(), np.average(losses, weights=weight), rtol=1e-6)


def test_fixmatch_learns_from_views_of_sure_rows_alone():
    logits = torch.tensor([[9.0, 0.0], [0.1, 0.0]], requires_grad=True)
    views = torch.zeros(2, 2, requires_grad=True)
    batch = DomainBatch(logits_t=logits, views_t=views)
    FixMatch().loss(batch, None).backward()
    assert logits.grad is None
    assert_allclose(views.grad, [[-0.25, 0.25], [0, 0]])


def test_fixmatch_without_a_sure_row_is_zero():
    views = torch.zeros(3, 2, requires_grad=True)
    batch = DomainBatch(logits_t=torch.zeros(3, 2), views_t=views)
    loss = FixMatch().loss(batch, None)
    loss.backward()
    assert loss.item() == 0
    assert not views.grad.any()


# --- SHOT


def _centroid_labels(features, logits, weight=None):
    """Return the labels as the paper finds them: two rounds, by cosine."""
    p = np.exp(_log_softmax(logits))
    weight = np.ones(len(p)) if weight is None else weight
    rows = np.hstack([features, np.ones((len(features), 1))])
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for _ in range(2):
        labels = []
        centroids = {
            c: (weight * p[:, c]) @ rows / (weight @ p[:, c])
            for c in range(p.shape[1])
            if weight @ p[:, c] > 0
        }
        for row in rows:
            cosine = {
                c: row @ centre / np.linalg.norm(centre)
                for c, centre in centroids.items()
            }
            labels.append(max(cosine, key=cosine.get))
        p = np.eye(p.shape[1])[labels]
    return np.array(labels)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_of_centroids(seed, weighted):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, 6))
    features = 2 * centres[np.arange(40) % 4] + rng.normal(size=(40, 6))
    logits = rng.normal(size=(40, 4))
    weight = rng.uniform(0.5, 3, 40) if weighted else None
    labels = centroid_labels(
        torch.tensor(features),
        torch.tensor(logits),
        None if weight is None else torch.tensor(weight),
    )
    assert labels.tolist() == _centroid_labels(features, logits, weight).tolist()


def test_labels_count_rows_by_weight():
    rng = np.random.default_rng(0)
    features, logits = (torch.tensor(rng.normal(size=(30, k))) for k in (5, 3))
    counts = torch.tensor(rng.integers(1, 4, 30))
    weighted = centroid_labels(features, logits, counts.double())
    repeated = centroid_labels(
        features.repeat_interleave(counts, 0), logits.repeat_interleave(counts, 0)
    )
    assert torch.equal(weighted.repeat_interleave(counts), repeated)


def test_a_class_that_nobody_predicts_gets_no_row():
    features = torch.tensor([[1.0, 0.0], [0.9, 0.1], [-1.0, 0.3]])
    logits = torch.tensor([[0.0, -1e4, -3.0], [1.0, -1e4, 0.0], [0.0, -1e4, 4.0]])
    assert centroid_labels(features, logits).tolist() == [0, 0, 2]


def test_centroids_correct_the_classifier():
    features = torch.tensor([[5.0, 0.0]] * 5 + [[0.0, 5.0]] * 5)
    logits = torch.tensor([[2.0, 0.0]] * 4 + [[0.0, 0.5]] + [[0.0, 2.0]] * 5)
    assert logits.argmax(1)[4] == 1
    assert centroid_labels(features, logits).tolist() == [0] * 5 + [1] * 5


@pytest.mark.parametrize("beta", [0.0, 0.3])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_shot(beta, weight):
    batch, logits, views = _batch(weight=weight)
    method = SHOT(beta=beta)
    method.labels_ = torch.tensor([2, 0, 1, 1, 0, 2])
    log_p = _log_softmax(logits)
    entropy = np.average(-(np.exp(log_p) * log_p).sum(1), weights=weight)
    mean = np.average(np.exp(log_p), axis=0, weights=weight)
    labels = method.labels_.numpy()[batch.index_t.numpy()]
    losses = -_log_softmax(views)[np.arange(6), labels]
    expected = entropy + (mean * np.log(mean)).sum()
    expected += beta * np.average(losses, weights=weight)
    assert_allclose(method.loss(batch, None).item(), expected, rtol=1e-6)


def test_shot_teaches_by_predictions_and_by_views():
    batch, *_ = _batch()
    batch = batch._replace(
        logits_t=batch.logits_t.requires_grad_(), views_t=batch.views_t.requires_grad_()
    )
    method = SHOT()
    method.labels_ = torch.zeros(6, dtype=int)
    method.loss(batch, None).backward()
    assert (batch.logits_t.grad.abs().sum(1) > 0).all()
    assert (batch.views_t.grad.abs().sum(1) > 0).all()


# --- what both keep to


@pytest.mark.parametrize("method", [FixMatch(threshold=0.5), SHOT()])
def test_a_weight_is_a_number_of_rows(method):
    counts = np.array([1, 0, 2, 3, 1, 2])
    batch, *_ = _batch(weight=counts.astype(float))
    method.labels_ = torch.tensor([2, 0, 1, 1, 0, 2])
    weighted = method.loss(batch, None)
    rows = torch.arange(6).repeat_interleave(torch.tensor(counts))
    repeated = batch._replace(
        logits_t=batch.logits_t[rows],
        views_t=batch.views_t[rows],
        index_t=batch.index_t[rows],
        weight_t=None,
    )
    assert_allclose(weighted.item(), method.loss(repeated, None).item(), rtol=1e-10)


@pytest.mark.parametrize("method", [FixMatch(), SHOT()])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_row_gives_a_finite_number_of_its_precision(method, dtype):
    method.labels_ = torch.tensor([1])
    logits = torch.tensor([[50.0, -50.0]], dtype=dtype, requires_grad=True)
    batch = DomainBatch(logits_t=logits, views_t=logits, index_t=torch.tensor([0]))
    loss = method.loss(batch, None)
    loss.backward()
    assert loss.dtype == dtype
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
