"""The estimators inside scikit-learn's own tools, on tables, images and paths."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sktransfer import (
    FineTuneClassifier,
    FineTuneRegressor,
    PretrainedFeatureExtractor,
)
from sktransfer.finetuning import L2SP, Focal

from .nets import images, table, tiny_backbone, write_images

FAST = {"max_epochs": 3, "random_state": 0}
KINDS = ["table", "images", "paths"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return rows and labels of each kind."""
    pixels, y = images(48)
    return {
        "table": table(48),
        "images": (pixels, y),
        "paths": (write_images(pixels, tmp_path_factory.mktemp("images")), y),
    }


def _classifier(kind, **parameters):
    if kind == "table":
        parameters = {"max_epochs": 20} | parameters
    backbone = "auto" if kind == "table" else tiny_backbone()
    return FineTuneClassifier(backbone, **FAST | parameters)


def _extractor(kind):
    backbone = "auto" if kind == "table" else tiny_backbone()
    return PretrainedFeatureExtractor(backbone, random_state=0)


@pytest.mark.parametrize("kind", KINDS)
def test_cross_val_score(kind, data):
    scores = cross_val_score(_classifier(kind), *data[kind], cv=3)
    assert scores.shape == (3,)
    assert scores.mean() > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_cross_val_score_of_a_pipeline_in_processes(kind, data):
    pipe = make_pipeline(_extractor(kind), StandardScaler(), LogisticRegression())
    alone = cross_val_score(pipe, *data[kind], cv=3)
    assert np.array_equal(cross_val_score(pipe, *data[kind], cv=3, n_jobs=2), alone)
    assert alone.mean() > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_grid_search_with_nested_parameters(kind, data):
    model = _classifier(kind, strategy="full", regularizer=L2SP(), loss=Focal())
    grid = {"regularizer__alpha": [0.0, 50.0], "loss__gamma": [0.0, 2.0]}
    X, y = data[kind]
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    best = search.best_estimator_
    assert (
        best.get_params()["regularizer__alpha"]
        == search.best_params_["regularizer__alpha"]
    )
    assert search.predict(X).shape == y.shape
    assert model.regularizer.alpha == 0.01
    assert model.loss.gamma == 2.0


