import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from sktransfer.adaptation import DAN, DeepCORAL, DomainBatch
from sktransfer.metrics import (
    coral_distance,
    mmd_distance,
    proxy_a_distance,
    sliced_wasserstein_distance,
)

GAPS = (
    mmd_distance,
    coral_distance,
    proxy_a_distance,
    sliced_wasserstein_distance,
)


def domains(n=12, m=9, d=4, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), shift + rng.normal(size=(m, d)) * [1, 2, 1, 0.5][:d]


def kernel(x, y, mean):
    square = sum((a - b) ** 2 for a, b in zip(x, y, strict=True))
    scales = (1 / 8, 1 / 4, 1 / 2, 1, 2)
    return sum(np.exp(-square / (2 * scale * mean)) for scale in scales) / 5


def test_mmd_is_the_formula_of_the_paper():
    X, Y = domains()
    rows = [*X, *Y]
    mean = np.mean([((a - b) ** 2).sum() for a in rows for b in rows])
    n, m = len(X), len(Y)
    expected = (
        sum(kernel(X[i], X[j], mean) for i in range(n) for j in range(n) if i != j)
        / (n * (n - 1))
        + sum(kernel(Y[i], Y[j], mean) for i in range(m) for j in range(m) if i != j)
        / (m * (m - 1))
        - 2 * sum(kernel(x, y, mean) for x in X for y in Y) / (n * m)
    )
    assert mmd_distance(X, Y) == pytest.approx(expected, rel=1e-9)


def test_mmd_is_the_loss_of_dan_and_coral_that_of_deepcoral():
    X, Y = domains(shift=0.3)
    batch = DomainBatch(features_s=torch.tensor(X), features_t=torch.tensor(Y))
    for distance, method in ((mmd_distance, DAN()), (coral_distance, DeepCORAL())):
        loss = method.loss(batch, None).item()
        assert distance(X, Y) == pytest.approx(loss, rel=1e-9)


def test_mmd_is_unbiased():
    found = [mmd_distance(*np.split(domains(40, 1, seed=s)[0], 2)) for s in range(200)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert min(found) < 0


def test_mmd_does_not_depend_on_the_origin():
    X, Y = domains(shift=0.5)
    assert mmd_distance(X + 1e6, Y + 1e6) == pytest.approx(mmd_distance(X, Y), rel=1e-5)


def test_mmd_of_far_domains_nears_two():
    X, Y = domains(50, 50)
    assert mmd_distance(X * 1e-6, Y * 1e-6 + 1) == pytest.approx(
        2 - 2 * np.mean(np.exp(-1 / (np.array([1 / 8, 1 / 4, 1 / 2, 1, 2])))), rel=1e-4
    )


def test_mmd_of_rows_that_are_all_the_same():
    assert mmd_distance(np.full((3, 2), 0.1), np.full((4, 2), 0.1)) == 0


def test_coral_is_the_formula_of_the_paper():
    X, Y = domains()

    def covariance(rows):
        ones = np.ones((1, len(rows)))
        squares = (ones @ rows).T @ (ones @ rows) / len(rows)
        return (rows.T @ rows - squares) / (len(rows) - 1)

    expected = np.sum((covariance(X) - covariance(Y)) ** 2) / (4 * 4**2)
    assert coral_distance(X, Y) == pytest.approx(expected, rel=1e-9)
    assert coral_distance(X, Y + 7) == pytest.approx(expected, rel=1e-9)


def test_proxy_a_distance_of_one_distribution_is_about_zero():
    rng = np.random.default_rng(0)
    found = proxy_a_distance(
        rng.normal(size=(2000, 3)), rng.normal(size=(200, 3)), random_state=0
    )
    assert found == pytest.approx(0, abs=0.2)


def test_proxy_a_distance_is_the_mean_of_the_errors_of_either_domain():
    X = np.r_[np.zeros(90), np.ones(10)][:, None]  # one in ten is on the wrong side
    Y = np.ones((20, 1))
    assert proxy_a_distance(X, Y, random_state=0) == pytest.approx(2 * (1 - 0.1))


@pytest.mark.parametrize("shapes", [(30, 30), (30, 20), (7, 11)])
@pytest.mark.parametrize("order", [1, 2, 3.5])
def test_sliced_wasserstein_on_a_line_is_exact(shapes, order):
    X, Y = (rows[:, :1] for rows in domains(*shapes, shift=0.3))
    n, m = shapes
    # as many copies of each row as make the sizes equal
    x, y = np.sort(np.repeat(X, m)), np.sort(np.repeat(Y, n))
    expected = np.mean(np.abs(x - y) ** order) ** (1 / order)
    found = sliced_wasserstein_distance(X, Y, order=order, n_projections=3)
    assert found == pytest.approx(expected, rel=1e-9)
    if order == 1:
        assert found == pytest.approx(wasserstein_distance(X[:, 0], Y[:, 0]))


def test_sliced_wasserstein_of_a_shift():
    X, _ = domains(40)
    shift = np.array([3.0, 0, 0, 4])
    # the mean over directions of (direction @ shift)², in four dimensions
    found = sliced_wasserstein_distance(
        X, X + shift, n_projections=20000, random_state=0
    )
    assert found == pytest.approx(5 / 2, rel=0.02)
    assert sliced_wasserstein_distance(X, X) == 0


def test_sliced_wasserstein_draws_by_the_random_state():
    X, Y = domains()
    first, again, other = (
        sliced_wasserstein_distance(X, Y, random_state=seed) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_sliced_wasserstein_agrees_with_pot():
    ot = pytest.importorskip("ot")
    X, Y = domains(20, 15)
    directions = np.random.RandomState(3).normal(size=(4, 50))
    expected = ot.sliced_wasserstein_distance(
        X, Y, projections=directions / np.linalg.norm(directions, axis=0)
    )
    found = sliced_wasserstein_distance(X, Y, n_projections=50, random_state=3)
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_is_a_float_and_symmetric(gap):
    X, Y = domains(shift=5)
    settings = {"random_state": 0} if gap in GAPS[2:] else {}
    found = gap(X, Y, **settings)
    assert type(found) is float
    assert found == pytest.approx(gap(Y, X, **settings), rel=1e-9)
    assert found == pytest.approx(
        gap(X.astype(np.float32), Y.astype(np.float32), **settings), rel=1e-4
    )


@pytest.mark.parametrize("gap", GAPS)
def test_bad_rows_are_named(gap):
    X, Y = domains()
    with pytest.raises(ValueError, match="X_source has 4 features and X_target 2"):
        gap(X, Y[:, :2])
    with pytest.raises(ValueError, match=r"1 sample\(s\).* minimum of"):
        gap(X, Y[:1])
    with pytest.raises(ValueError, match="X_source contains NaN"):
        gap(np.where(X > 1, np.nan, X), Y)


def test_bad_settings_are_named():
    X, Y = domains()
    with pytest.raises(ValueError, match="'cv' parameter"):
        proxy_a_distance(X, Y, cv=1)
    with pytest.raises(ValueError, match="'order' parameter"):
        sliced_wasserstein_distance(X, Y, order=0.5)
    with pytest.raises(ValueError, match="'n_projections' parameter"):
        sliced_wasserstein_distance(X, Y, n_projections=0)
