"""Ratios of densities against known ones, and against independent solutions."""

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression

from sktransfer.metrics._importance import importance_weights
from sktransfer.reweighting import (
    KLIEP,
    KMM,
    ULSIF,
    InstanceWeighting,
    LogisticWeighting,
)
from sktransfer.reweighting._kmm import match_means
from sktransfer.reweighting._resolve import NAMES, resolve_weighting

RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.normal(size=(60, 2)), RNG.normal(0.8, 0.7, size=(40, 2))


def _gauss(X, centers, bandwidth):
    return np.exp(-(cdist(X, centers) ** 2) / (2 * bandwidth**2))


def _standardised():
    both = np.vstack([SOURCE, TARGET])
    return [(X - both.mean(axis=0)) / both.std(axis=0) for X in (SOURCE, TARGET)]


@pytest.mark.parametrize("name", NAMES)
def test_two_gaussians(name):
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(1000, 1)), rng.normal(0.7, 1, size=(500, 1))
    true = np.exp(0.7 * source.ravel() - 0.7**2 / 2)  # of N(0.7, 1) over N(0, 1)
    weights = NAMES[name]().weights(source, target)
    assert np.corrcoef(weights, true)[0, 1] > 0.9
    assert weights.mean() == pytest.approx(1, rel=1e-12)
    assert weights.min() >= 0


@pytest.mark.parametrize("weighting", [KLIEP("median"), KMM(), ULSIF()])
@pytest.mark.parametrize("seed", range(3))
def test_two_gaussians_of_different_width(weighting, seed):
    rng = np.random.default_rng(seed)
    source, target = rng.normal(size=(1000, 1)), rng.normal(0.7, 0.7, size=(500, 1))
    x = source.ravel()
    true = np.exp(x**2 / 2 - (x - 0.7) ** 2 / (2 * 0.49)) / 0.7
    assert np.corrcoef(weighting.weights(source, target), true)[0, 1] > 0.9


def test_kliep_is_the_optimum():
    source, target = _standardised()
    K_s, K_t = _gauss(source, target, 0.9), _gauss(target, target, 0.9)
    found = minimize(
        lambda a: -np.mean(np.log(K_t @ a)),
        np.full(40, 1 / K_s.mean(axis=0).sum()),
        jac=lambda a: -(K_t / (K_t @ a)[:, None]).mean(axis=0),
        bounds=[(0, None)] * 40,
        constraints=LinearConstraint(K_s.mean(axis=0), 1, 1),
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert found.success
    weights = KLIEP(0.9).weights(SOURCE, TARGET)
    np.testing.assert_allclose(weights, K_s @ found.x, atol=2e-3)


@pytest.mark.parametrize("bandwidth", ["cv", "median", 0.3])
def test_kliep_of_many_columns_has_converged(bandwidth):
    rows = np.random.default_rng(0).normal(size=(400, 4))
    source, target = rows[:200], rows[200:] + 0.5
    kliep = KLIEP(bandwidth)
    weights = kliep.weights(source, target)
    np.testing.assert_allclose(weights.mean(), 1)
    moved = kliep.weights(source + 1e-12, target)
    np.testing.assert_allclose(moved, weights, atol=1e-6)


def test_kliep_chooses_the_bandwidth_by_held_out_likelihood():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(400, 1))
    target = np.concatenate([rng.normal(c, 0.1, (100, 1)) for c in (-1.0, 1.0)])
    x = source.ravel()
    bumps = [np.exp(-((x - c) ** 2) / 0.02) for c in (-1.0, 1.0)]
    true = sum(bumps) / np.exp(-(x**2) / 2)
    chosen, wide = (
        np.corrcoef(w.weights(source, target), true)[0, 1]
        for w in (KLIEP("cv"), KLIEP(3.0))
    )
    assert chosen > 0.7
    assert wide < 0.4


def test_ulsif_is_the_closed_form():
    source, target = _standardised()
    K_s, K_t = _gauss(source, target, 0.9), _gauss(target, target, 0.9)
    a = np.linalg.solve(K_s.T @ K_s / 60 + 0.3 * np.eye(40), K_t.mean(axis=0))
    expected = K_s @ np.maximum(a, 0)
    weights = ULSIF(alpha=0.3, bandwidth=0.9).weights(SOURCE, TARGET)
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("bound", [1000.0, 2.0])
def test_kmm_is_the_optimum(alpha, bound):
    source, target = _standardised()
    K, mean = _gauss(source, source, 0.9), _gauss(source, target, 0.9).mean(axis=1)
    K += alpha * np.eye(60)
    slack = (np.sqrt(60) - 1) / np.sqrt(60)
    found = minimize(
        lambda w: w @ K @ w / 7200 - w @ mean / 60,
        np.ones(60),
        jac=lambda w: K @ w / 3600 - mean / 60,
        bounds=[(0, bound)] * 60,
        constraints=LinearConstraint(np.ones(60), 60 * (1 - slack), 60 * (1 + slack)),
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 2000},
    )
    weights = match_means(K, mean, np.full(60, 1 / 60), bound, 60**-0.5)
    assert weights.min() >= 0
    assert weights.max() <= bound
    value = weights @ K @ weights / 7200 - weights @ mean / 60
    assert value == pytest.approx(found.fun, rel=1e-7)
    if alpha:  # else optima differ where the kernel hardly does
        public = KMM(alpha, 0.9, bound).weights(SOURCE, TARGET)
        expected = found.x / found.x.mean()
        np.testing.assert_allclose(public, expected, rtol=1e-3, atol=1e-3)


