"""DomainAdaptClassifier inside scikit-learn's tools, with metadata routing or not."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn import config_context
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import DomainAdaptClassifier
from sktransfer.adaptation import DANN, MCC, FixMatch
from sktransfer.metrics import get_adaptation_scorer
from sktransfer.selection import TargetKFold

from ..nets import images, table, tiny_backbone, write_images

X, LABELS = table(60)
DOMAIN = np.where(np.arange(60) < 30, 1, -2)
Y = np.where(DOMAIN > 0, LABELS, -1)  # as pack_domains has it
FAST = {"max_epochs": 2, "random_state": 0}
routing_on_and_off = pytest.mark.parametrize("routing", [False, True])


def _model(method="mcc", **parameters):
    return DomainAdaptClassifier(method=method, **{**FAST, **parameters})


def _given(routing):
    """Return what `fit` of a search takes beside X and y."""
    domain = {"sample_domain": DOMAIN}
    return domain if routing else {**domain, "groups": DOMAIN}


# --- pipelines


@routing_on_and_off
def test_a_pipeline_passes_the_domain_on(routing):
    pipeline = make_pipeline(StandardScaler(), _model())
    scaled = StandardScaler().fit_transform(X)
    expected = _model().fit(scaled, Y, DOMAIN)
    with config_context(enable_metadata_routing=routing):
        if routing:
            pipeline.fit(X, Y, sample_domain=DOMAIN)
            predicted = pipeline.predict(X, sample_domain=DOMAIN)
            score = pipeline.score(X, Y, sample_domain=DOMAIN)
            assert score == expected.score(scaled, Y, sample_domain=DOMAIN)
        else:
            pipeline.fit(X, Y, domainadaptclassifier__sample_domain=DOMAIN)
            predicted = pipeline.predict(X)
            assert pipeline.score(X, LABELS) == expected.score(scaled, LABELS)
    assert np.array_equal(predicted, expected.predict(scaled))
    assert np.array_equal(pipeline.predict_proba(X), expected.predict_proba(scaled))


def test_weights_are_routed_where_asked_for():
    weight = np.arange(60) + 1.0
    with config_context(enable_metadata_routing=True):
        model = _model().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model)
        pipeline.fit(X, Y, sample_domain=DOMAIN, sample_weight=weight)
    expected = _model().fit(StandardScaler().fit_transform(X), Y, DOMAIN, weight)
    assert np.array_equal(
        pipeline.predict_proba(X),
        expected.predict_proba(StandardScaler().fit_transform(X)),
    )


def test_what_is_asked_for_by_itself():
    with config_context(enable_metadata_routing=True):
        request = _model().get_metadata_routing()
        for method in ("fit", "predict", "predict_proba", "decision_function", "score"):
            assert getattr(request, method).requests["sample_domain"] is True
        assert request.fit.requests["sample_weight"] is None


# --- searches without target labels


@routing_on_and_off
@pytest.mark.parametrize("name", ["im", "bnm", "consistency"])
def test_cross_validation_without_target_labels(routing, name):
    extra = {} if routing else {"groups": DOMAIN}
    with config_context(enable_metadata_routing=routing):
        scores = cross_val_score(
            _model(),
            X,
            Y,
            cv=TargetKFold(3),
            scoring=get_adaptation_scorer(name),
            params={"sample_domain": DOMAIN},
            error_score="raise",
            **extra,
        )
    expected = []
    for train, test in TargetKFold(3).split(X, groups=DOMAIN):
        model = _model().fit(X[train], Y[train], DOMAIN[train])
        expected.append(get_adaptation_scorer(name)(model, X[test]))
    np.testing.assert_array_equal(scores, expected)


@routing_on_and_off
def test_a_search_over_the_parameters_of_a_method(routing):
    mine = DANN()
    grid = {"method__weight": [0.0, 0.3], "method__hidden": [(8,)]}
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            _model(mine),
            grid,
            cv=TargetKFold(2),
            scoring=get_adaptation_scorer("im"),
            error_score="raise",
        ).fit(X, Y, **_given(routing))
    assert search.best_params_["method__weight"] in (0.0, 0.3)
    assert search.best_estimator_.method.hidden == (8,)
    assert mine.get_params() == DANN().get_params()
    assert search.predict(X).shape == (60,)
    assert search.best_estimator_.classes_.tolist() == [0, 1]


@routing_on_and_off
def test_a_search_over_methods(routing):
    methods = ["source_only", "dan", ["mcc", FixMatch()], MCC(weight=0.5), "shot"]
    with config_context(enable_metadata_routing=routing):
        search = RandomizedSearchCV(
            _model(),
            {"method": methods, "ramp": [True]},
            n_iter=5,
            cv=TargetKFold(2),
            scoring={n: get_adaptation_scorer(n) for n in ("im", "bnm")},
            refit="im",
            random_state=0,
            error_score="raise",
        ).fit(X, Y, **_given(routing))
    assert len(search.cv_results_["mean_test_bnm"]) == 5


def test_a_search_on_several_cores():
    with config_context(enable_metadata_routing=True):
        scores = [
            GridSearchCV(
                _model(),
                {"method": ["mcc", "dann"]},
                cv=TargetKFold(2),
                scoring=get_adaptation_scorer("im"),
                error_score="raise",
                n_jobs=n_jobs,
            )
            .fit(X, Y, sample_domain=DOMAIN)
            .cv_results_["mean_test_score"]
            for n_jobs in (None, 2)
        ]
    np.testing.assert_allclose(*scores, rtol=1e-6)


@routing_on_and_off
def test_a_search_over_a_pipeline(routing):
    pipeline = make_pipeline(SelectKBest(k="all"), _model("mcc"))
    name = "domainadaptclassifier"
    fit = {"sample_domain": DOMAIN} if routing else {f"{name}__sample_domain": DOMAIN}
    fit |= {} if routing else {"groups": DOMAIN}
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            pipeline,
            {f"{name}__method": ["mcc", "bnm"]},
            cv=TargetKFold(2),
            scoring=get_adaptation_scorer("bnm"),
            error_score="raise",
        ).fit(X, Y, **fit)
    assert search.predict(X).shape == (60,)


# --- searches by labels


def test_with_routing_the_default_score_is_that_of_labelled_rows():
    with config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            _model(),
            X,
            Y,
            cv=StratifiedKFold(3),
            params={"sample_domain": DOMAIN},
            error_score="raise",
        )
    for (train, test), score in zip(
        StratifiedKFold(3).split(X, Y), scores, strict=True
    ):
        model = _model().fit(X[train], Y[train], DOMAIN[train])
        labelled = test[DOMAIN[test] > 0]
        assert score == np.mean(model.predict(X[labelled]) == Y[labelled])


def test_without_routing_a_sentinel_among_the_labels_is_an_error():
    with pytest.raises(ValueError, match=r"\['-1'\].*pass sample_domain"):
        cross_val_score(
            _model(),
            X,
            Y,
            cv=TargetKFold(2),
            groups=DOMAIN,
            params={"sample_domain": DOMAIN},
            error_score="raise",
        )


@routing_on_and_off
def test_target_labels_that_are_known_score_by_any_name(routing):
    extra = {} if routing else {"groups": DOMAIN}
    with config_context(enable_metadata_routing=routing):
        found = cross_validate(
            _model(),
            X,
            LABELS,
            cv=TargetKFold(3),
            scoring=["accuracy", "neg_log_loss", "roc_auc"],
            params={"sample_domain": DOMAIN},
            error_score="raise",
            **extra,
        )
    assert np.isfinite(found["test_neg_log_loss"]).all()


@routing_on_and_off
def test_predictions_of_folds(routing):
    extra = {} if routing else {"groups": DOMAIN}
    folds = list(StratifiedKFold(3).split(X, Y))
    with config_context(enable_metadata_routing=routing):
        predicted = cross_val_predict(
            _model(),
            X,
            LABELS,
            cv=folds,
            params={"sample_domain": DOMAIN},
            method="predict_proba",
            **extra,
        )
    assert predicted.shape == (60, 2)


# --- other inputs, and what stays as it was


def test_a_search_over_image_files(tmp_path):
    pixels, labels = images(24)
    paths = write_images(pixels, tmp_path)
    domain = np.where(np.arange(24) < 12, 1, -2)
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            _model(backbone=tiny_backbone(), max_epochs=1),
            {"method": ["mcc", "adabn"]},
            cv=TargetKFold(2, shuffle=True, random_state=0),
            scoring=get_adaptation_scorer("im"),
            error_score="raise",
        ).fit(paths, labels, sample_domain=domain)
    assert search.predict(paths).shape == (24,)


def test_a_search_over_a_frame():
    frame = pd.DataFrame(X, columns=list("abcde"))
    scores = cross_val_score(
        _model(),
        frame,
        pd.Series(Y),
        cv=TargetKFold(2),
        groups=DOMAIN,
        scoring=get_adaptation_scorer("im"),
        params={"sample_domain": pd.Series(DOMAIN)},
        error_score="raise",
    )
    assert np.isfinite(scores).all()


def test_a_search_from_a_fitted_source():
    source = FrozenEstimator(_model("source_only").fit(X[:30], Y[:30]))
    search = GridSearchCV(
        _model("shot", source=source),
        {"method": ["shot", "tent", "adabn"]},
        cv=TargetKFold(2),
        scoring=get_adaptation_scorer("im"),
        error_score="raise",
    ).fit(X, Y, groups=DOMAIN, sample_domain=DOMAIN)
    assert search.best_estimator_.classes_.tolist() == [0, 1]


def test_routing_is_left_as_it_is():
    before = sklearn.get_config()
    _model().fit(X, Y, DOMAIN).predict(X, sample_domain=DOMAIN)
    assert sklearn.get_config() == before


def test_parameters_are_found_and_set():
    model = _model(DANN(weight=0.2))
    names = model.get_params(deep=True)
    assert {"method__weight", "method__hidden", "target_domain", "source"} <= set(names)
    model.set_params(method__weight=0.4, max_epochs=3)
    assert model.method.weight == 0.4
    assert clone(model).get_params()["method__weight"] == 0.4
    assert clone(model).method is not model.method
