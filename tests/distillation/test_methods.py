"""Each loss against its formula in NumPy, weights against repeated rows."""

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import log_softmax, softmax

from sktransfer.distillation import DIST, KD, RKD, DistillationBatch, FitNet, Mutual
from sktransfer.distillation._resolve import NAMES, resolve_method

N, CLASSES, FEATURES, HINTS = 6, 4, 3, 5
METHODS = [KD(), DIST(beta=0.7, gamma=1.9), FitNet(weight=0.3), RKD(), Mutual()]


def _arrays(seed=0, n=N):
    rng = np.random.default_rng(seed)
    shapes = [(n, CLASSES), (n, CLASSES), (n, FEATURES), (n, HINTS)]
    return [rng.normal(scale=2, size=shape) for shape in shapes]


def _batch(arrays, weight=None, temperature=3.0):
    weight = None if weight is None else torch.tensor(weight)
    return DistillationBatch(*map(torch.tensor, arrays), weight, temperature)


def _regressor(method):
    torch.manual_seed(0)
    aux = method.build(FEATURES, HINTS)
    return None if aux is None else aux.double()


def _kd(student, teacher, T):
    q = softmax(teacher / T, axis=1)
    divergence = q * (log_softmax(teacher / T, 1) - log_softmax(student / T, 1))
    return T**2 * divergence.sum(axis=1).mean()


def _dist(student, teacher, T, beta, gamma):
    p, q = softmax(student / T, axis=1), softmax(teacher / T, axis=1)
    rows = np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(p, q, strict=True)])
    columns = np.mean(
        [1 - np.corrcoef(a, b)[0, 1] for a, b in zip(p.T, q.T, strict=True)]
    )
    return T**2 * (beta * rows + gamma * columns)


def _hints(features, hints, weight, bias):
    missed = features @ weight.T + bias - hints
    return (missed**2).mean() / ((hints - hints.mean(axis=0)) ** 2).mean()


def _huber(difference):
    size = abs(difference)
    return size**2 / 2 if size < 1 else size - 0.5


def _distance_loss(features, hints):
    def normed(rows):
        d = np.array([[np.sqrt(((a - b) ** 2).sum()) for a in rows] for b in rows])
        return d / d[d > 0].mean()

    return np.mean([_huber(d) for d in (normed(features) - normed(hints)).ravel()])


def _angle_loss(features, hints):
    def cosine(rows, i, j, k):
        one, other = rows[i] - rows[j], rows[k] - rows[j]
        length = np.linalg.norm(one) * np.linalg.norm(other)
        return one @ other / length if length else 0.0

    triples = list(itertools.product(range(len(hints)), repeat=3))
    gaps = [cosine(features, *t) - cosine(hints, *t) for t in triples]
    return np.mean([_huber(gap) for gap in gaps])


def test_kd_and_mutual():
    student, teacher, *_ = arrays = _arrays()
    for method, T in itertools.product((KD(), Mutual()), (1.0, 4.0)):
        loss = method.loss(_batch(arrays, temperature=T), None)
        assert_allclose(loss, _kd(student, teacher, T), rtol=1e-9)


def test_dist():
    student, teacher, *_ = arrays = _arrays()
    loss = DIST(beta=0.7, gamma=1.9).loss(_batch(arrays), None)
    assert_allclose(loss, _dist(student, teacher, 3.0, 0.7, 1.9), rtol=1e-6)


def test_fitnet():
    student, teacher, features, hints = arrays = _arrays()
    method = FitNet(weight=0.3)
    aux = _regressor(method)
    weight, bias = (p.detach().numpy() for p in aux.parameters())
    loss = method.loss(_batch(arrays), aux).item()
    hint = _hints(features, hints, weight, bias)
    assert_allclose(loss, _kd(student, teacher, 3.0) + 0.3 * hint, rtol=1e-9)


@pytest.mark.parametrize("repeated", [False, True])
def test_rkd(repeated):
    arrays = _arrays()
    if repeated:  # a distance of zero, an angle without a direction
        arrays = [rows[[0, 0, *range(1, N)]] for rows in arrays]
    student, teacher, features, hints = arrays
    kd = _kd(student, teacher, 3.0)
    loss = RKD(angle_weight=0).loss(_batch(arrays), None).item()
    assert_allclose(loss, kd + 25 * _distance_loss(features, hints), rtol=1e-9)
    loss = RKD(distance_weight=0).loss(_batch(arrays), None).item()
    assert_allclose(loss, kd + 50 * _angle_loss(features, hints), rtol=1e-9)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_weight_of_two_is_a_repeated_row(method):
    arrays, aux = _arrays(), _regressor(method)
    weight = np.array([1.0, 2.0, 1.0, 3.0, 1.0, 1.0])
    repeated = [np.repeat(rows, weight.astype(int), axis=0) for rows in arrays]
    loss = method.loss(_batch(arrays, weight), aux)
    assert_allclose(loss.item(), method.loss(_batch(repeated), aux).item(), rtol=1e-9)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_gradients_are_right_and_reach_the_regressor(method):
    student, teacher, features, hints = map(torch.tensor, _arrays())
    aux = _regressor(method)
    parameters = () if aux is None else tuple(aux.parameters())

    def loss(logits, rows, *_):
        return method.loss(
            DistillationBatch(logits, teacher, rows, hints, None, 2.0), aux
        )

    learning = student.requires_grad_(), features.requires_grad_(), *parameters
    assert torch.autograd.gradcheck(loss, learning)
    gradients = torch.autograd.grad(loss(*learning), learning, allow_unused=True)
    moved = [g is not None and bool(g.any()) for g in gradients]
    assert moved == [True, method.needs_features, *(True for _ in parameters)]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_one_row_and_sure_or_constant_parts_stay_finite(method):
    lowest = float(np.log(np.finfo(np.float32).tiny))
    sure = np.full((N, CLASSES), lowest)
    sure[:, 0] = 0
    constant = [np.zeros((N, CLASSES)), sure, np.zeros((N, FEATURES)), _arrays()[3]]
    for arrays in (_arrays(n=1), constant):
        parts = [torch.tensor(a, dtype=torch.float32) for a in arrays]
        parts[0].requires_grad_()
        parts[2].requires_grad_()
        method_aux = method.build(FEATURES, HINTS)
        loss = method.loss(DistillationBatch(*parts, None, 4.0), method_aux)
        loss.backward()
        grads = [parts[0].grad, parts[2].grad if method.needs_features else loss]
        assert all(torch.isfinite(value).all() for value in (loss.detach(), *grads))
        assert all(value.abs().max() < 1e4 for value in grads)


@pytest.mark.parametrize("name", NAMES)
def test_names_stand_for_methods(name):
    assert type(resolve_method(name)).__name__ == NAMES[name]


def test_a_method_is_copied():
    method = FitNet(weight=2.0)
    copy = resolve_method(method)
    assert copy is not method
    assert copy.weight == 2.0


@pytest.mark.parametrize(
    ("method", "error", "match"),
    [
        ("hint", ValueError, r"method='hint' is not known. Choose from \['dist', 'fit"),
        (FitNet, TypeError, r"method=FitNet is a class: pass an instance, FitNet\(\)"),
        (3, TypeError, "method=3 is neither a name nor a DistillationMethod"),
        (FitNet(weight=-1), ValueError, "'weight' parameter of FitNet"),
        (RKD(angle_weight="x"), ValueError, "'angle_weight' parameter of RKD"),
    ],
    ids=str,
)
def test_bad_methods(method, error, match):
    with pytest.raises(error, match=match):
        resolve_method(method)