def test_the_mean_of_kmm_weights_stays_near_one():
    # nothing resembles the target, so that the free optimum has a mean of nearly 0
    mean = match_means(np.eye(4), np.full(4, 0.01), np.full(4, 1 / 4), 9.0, 0.5)
    np.testing.assert_allclose(mean, 0.5, rtol=1e-4)
    mean = match_means(np.eye(4) / 99, np.ones(4), np.full(4, 1 / 4), 9.0, 0.5)
    np.testing.assert_allclose(mean, 1.5, rtol=1e-4)


def test_logistic_weights_are_odds_of_a_regression_without_the_row():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(400, 3)), rng.normal(0.5, 1, size=(300, 3))
    domain = np.repeat([0, 1], [400, 300])
    both = np.vstack([source, target])
    whole = LogisticRegression().fit(both, domain)
    odds = np.exp(whole.decision_function(source))
    weights = LogisticWeighting().weights(source, target)
    # those of the folds differ from the whole a little
    assert np.median(np.abs(np.log(weights * odds.mean() / odds))) < 0.1
    assert np.corrcoef(np.log(weights), np.log(odds))[0, 1] > 0.99


def test_logistic_weights_do_not_know_the_domain_by_heart():
    source, target = np.random.default_rng(0).normal(size=(2, 40, 200))
    rows, domain = np.vstack([source, target]), np.repeat([0, 1], 40)
    by_heart = np.exp(LogisticRegression().fit(rows, domain).decision_function(source))
    assert by_heart.max() < 0.1  # all source rows are told from the target's
    ratios = importance_weights(source, target)
    assert np.median(ratios) > 0.3


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_of_two_is_a_repeated_row(name):
    rng = np.random.default_rng(0)
    count_s, count_t = rng.integers(1, 4, 60), rng.integers(1, 4, 40)
    weighted = NAMES[name]().weights(SOURCE, TARGET, count_s, count_t)
    repeated = NAMES[name]().weights(
        SOURCE.repeat(count_s, axis=0), TARGET.repeat(count_t, axis=0)
    )
    np.testing.assert_allclose(weighted.repeat(count_s), repeated, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_order_and_units_do_not_matter(name):
    order = np.random.default_rng(0).permutation(60)
    weights = NAMES[name]().weights(SOURCE, TARGET)
    shuffled = NAMES[name]().weights(SOURCE[order], TARGET[::-1])
    np.testing.assert_allclose(shuffled, weights[order], rtol=1e-9)
    units = np.array([1000.0, 0.01])
    scaled = NAMES[name]().weights(SOURCE * units, TARGET * units)
    np.testing.assert_allclose(scaled, weights, rtol=1e-2, atol=1e-3)
    light = NAMES[name]().weights(SOURCE, TARGET, np.full(60, 1 / 60))
    np.testing.assert_allclose(light, weights, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_constant_columns_and_equal_rows(name):
    weighting = NAMES[name]()
    wider = [np.column_stack([X, np.full(len(X), 9.0)]) for X in (SOURCE, TARGET)]
    expected = weighting.weights(SOURCE, TARGET)
    np.testing.assert_allclose(weighting.weights(*wider), expected, rtol=1e-9)
    np.testing.assert_array_equal(weighting.weights(np.ones((5, 2)), TARGET), 1)
    with pytest.raises(ValueError, match="X_target has the same values in every row"):
        weighting.weights(SOURCE, np.ones((5, 2)))


def test_no_overlap():
    far = 1e6 + RNG.normal(size=(5, 2))
    with pytest.raises(ValueError, match=r"domains do not overlap.*DomainAligner"):
        KLIEP(bandwidth=1e-3).weights(SOURCE, far)


@pytest.mark.parametrize(
    ("X_source", "X_target", "message"),
    [
        (SOURCE, TARGET[:1], "X_target has 1 sample"),
        (SOURCE[:1], TARGET, "X_source has 1 sample"),
        (np.where(SOURCE > 1, np.nan, SOURCE), TARGET, "X_source contains NaN"),
        (SOURCE, np.full_like(TARGET, np.inf), "X_target contains infinity"),
        (SOURCE, TARGET[:0], "Found array with 0 sample"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_bad_rows(name, X_source, X_target, message):
    with pytest.raises(ValueError, match=message):
        NAMES[name]().weights(X_source, X_target)


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        (KLIEP(bandwidth="mean"), "'bandwidth' parameter of KLIEP"),
        (KLIEP(bandwidth=0.0), "'bandwidth' parameter of KLIEP"),
        (ULSIF(alpha=0), "'alpha' parameter of ULSIF"),
        (KMM(bound=0.5), "'bound' parameter of KMM"),
        (LogisticWeighting(C=-1.0), "'C' parameter of LogisticWeighting"),
    ],
)
def test_bad_parameters(weighting, message):
    with pytest.raises(ValueError, match=message):
        weighting.weights(SOURCE, TARGET)


@pytest.mark.parametrize(
    ("weighting", "error", "message"),
    [
        ("klip", ValueError, r"weighting='klip' is not known.*'kliep'"),
        (KLIEP, TypeError, r"weighting=KLIEP is a class.*KLIEP\(\)"),
        (3.0, TypeError, "neither a name nor an InstanceWeighting"),
    ],
)
def test_what_is_no_weighting(weighting, error, message):
    with pytest.raises(error, match=message):
        resolve_weighting(weighting)


def test_an_object_is_cloned():
    mine = KMM(bound=3.0)
    resolved = resolve_weighting(mine)
    assert resolved is not mine
    assert resolved.bound == 3.0


def test_the_global_generator_is_left_alone():
    state = np.random.get_state()[1].copy()
    for weighting in NAMES.values():
        assert isinstance(weighting(), InstanceWeighting)
        weighting().weights(SOURCE, TARGET)
    assert np.array_equal(np.random.get_state()[1], state)