def test_grid_search_over_backbones_strategies_and_optimizers(data):
    from functools import partial

    import torch

    grid = {
        "backbone": [tiny_backbone(), tiny_backbone(seed=1)],
        "strategy": ["linear_probe", "partial"],
        "optimizer": ["sgd", partial(torch.optim.SGD, momentum=0.5)],
    }
    search = GridSearchCV(_classifier("images"), grid, cv=2, error_score="raise")
    search.fit(*data["images"])
    assert search.best_params_["backbone"] in grid["backbone"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_grid_search_in_processes_gives_the_same(kind, data):
    search = GridSearchCV(_classifier(kind), {"lr": [1e-3, 1e-2]}, cv=2)
    alone = clone(search).fit(*data[kind]).cv_results_["mean_test_score"]
    together = clone(search).set_params(n_jobs=2).fit(*data[kind])
    assert np.array_equal(together.cv_results_["mean_test_score"], alone)


@pytest.mark.parametrize("resource", ["n_samples", "max_epochs"])
@pytest.mark.parametrize("kind", KINDS)
def test_halving_grid_search(kind, resource, data):
    limits = (
        {"max_resources": 8, "min_resources": 2} if resource == "max_epochs" else {}
    )
    search = HalvingGridSearchCV(
        _classifier(kind),
        {"lr": [1e-4, 1e-3, 1e-2]},
        resource=resource,
        cv=2,
        random_state=0,
        error_score="raise",
        **limits,
    ).fit(*data[kind])
    assert search.best_params_["lr"] in (1e-4, 1e-3, 1e-2)
    assert search.n_iterations_ >= 2


@pytest.mark.parametrize("kind", KINDS)
def test_stacking(kind, data):
    X, y = data[kind]
    stack = StackingClassifier(
        [
            ("probe", _classifier(kind, strategy="linear_probe")),
            ("net", _classifier(kind)),
        ],
        cv=2,
    ).fit(X, y)
    assert stack.score(X, y) > 0.7


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
def test_calibration(kind, method, data):
    X, y = data[kind]
    try:
        model = CalibratedClassifierCV(_classifier(kind), method=method, cv=2).fit(X, y)
    except ValueError as error:
        if method == "temperature" and "temperature" in str(error):
            pytest.skip("This scikit-learn has no temperature scaling.")
        raise
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.score(X, y) > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_one_vs_rest(kind, data):
    X, y = data[kind]
    three = np.where(np.arange(len(y)) % 4 == 0, 2, y)
    model = OneVsRestClassifier(_classifier(kind, strategy="linear_probe")).fit(
        X, three
    )
    assert model.predict(X).shape == three.shape
    assert len(model.estimators_) == 3


def test_permutation_importance_finds_the_column():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    model = FineTuneClassifier(random_state=0).fit(X, X[:, 2] > 0)
    found = permutation_importance(model, X, X[:, 2] > 0, n_repeats=3, random_state=0)
    assert found.importances_mean.argmax() == 2


@pytest.mark.parametrize("column", ["file", ["file"]], ids=["Series", "DataFrame"])
def test_column_transformer_over_paths_and_numbers(column, data):
    paths, y = data["paths"]
    numbers = np.random.default_rng(0).normal(size=(len(y), 2))
    frame = pd.DataFrame({"file": paths, "age": numbers[:, 0], "size": numbers[:, 1]})
    columns = ColumnTransformer(
        [
            ("image", _extractor("paths"), column),
            ("rest", StandardScaler(), ["age", "size"]),
        ]
    )
    pipe = make_pipeline(columns, LogisticRegression())
    assert cross_val_score(pipe, frame, y, cv=3, error_score="raise").mean() > 0.7
    columns.set_output(transform="pandas")
    out = columns.fit_transform(frame, y)
    assert list(out.columns[-2:]) == ["rest__age", "rest__size"]
    assert out.columns[0] == "image__pretrainedfeatureextractor0"
    assert out.shape == (len(y), 10)


@pytest.mark.parametrize("kind", KINDS)
def test_feature_union_of_two_backbones(kind, data):
    X, y = data[kind]
    second = _extractor(kind)
    if kind != "table":
        second.set_params(backbone=tiny_backbone(seed=1))
    union = FeatureUnion([("one", _extractor(kind)), ("two", second)])
    union.set_output(transform="pandas")
    width = 64 if kind == "table" else 8
    features = union.fit_transform(X)
    assert features.shape == (len(y), 2 * width)
    assert features.columns[0] == "one__pretrainedfeatureextractor0"


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_estimator(kind, data):
    X, y = data[kind]
    fitted = _classifier(kind).fit(X, y)
    frozen = clone(FrozenEstimator(fitted)).fit(X, 1 - y)
    assert np.array_equal(frozen.predict(X), fitted.predict(X))
    # a frozen extractor in a pipeline is not fitted again
    extractor = _extractor(kind).fit(X)
    pipe = Pipeline(
        [("features", FrozenEstimator(extractor)), ("head", LogisticRegression())]
    )
    pipe.fit(X, y)
    expected = extractor.transform(X)
    assert np.array_equal(pipe[:-1].transform(X), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_set_output_of_a_pipeline(kind, data):
    X, _ = data[kind]
    pipe = make_pipeline(_extractor(kind), StandardScaler()).set_output(
        transform="pandas"
    )
    frame = pipe.fit_transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns[0] == "pretrainedfeatureextractor0"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cls", [FineTuneClassifier, FineTuneRegressor])
def test_a_fitted_estimator_predicts_in_other_processes(cls, kind, data):
    X, y = data[kind]
    backbone = "auto" if kind == "table" else tiny_backbone()
    model = cls(backbone, **FAST).fit(X, y)
    parts = joblib.Parallel(n_jobs=2)(
        joblib.delayed(model.predict)(part) for part in (X[:20], X[20:])
    )
    assert np.allclose(np.concatenate(parts), model.predict(X))


@pytest.mark.parametrize("kind", KINDS)
def test_clone_keeps_parameters_and_no_fit(kind, data):
    model = _classifier(kind, regularizer=L2SP(0.3), callbacks=[]).fit(*data[kind])
    copy = clone(model)
    assert not hasattr(copy, "net_")
    assert copy.backbone is model.backbone
    assert copy.regularizer is not model.regularizer
    assert copy.regularizer.alpha == 0.3
    again = copy.fit(*data[kind])
    X = data[kind][0]
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_routed_where_routing_is_on(kind, data):
    X, y = data[kind]
    weight = np.where(y == 1, 1.0, 1e-9)  # as good as one class
    with config_context(enable_metadata_routing=True):
        model = _classifier(kind, strategy="linear_probe")
        model.set_score_request(sample_weight=True)
        asked = clone(model).set_fit_request(sample_weight=True)
        kept = clone(model).set_fit_request(sample_weight=False)
        searches = [
            GridSearchCV(m, {"C": [0.1, 1.0]}, cv=2, error_score="raise")
            .fit(X, y, sample_weight=weight)
            .predict(X)
            for m in (asked, kept)
        ]
        params = {"sample_weight": weight}
        predicted = cross_val_predict(
            asked.set_score_request(sample_weight=None), X, y, cv=2, params=params
        )
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            GridSearchCV(_classifier(kind), {"C": [1.0]}).fit(X, y, **params)
    assert (searches[0] == 1).all()
    assert not (searches[1] == 1).all()
    assert (predicted == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_reach_the_last_step_where_routing_is_off(kind, data):
    X, y = data[kind]
    weight = np.where(y == 1, 1.0, 1e-9)
    pipe = Pipeline(
        [
            ("same", FunctionTransformer()),
            ("net", _classifier(kind, strategy="linear_probe")),
        ]
    )
    pipe.fit(X, y, net__sample_weight=weight)
    assert (pipe.predict(X) == 1).all()
    search = GridSearchCV(pipe, {"net__C": [0.1, 1.0]}, cv=2, error_score="raise")
    assert (search.fit(X, y, net__sample_weight=weight).predict(X) == 1).all()


def test_validation_data_pass_through_a_search(data):
    X, y = data["images"]
    search = GridSearchCV(_classifier("images"), {"lr": [1e-3, 1e-2]}, cv=2)
    search.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert "valid_loss" in search.best_estimator_.history_[-1]
