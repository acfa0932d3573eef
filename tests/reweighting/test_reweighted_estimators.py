"""Estimators that get the weights, and scikit-learn's tools around them."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC

from sktransfer import PretrainedFeatureExtractor, ReweightedClassifier
from sktransfer.metrics import get_adaptation_scorer
from sktransfer.reweighting import KLIEP
from sktransfer.reweighting._learner import weight_parameter
from sktransfer.selection import TargetKFold

from .shifted import DOMAIN, SOURCE, X, Y, without_collapse_warnings

pytestmark = without_collapse_warnings
routing_on_and_off = pytest.mark.parametrize("routing", [False, True])


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
