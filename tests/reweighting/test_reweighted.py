"""ReweightedClassifier and ReweightedRegressor: from rows to a weighted fit."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from sktransfer import ReweightedClassifier, ReweightedRegressor
from sktransfer.datasets import make_shifted_classification, pack_domains
from sktransfer.exceptions import EffectiveSampleSizeWarning
from sktransfer.reweighting import KLIEP, ULSIF, InstanceWeighting

from .shifted import DATA, DOMAIN, SOURCE, X, Y, without_collapse_warnings

pytestmark = without_collapse_warnings


class Steep(InstanceWeighting):
    """The row with the highest value has nearly all the weight."""

    def _ratio(self, source, target):
        return np.exp(200 * (source.rows[:, 0] - source.rows[:, 0].max()))


# --- what it does


@pytest.mark.parametrize("weighting", ["logistic", "kliep", "kmm", "ulsif"])
def test_covariate_shift(weighting):
    test = make_shifted_classification(2000, 2, n_informative=2, random_state=4)
    X_test, y_test = test.X_target[200:], test.y_target[200:]
    X, y, domain = pack_domains(
        test.X_source[:600], test.y_source[:600], test.X_target[:200]
    )
    source_only = LogisticRegression().fit(X[:600], y[:600]).score(X_test, y_test)
    best = LogisticRegression().fit(X_test, y_test).score(X_test, y_test)
    model = ReweightedClassifier(weighting=weighting).fit(X, y, domain)
    gained = model.score(X_test, y_test) - source_only
    assert best - source_only > 0.2
    assert gained > 0.5 * (best - source_only)
    assert 10 < model.effective_sample_size_ < 500


def test_the_weights_are_those_of_the_weighting():
    model = ReweightedClassifier(weighting="ulsif", max_weight=None)
    model.fit(X, Y, DOMAIN)
    expected = ULSIF().weights(X[SOURCE], X[~SOURCE])
    np.testing.assert_allclose(model.weights_[SOURCE], expected)
    np.testing.assert_array_equal(model.weights_[~SOURCE], 0)
    reference = LogisticRegression(max_iter=1000)
    reference.fit(X[SOURCE], Y[SOURCE], sample_weight=expected)
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X))
    size = expected.sum() ** 2 / (expected**2).sum()
    assert model.effective_sample_size_ == pytest.approx(size)


def test_labelled_target_rows_train_with_weight_one():
    domain = np.where(np.arange(400) < 220, np.abs(DOMAIN), DOMAIN)
    y = np.where(domain > 0, np.r_[DATA.y_source, DATA.y_target], -1)
    model = ReweightedClassifier(max_weight=None).fit(X, y, domain)
    np.testing.assert_array_equal(model.weights_[200:220], 1)
    np.testing.assert_array_equal(model.weights_[220:], 0)
    assert model.weights_[:200].mean() == pytest.approx(1)
    reference = LogisticRegression(max_iter=1000).fit(
        X[:220], y[:220], sample_weight=model.weights_[:220]
    )
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X))
    assert model.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("max_weight", "highest"), [("auto", 200**0.5), (3.0, 3.0), (None, np.inf)]
)
def test_weights_are_cut(max_weight, highest):
    x = np.linspace(0, 1, 220)
    domain = np.repeat([1, -2], [200, 20])
    model = ReweightedRegressor(weighting=Steep(), max_weight=max_weight)
    model.fit(x[:, None], x, domain)
    weights = Steep().weights(x[:200, None], x[200:, None])
    assert weights.max() > 100
    cut = np.minimum(weights, highest)
    np.testing.assert_allclose(model.weights_[:200], cut / cut.mean())


def test_sample_weight_counts_rows():
    count = np.random.default_rng(0).integers(0, 3, 400)
    weighted = ReweightedClassifier(weighting="kmm").fit(X, Y, DOMAIN, count)
    repeated = ReweightedClassifier(weighting="kmm").fit(
        X.repeat(count, axis=0), Y.repeat(count), DOMAIN.repeat(count)
    )
    np.testing.assert_allclose(
        weighted.weights_.repeat(count), repeated.weights_, rtol=1e-9
    )
    np.testing.assert_array_equal(weighted.weights_[count == 0], 0)
    assert weighted.effective_sample_size_ == pytest.approx(
        repeated.effective_sample_size_
    )
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6
    )


@pytest.mark.filterwarnings("error")
def test_the_unit_of_the_weights_does_not_change_the_effective_sample_size():
    expected = ReweightedClassifier().fit(X, Y, DOMAIN).effective_sample_size_
    shares = np.full(len(X), 1 / len(X))
    model = ReweightedClassifier().fit(X, Y, DOMAIN, sample_weight=shares)
    assert model.effective_sample_size_ == pytest.approx(expected)


def test_no_weighting_trains_on_labelled_rows_alike():
    model = ReweightedClassifier(weighting=None).fit(X, Y, DOMAIN)
    reference = LogisticRegression(max_iter=1000).fit(X[SOURCE], Y[SOURCE])
    np.testing.assert_array_equal(model.weights_, SOURCE)
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X))
    assert model.effective_sample_size_ == 200


def test_labels_of_any_kind():
    names = np.array(["no", "yes"], dtype=object)[Y.clip(0)]
    names[~SOURCE] = None
    model = ReweightedClassifier().fit(X, names, DOMAIN)
    assert model.classes_.tolist() == ["no", "yes"]
    numbers = ReweightedClassifier().fit(X, Y, DOMAIN)
    assert np.array_equal(model.predict(X) == "yes", numbers.predict(X) == 1)
    values = np.where(SOURCE, X[:, 0], np.nan)
    assert (
        ReweightedRegressor()
        .fit(X, values, DOMAIN)
        .score(X, values, sample_domain=DOMAIN)
        > 0.99
    )


def test_a_named_target():
    unnamed = ReweightedClassifier().fit(X, Y, DOMAIN)
    named = ReweightedClassifier(target_domain=2).fit(X, Y, DOMAIN)
    np.testing.assert_array_equal(named.weights_, unnamed.weights_)
    both = np.abs(DOMAIN)
    labelled = ReweightedClassifier(target_domain=2).fit(X, np.abs(Y), both)
    np.testing.assert_array_equal(labelled.weights_[~SOURCE], 1)


def test_a_linear_regressor_needs_no_weights_to_follow_a_line():
    y = X @ [1.0, -2.0]
    model = ReweightedRegressor(LinearRegression(), weighting="kmm").fit(X, y, DOMAIN)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-9)
    assert model.score(X, y) == pytest.approx(1)


def test_the_callers_objects_are_left_as_they_were():
    inner, weighting = LogisticRegression(), KLIEP(bandwidth=2.0)
    model = ReweightedClassifier(inner, weighting=weighting)
    y, domain, rows = Y.copy(), DOMAIN.copy(), X.copy()
    model.fit(rows, y, domain)
    assert not hasattr(inner, "coef_")
    assert model.weighting is weighting
    assert clone(model).get_params()["weighting__bandwidth"] == 2.0
    for mine, before in ((rows, X), (y, Y), (domain, DOMAIN)):
        np.testing.assert_array_equal(mine, before)


def test_a_failed_fit_leaves_the_fit_before():
    model = ReweightedClassifier().fit(X, Y, DOMAIN)
    before = model.predict_proba(X)
    with pytest.raises(TypeError, match="takes no sample_weight"):
        model.set_params(estimator=KNeighborsClassifier()).fit(X[:, :1], Y, DOMAIN)
    with pytest.raises(ValueError, match="negative for every row"):
        model.set_params(estimator=None).fit(X[:, :1], Y, -np.abs(DOMAIN))
    np.testing.assert_array_equal(model.predict_proba(X), before)


# --- without a target


def test_without_domains_it_is_supervised():
    reference = LogisticRegression(max_iter=1000).fit(X, Y)
    model = ReweightedClassifier().fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X))
    np.testing.assert_array_equal(model.weights_, 1)


@pytest.mark.parametrize(
    ("domain", "missing"), [(np.ones(400), "target"), (np.zeros(400), "target")]
)
def test_one_domain_is_supervised_and_says_so(domain, missing):
    with pytest.warns(UserWarning, match=f"No row is of a {missing} domain"):
        model = ReweightedClassifier().fit(X, np.abs(Y), domain)
    np.testing.assert_array_equal(model.weights_, 1)


def test_no_source_row():
    domain = np.where(SOURCE, 2, -2)
    with pytest.warns(UserWarning, match="No row is of a source domain"):
        model = ReweightedClassifier().fit(X, Y, domain)
    np.testing.assert_array_equal(model.weights_, SOURCE)


# --- the effective sample size


def test_a_collapse_is_told():
    model = ReweightedClassifier(weighting=Steep())
    with pytest.warns(EffectiveSampleSizeWarning, match="200 source rows count as"):
        model.fit(X, Y, DOMAIN)
    assert model.effective_sample_size_ < 10


@pytest.mark.filterwarnings("error")
def test_no_collapse_no_warning():
    ReweightedClassifier(weighting="kliep").fit(X, Y, DOMAIN)
