"""ReweightedClassifier and ReweightedRegressor: from rows to a weighted fit."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC

from sktransfer import (
    PretrainedFeatureExtractor,
    ReweightedClassifier,
    ReweightedRegressor,
)
from sktransfer.datasets import make_shifted_classification, pack_domains
from sktransfer.exceptions import EffectiveSampleSizeWarning
from sktransfer.metrics import get_adaptation_scorer
from sktransfer.reweighting import KLIEP, ULSIF, InstanceWeighting
from sktransfer.reweighting._learner import weight_parameter
from sktransfer.selection import TargetKFold

DATA = make_shifted_classification(200, 2, n_informative=2, random_state=4)
X, Y, DOMAIN = pack_domains(DATA.X_source, DATA.y_source, DATA.X_target)
SOURCE = DOMAIN == 1
routing_on_and_off = pytest.mark.parametrize("routing", [False, True])

pytestmark = pytest.mark.filterwarnings(
    "ignore::sktransfer.exceptions.EffectiveSampleSizeWarning"
)


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


# --- estimators inside


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (Ridge(), "sample_weight"),
        (make_pipeline(StandardScaler(), Ridge()), "ridge__sample_weight"),
        (
            make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Ridge())),
            "pipeline__ridge__sample_weight",
        ),
        (GridSearchCV(Ridge(), {"alpha": [1, 2]}), "sample_weight"),
        (
            GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {}),
            "ridge__sample_weight",
        ),
    ],
)
def test_the_name_of_weights(estimator, name):
    assert weight_parameter(estimator) == name


@pytest.mark.parametrize(
    "estimator",
    [
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 2]}),
    ],
)
def test_an_estimator_without_weights(estimator):
    with pytest.raises(TypeError, match="KNeighborsClassifier takes no sample_weight"):
        ReweightedClassifier(estimator).fit(X, Y, DOMAIN)


@routing_on_and_off
@pytest.mark.parametrize("search", [False, True])
def test_the_last_step_of_a_pipeline_gets_the_weights(routing, search):
    inner = make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression())
    if search:
        inner = GridSearchCV(inner, {"logisticregression__C": [1.0]}, cv=2)
    with config_context(enable_metadata_routing=routing):
        model = ReweightedClassifier(inner).fit(X, Y, DOMAIN)
    rows = PolynomialFeatures(2).fit_transform(X)
    scaler = StandardScaler().fit(rows[SOURCE])
    reference = LogisticRegression().fit(
        scaler.transform(rows)[SOURCE], Y[SOURCE], model.weights_[SOURCE]
    )
    np.testing.assert_allclose(
        model.predict_proba(X), reference.predict_proba(scaler.transform(rows))
    )


def test_the_methods_are_those_of_the_estimator():
    assert not hasattr(ReweightedClassifier(LinearSVC()), "predict_proba")
    assert hasattr(ReweightedClassifier(LinearSVC()), "decision_function")
    forest = ReweightedClassifier(RandomForestClassifier(5, random_state=0))
    assert not hasattr(forest, "decision_function")
    assert forest.fit(X, Y, DOMAIN).predict_proba(X).shape == (400, 2)
    svm = ReweightedClassifier(LinearSVC()).fit(X, Y, DOMAIN)
    assert svm.decision_function(X).shape == (400,)


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


# --- inside scikit-learn's tools


@routing_on_and_off
def test_in_a_pipeline(routing):
    pipeline = make_pipeline(StandardScaler(), ReweightedClassifier())
    name = "sample_domain" if routing else "reweightedclassifier__sample_domain"
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(X, Y, **{name: DOMAIN})
    scaled = StandardScaler().fit_transform(X)
    reference = ReweightedClassifier().fit(scaled, Y, DOMAIN)
    np.testing.assert_array_equal(pipeline.predict(X), reference.predict(scaled))
    if routing:
        with config_context(enable_metadata_routing=True):
            assert pipeline.score(X, Y, sample_domain=DOMAIN) == reference.score(
                scaled[SOURCE], Y[SOURCE]
            )


@routing_on_and_off
def test_on_features_of_a_backbone(routing):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 16, 16), dtype=np.uint8)
    y, domain = np.arange(40) % 2, np.repeat([1, -2], 20)
    extractor = PretrainedFeatureExtractor("smallnet", weights=None, random_state=0)
    model = ReweightedClassifier(weighting="kmm")
    pipeline = make_pipeline(extractor, StandardScaler(), model)
    name = "sample_domain" if routing else "reweightedclassifier__sample_domain"
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(images, y, **{name: domain})
    features = StandardScaler().fit_transform(clone(extractor).fit_transform(images))
    reference = clone(model).fit(features, y, domain)
    np.testing.assert_allclose(pipeline[-1].weights_, reference.weights_)
    assert pipeline.predict(images).shape == (40,)


@routing_on_and_off
def test_a_search_over_weightings(routing):
    model = ReweightedClassifier(weighting=KLIEP())
    grid = [{"weighting__bandwidth": [1.0, 2.0]}, {"weighting": ["ulsif", None]}]
    fit = {"sample_domain": DOMAIN, **({} if routing else {"groups": DOMAIN})}
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            model,
            grid,
            cv=TargetKFold(2),
            scoring=get_adaptation_scorer("im"),
            error_score="raise",
        ).fit(X, Y, **fit)
    assert len(search.cv_results_["params"]) == 4
    assert search.predict(X).shape == (400,)


def test_routing_scores_the_labelled_rows():
    with config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            ReweightedClassifier(),
            X,
            Y,
            cv=3,
            params={"sample_domain": DOMAIN},
            error_score="raise",
        )
    assert scores.min() > 0.5


def test_column_names():
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = ReweightedClassifier().fit(frame, pd.Series(Y), pd.Series(DOMAIN))
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert model.score(frame[SOURCE], Y[SOURCE]) > 0.5
    assert model.score(frame, Y, sample_domain=DOMAIN) == model.score(
        frame[SOURCE], Y[SOURCE]
    )


# --- bad input


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sample_domain": DOMAIN[:9]}, ValueError, "sample_domain has 9 values"),
        ({"sample_domain": DOMAIN + 0.5}, ValueError, "one whole number per row"),
        (
            {"sample_domain": -np.abs(DOMAIN)},
            ValueError,
            "sample_domain is negative for every row",
        ),
        (
            {"sample_domain": np.r_[np.ones(399), -2]},
            ValueError,
            "X_target has 1 sample",
        ),
        (
            {"sample_domain": np.r_[1, np.full(399, -2)]},
            ValueError,
            "X_source has 1 sample",
        ),
        ({"X": np.where(X > 2, np.nan, X)}, ValueError, "Input X contains NaN"),
        ({"sample_weight": np.zeros(400)}, ValueError, "(?i)sample.weight.*zero"),
        ({"y": None}, ValueError, "requires y to be passed"),
        ({"y": Y[:9]}, ValueError, "inconsistent numbers of samples"),
        ({"y": np.where(SOURCE, np.nan, 0)}, ValueError, "y contains NaN"),
    ],
)
def test_bad_input(change, error, message):
    given = {"X": X, "y": Y, "sample_domain": DOMAIN, **change}
    with pytest.raises(error, match=message):
        ReweightedClassifier().fit(**given)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"weighting": "klip"}, ValueError, "'klip' is not known"),
        ({"weighting": 3}, ValueError, "'weighting' parameter"),
        ({"max_weight": 0.5}, ValueError, "'max_weight' parameter"),
        ({"target_domain": 9}, ValueError, "holds the domains"),
        ({"estimator": 3}, ValueError, "'estimator' parameter"),
        ({"estimator": Ridge}, TypeError, r"Ridge is a class: .* instance, Ridge\(\)"),
        (
            {"estimator": make_pipeline(StandardScaler(), Ridge())},
            TypeError,
            "is a regressor, but ReweightedClassifier takes a classifier",
        ),
    ],
)
def test_bad_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        ReweightedClassifier(**parameters).fit(X, Y, DOMAIN)


def test_a_classifier_for_values():
    match = r"LogisticRegression\(\) is a classifier, but .* takes a regressor"
    with pytest.raises(TypeError, match=match):
        ReweightedRegressor(LogisticRegression()).fit(X, Y, DOMAIN)


def test_scoring_by_sentinels():
    model = ReweightedClassifier().fit(X, Y, DOMAIN)
    match = r"not among the classes.*sample_domain.*search"
    with pytest.raises(ValueError, match=match):
        model.score(X, Y)
    with pytest.raises(ValueError, match="no label to score by"):
        model.score(X, Y, sample_domain=-np.abs(DOMAIN))


def test_a_linear_regressor_needs_no_weights_to_follow_a_line():
    y = X @ [1.0, -2.0]
    model = ReweightedRegressor(LinearRegression(), weighting="kmm").fit(X, y, DOMAIN)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-9)
    assert model.score(X, y) == pytest.approx(1)
