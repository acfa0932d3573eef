"""What scorers have in common: rows, routing, searches, errors."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sktransfer.metrics import get_adaptation_scorer
from sktransfer.metrics._access import features
from sktransfer.selection import TargetKFold

from .classifiers import Given, Rule, SourceOnly, make_domains

OF_TARGET = ["bnm", "class_cluster", "consistency", "entropy", "im", "mixval", "snd"]
OF_BOTH = ["circular", "dev", "iwcv"]
NAMES = OF_TARGET + OF_BOTH
C = {"C": [0.001, 1.0, 10.0]}


@pytest.fixture
def data():
    return make_domains()


def fitted(data):
    X, y, sample_domain = data
    return SourceOnly().fit(X, y, sample_domain)


# objects


@pytest.mark.parametrize("name", NAMES)
def test_copies_score_alike(name, data):
    X, y, sample_domain = data
    estimator = fitted(data)
    scorer = get_adaptation_scorer(name, target_domain=2)
    expected = scorer(estimator, X, y, sample_domain)
    assert type(expected) is float
    for copy in (clone(scorer), pickle.loads(pickle.dumps(scorer))):
        assert repr(copy) == repr(scorer)
        assert copy(estimator, X, y, sample_domain) == expected
    assert repr(scorer).endswith("Scorer(target_domain=2)")


def test_repr_shows_the_settings():
    scorer = get_adaptation_scorer("consistency", n_views=5)
    assert repr(scorer) == "ConsistencyScorer(n_views=5)"


def test_unknown_names_and_settings():
    with pytest.raises(ValueError, match=r"no scorer 'best'; there are 'bnm', "):
        get_adaptation_scorer("best")
    with pytest.raises(TypeError, match="'temperature'; it has 'target_domain'"):
        get_adaptation_scorer("snd", temperature=1)
    with pytest.raises(ValueError, match="'target_domain' parameter"):
        get_adaptation_scorer("im", target_domain="real")(Given(np.eye(2)), [[0], [1]])


def test_importing_leaves_the_configuration_alone():
    assert not sklearn.get_config()["enable_metadata_routing"]


# rows


@pytest.mark.parametrize("name", OF_TARGET)
def test_without_domains_all_rows_are_the_targets(name, data):
    X, y, sample_domain = data
    target, estimator = sample_domain < 0, fitted(data)
    scorer = get_adaptation_scorer(name)
    expected = scorer(estimator, X, y, sample_domain)
    assert scorer(estimator, X[target]) == expected
    assert scorer(estimator, X[target], sample_domain=[-2] * 60) == expected


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_target_rows_are_not_read(name, data):
    X, y, sample_domain = data
    estimator = fitted(data)
    scorer = get_adaptation_scorer(name)
    expected = scorer(estimator, X, y, sample_domain)
    other = np.where(sample_domain < 0, 1, y)
    assert scorer(estimator, X, other, sample_domain) == expected


@pytest.mark.parametrize("name", NAMES)
def test_containers(name, data):
    X, y, sample_domain = data
    estimator = fitted(data)
    scorer = get_adaptation_scorer(name)
    expected = scorer(estimator, X, y, sample_domain)
    frame, series = pd.DataFrame(X, columns=list("abc")), pd.Series(y, index=y + 7)
    found = scorer(estimator, frame, series, pd.Series(sample_domain))
    assert found == pytest.approx(expected, rel=1e-9)
    found = scorer(estimator, X.tolist(), y.tolist(), sample_domain.tolist())
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", OF_BOTH)
def test_zero_is_a_source_and_string_labels_are_fine(name, data):
    X, y, sample_domain = data
    estimator = fitted(data)
    scorer = get_adaptation_scorer(name)
    expected = scorer(estimator, X, y, sample_domain)
    others = np.where(np.arange(len(y)) < 30, 0, sample_domain)
    assert scorer(estimator, X, y, others) == expected
    names = np.array(["no", "yes", "unlabelled"])[y]
    estimator = SourceOnly().fit(X, names, sample_domain)
    assert scorer(estimator, X, names, sample_domain) == expected


@pytest.mark.parametrize("name", NAMES)
def test_no_target_row(name, data):
    X, y, _ = data
    scorer = get_adaptation_scorer(name)
    with pytest.raises(ValueError, match=r"no target row: sample_domain holds \[1\]"):
        scorer(fitted(data), X, y, np.ones(120, int))


@pytest.mark.parametrize("name", OF_BOTH)
def test_source_rows_are_needed(name, data):
    X, y, sample_domain = data
    scorer, estimator = get_adaptation_scorer(name), fitted(data)
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        scorer(estimator, X, y)
    with pytest.raises(ValueError, match="take a StratifiedKFold"):
        scorer(estimator, X[60:], y[60:], sample_domain[60:])
    with pytest.raises(ValueError, match="needs y"):
        scorer(estimator, X, sample_domain=sample_domain)


@pytest.mark.parametrize(
    ("sample_domain", "message"),
    [
        ([1] * 60 + [-2] * 59, "119 values for 120 rows"),
        ([1.5] * 120, "one whole number per row"),
        (["source"] * 120, "one whole number per row"),
        ([np.nan] * 120, "one whole number per row"),
        (np.ones((120, 2)), "1d array"),
    ],
)
def test_bad_domains(sample_domain, message, data):
    with pytest.raises(ValueError, match=message):
        get_adaptation_scorer("im")(fitted(data), data[0], sample_domain=sample_domain)


# estimators


def test_predict_proba_is_needed(data):
    X, y, _ = data
    with pytest.raises(TypeError, match="RidgeClassifier has no predict_proba"):
        get_adaptation_scorer("im")(RidgeClassifier().fit(X, y), X)


def test_features_are_those_of_the_last_step(data):
    X, y, _ = data
    scaled = StandardScaler().fit_transform(X)
    with_features = make_pipeline(StandardScaler(), SourceOnly()).fit(X, y)
    np.testing.assert_allclose(features(with_features, X), 10 * scaled)
    nested = make_pipeline(FunctionTransformer(), with_features)
    np.testing.assert_allclose(features(nested, X), 10 * scaled)
    without = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    np.testing.assert_allclose(features(without, X), scaled)
    np.testing.assert_allclose(features(make_pipeline(SourceOnly()), X), 10 * X)
    np.testing.assert_array_equal(features(LogisticRegression(), csr_array(X)), X)
    images = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(
        features(LogisticRegression(), images), images.reshape(2, 12)
    )


@pytest.mark.parametrize("name", NAMES)
def test_pipelines(name, data):
    X, y, sample_domain = data
    pipeline = make_pipeline(StandardScaler(), SourceOnly())
    pipeline.fit(X, y, sourceonly__sample_domain=sample_domain)
    score = get_adaptation_scorer(name)(pipeline, X, y, sample_domain)
    scaled = pipeline[0].transform(X)
    expected = get_adaptation_scorer(name)(pipeline[1], scaled, y, sample_domain)
    assert score == pytest.approx(expected, abs=0.02)
    assert np.isfinite(score)


def test_pipelines_of_texts():
    X, y = ["good good", "bad", "good", "bad bad", "good", "bad"], [1, 0, 1, 0, 1, 0]
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression()).fit(X, y)
    assert get_adaptation_scorer("im")(pipeline, X) > 0
    found = KMeans(2, n_init=10, random_state=0).fit_predict(
        [[X_i.count("bad"), X_i.count("good")] for X_i in X]
    )
    expected = adjusted_mutual_info_score(found, y)
    assert get_adaptation_scorer("class_cluster")(pipeline, X) == expected


def test_rows_without_numbers():
    X = ["a", "b"]
    with pytest.raises(TypeError, match="does not hold numbers"):
        get_adaptation_scorer("mixval")(Rule(lambda X: [0] * len(X)), np.array(X))
    with pytest.raises(TypeError, match="does not hold numbers"):
        features(LogisticRegression(), [[1, 2], [3]])


# searches


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_searches_with_routing(n_jobs, data):
    X, y, sample_domain = data
    for name in NAMES:
        scorer = get_adaptation_scorer(name)
        cv = TargetKFold(3) if name in OF_TARGET else StratifiedKFold(3)
        with config_context(enable_metadata_routing=True):
            search = GridSearchCV(
                SourceOnly(),
                C,
                scoring=scorer,
                cv=cv,
                n_jobs=n_jobs,
                error_score="raise",
            ).fit(X, y, sample_domain=sample_domain)
            own = search.score(X, y, sample_domain=sample_domain)
        assert own == scorer(search.best_estimator_, X, y, sample_domain)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert search.best_estimator_.n_rows_ == 120
    assert not sklearn.get_config()["enable_metadata_routing"]


@pytest.mark.parametrize("name", OF_TARGET)
def test_target_folds_score_alike_with_and_without_routing(name, data):
    X, y, sample_domain = data
    settings = {"scoring": get_adaptation_scorer(name), "cv": TargetKFold(3)}
    with config_context(enable_metadata_routing=True):
        routed = cross_val_score(
            SourceOnly(), X, y, params={"sample_domain": sample_domain}, **settings
        )
    plain = cross_val_score(
        SourceOnly(),
        X,
        y,
        groups=sample_domain,
        params={"sample_domain": sample_domain},
        **settings,
    )
    np.testing.assert_array_equal(plain, routed)
    search = GridSearchCV(SourceOnly(), C, **settings)
    search.fit(X, y, groups=sample_domain, sample_domain=sample_domain)
    np.testing.assert_allclose(
        [search.cv_results_[f"split{i}_test_score"][1] for i in range(3)], routed
    )


@pytest.mark.parametrize("name", OF_BOTH)
def test_cross_validation_without_routing_says_what_to_do(name, data):
    X, y, sample_domain = data
    with pytest.raises(ValueError, match="enable metadata routing"):
        cross_val_score(
            SourceOnly(),
            X,
            y,
            scoring=get_adaptation_scorer(name),
            params={"sample_domain": sample_domain},
            error_score="raise",
        )


@pytest.mark.parametrize("routing", [False, True])
def test_several_scorers_at_once(routing, data):
    X, y, sample_domain = data
    scoring = {name: get_adaptation_scorer(name) for name in ("im", "bnm", "snd")}
    groups = {} if routing else {"groups": sample_domain}
    with config_context(enable_metadata_routing=routing):
        scores = cross_validate(
            SourceOnly(),
            X,
            y,
            scoring=scoring,
            cv=TargetKFold(3),
            params={"sample_domain": sample_domain},
            **groups,
        )
    for name, scorer in scoring.items():
        assert len(scores[f"test_{name}"]) == 3
        assert scorer._accept_sample_weight() is False


def test_requests_can_be_changed(data):
    X, y, sample_domain = data
    with config_context(enable_metadata_routing=True):
        scorer = get_adaptation_scorer("dev").set_score_request(sample_domain="where")
        estimator = SourceOnly().set_fit_request(sample_domain="where")
        scores = cross_val_score(
            estimator,
            X,
            y,
            scoring=scorer,
            cv=StratifiedKFold(3),
            params={"where": sample_domain},
            error_score="raise",
        )
    assert np.isfinite(scores).all()


def test_a_pipeline_in_a_search_with_routing(data):
    X, y, sample_domain = data
    pipeline = make_pipeline(StandardScaler(), SourceOnly())
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            pipeline,
            {"sourceonly__C": [0.01, 1]},
            cv=TargetKFold(3),
            scoring=get_adaptation_scorer("class_cluster"),
            error_score="raise",
        ).fit(X, y, sample_domain=sample_domain)
    assert search.best_score_ > 0.5
