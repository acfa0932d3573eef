"""The methods of alignment against independent formulas."""

import numpy as np
import pytest
from scipy.linalg import eig, fractional_matrix_power
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.covariance import ledoit_wolf

from sktransfer.alignment import CORAL, TCA, OptimalTransport, SubspaceAlignment

RNG = np.random.default_rng(0)
SOURCE = RNG.normal(size=(80, 4)) @ RNG.normal(size=(4, 4)) + 3
TARGET = RNG.normal(size=(60, 4)) @ RNG.normal(size=(4, 4)) - 1
NEW = RNG.normal(size=(7, 4))


def test_coral_matches_both_moments():
    method = CORAL(shrinkage=0).fit(SOURCE, TARGET)
    mapped = method.map_source(SOURCE)
    np.testing.assert_allclose(mapped.mean(axis=0), TARGET.mean(axis=0))
    np.testing.assert_allclose(
        np.cov(mapped.T, bias=True), np.cov(TARGET.T, bias=True), rtol=1e-8
    )
    assert method.map_target(TARGET) is TARGET


def test_coral_is_its_formula_with_shrunk_correlations():
    covariances = []
    for X in (SOURCE, TARGET):
        sd = X.std(axis=0)
        covariances.append(ledoit_wolf((X - X.mean(axis=0)) / sd)[0] * np.outer(sd, sd))
    whiten = fractional_matrix_power(covariances[0], -0.5)
    color = fractional_matrix_power(covariances[1], 0.5)
    expected = (NEW - SOURCE.mean(axis=0)) @ whiten @ color + TARGET.mean(axis=0)
    method = CORAL().fit(SOURCE, TARGET)
    np.testing.assert_allclose(method.map_source(NEW), expected, rtol=1e-8)


@pytest.mark.parametrize("shrinkage", [0, "auto"])
def test_coral_of_constant_and_dependent_columns(shrinkage):
    source = np.column_stack([SOURCE, SOURCE[:, 0] * 2, np.ones(80)])
    target = np.column_stack([TARGET, TARGET[:, 0] * 2, np.zeros(60)])
    mapped = CORAL(shrinkage).fit(source, target).map_source(source)
    assert np.abs(mapped - target.mean(axis=0)).max() < 10 * target.std(axis=0).max()
    if shrinkage == 0:
        np.testing.assert_allclose(mapped[:, 4], mapped[:, 0] * 2, rtol=1e-6)


@pytest.mark.parametrize("n_components", [1, 3])
def test_subspace_alignment_is_its_formula(n_components):
    def axes(X):
        _, vectors = np.linalg.eigh(np.cov(X.T))
        return vectors[:, ::-1][:, :n_components]

    S, T = axes(SOURCE), axes(TARGET)
    method = SubspaceAlignment(n_components).fit(SOURCE, TARGET)
    mapped_s, mapped_t = method.map_source(SOURCE), method.map_target(TARGET)
    expected_s = (SOURCE - SOURCE.mean(axis=0)) @ S @ S.T @ T
    expected_t = (TARGET - TARGET.mean(axis=0)) @ T
    # axes have no sign: inner products, within and across, don't depend on it
    np.testing.assert_allclose(mapped_s @ mapped_t.T, expected_s @ expected_t.T)
    np.testing.assert_allclose(mapped_t @ mapped_t.T, expected_t @ expected_t.T)


def test_subspace_alignment_has_no_more_axes_than_there_are():
    assert SubspaceAlignment().fit(SOURCE, TARGET).map_source(NEW).shape == (7, 4)
    assert SubspaceAlignment().fit(SOURCE, TARGET[:3]).map_target(NEW).shape == (7, 2)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("mu", [0.01, 1.0])
def test_tca_solves_its_eigenproblem(kernel, mu):
    rows = np.vstack([SOURCE, TARGET])
    K = rows @ rows.T if kernel == "linear" else np.exp(-(cdist(rows, rows) ** 2) / 18)
    e = np.r_[np.full(80, 1 / 80), np.full(60, -1 / 60)]
    H = np.eye(140) - 1 / 140
    A = K @ np.outer(e, e) @ K + mu * np.eye(140)
    values, vectors = eig(np.linalg.solve(A, K @ H @ K))
    order = np.argsort(-values.real)[:3]
    expected = K @ vectors[:, order].real
    method = TCA(3, mu=mu, kernel=kernel, bandwidth=3.0).fit(SOURCE, TARGET)
    mapped = np.vstack([method.map_source(SOURCE), method.map_target(TARGET)])
    np.testing.assert_allclose(mapped.std(axis=0), 1)
    # eigenvectors have neither sign nor length
    for ours, theirs in zip(mapped.T, expected.T, strict=True):
        assert abs(np.corrcoef(ours, theirs)[0, 1]) == pytest.approx(1, abs=1e-7)
    np.testing.assert_allclose(method.map_target(rows[:5]), mapped[:5], rtol=1e-7)


def test_tca_brings_the_means_together():
    gaps = []
    for mu in (1000.0, 1e-3):
        method = TCA(3, mu=mu).fit(SOURCE, TARGET)
        means = [method.map_source(X).mean(axis=0) for X in (SOURCE, TARGET)]
        gaps.append(np.abs(means[0] - means[1]).max())
    assert gaps[1] < 0.05 < gaps[0]


def test_tca_is_repeatable_and_leaves_the_generator_alone():
    state = np.random.get_state()[1].copy()
    first, second = (TCA().fit(SOURCE, TARGET).map_source(NEW) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.array_equal(np.random.get_state()[1], state)


def test_transport_of_as_many_rows_is_an_assignment():
    pytest.importorskip("ot")
    method = OptimalTransport().fit(SOURCE[:60], TARGET)
    _, columns = linear_sum_assignment(cdist(SOURCE[:60], TARGET, "sqeuclidean"))
    np.testing.assert_allclose(method.map_source(SOURCE[:60]), TARGET[columns])
    # a new row moves as the nearest one that the plan knows
    near = SOURCE[:60] + 1e-3
    np.testing.assert_allclose(method.map_source(near), TARGET[columns] + 1e-3)


def test_transports_of_pot():
    ot = pytest.importorskip("ot")
    y = np.array(["a", "b"])[(SOURCE[:, 0] > 3).astype(int)]
    given = ot.da.SinkhornL1l2Transport(reg_e=1.0, reg_cl=0.5, norm="max")
    method = OptimalTransport(given).fit(SOURCE, TARGET, y)
    reference = ot.da.SinkhornL1l2Transport(reg_e=1.0, reg_cl=0.5, norm="max")
    reference.fit(Xs=SOURCE, ys=(y == "b").astype(int), Xt=TARGET)
    np.testing.assert_allclose(
        method.map_source(SOURCE), reference.transform(Xs=SOURCE), rtol=1e-9
    )
    assert not hasattr(given, "coupling_")


def test_a_transport_of_labels_without_labels():
    ot = pytest.importorskip("ot")
    method = OptimalTransport(ot.da.SinkhornL1l2Transport())
    with pytest.raises(ValueError, match=r"SinkhornL1l2Transport.* but y is None"):
        method.fit(np.eye(3), np.eye(3))


def test_transport_without_pot(monkeypatch):
    import sys

    from sktransfer.exceptions import MissingExtraError

    monkeypatch.setitem(sys.modules, "ot", None)
    monkeypatch.setitem(sys.modules, "ot.da", None)
    with pytest.raises(MissingExtraError, match=r"sktransfer\[ot\]"):
        OptimalTransport().fit(SOURCE, TARGET)
