"""Targets of the regressor: their shape, scale and outliers."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from sktransfer import FineTuneClassifier, FineTuneRegressor

from ..nets import images, table, tiny_backbone

X = table(80)[0]
TARGET = X @ np.array([[1.0, 0.5, -1.0, 0.3, 2.0], [0.0, 1.0, 1.0, 0.0, -1.0]]).T
FAST = {"max_epochs": 60, "random_state": 0}


@pytest.mark.parametrize("strategy", ["full", "linear_probe", "lp_ft"])
@pytest.mark.parametrize("shape", [(80,), (80, 1), (80, 2)])
def test_predictions_have_the_shape_of_the_targets(shape, strategy):
    y = TARGET[:, : np.prod(shape) // 80].reshape(shape)
    source = FineTuneRegressor(**FAST).fit(X, y).backbone_
    model = FineTuneRegressor(source, strategy=strategy, C=1.0, **FAST).fit(X, y)
    assert model.predict(X).shape == shape
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("strategy", ["full", "linear_probe"])
def test_scale_and_origin_of_the_targets_do_not_matter(strategy):
    y = TARGET * [1e4, 1e-4] + [5e4, -3]
    plain = FineTuneRegressor(strategy=strategy, **FAST).fit(X, TARGET)
    scaled = FineTuneRegressor(strategy=strategy, **FAST).fit(X, y)
    expected = plain.predict(X) * [1e4, 1e-4] + [5e4, -3]
    assert_allclose(scaled.predict(X), expected, rtol=1e-6)


def test_a_constant_target_is_predicted():
    y = np.c_[TARGET[:, 0], np.full(80, 7.0)]
    model = FineTuneRegressor(**FAST).fit(X, y)
    assert_allclose(model.predict(X)[:, 1], 7.0, atol=0.5)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float32", "float32"), ("float64", "float64"), (int, float)],
)
def test_the_type_of_the_targets_is_kept(dtype, expected):
    y = (10 * TARGET[:, 0]).astype(dtype)
    assert FineTuneRegressor(max_epochs=1).fit(X, y).predict(X).dtype == expected


def test_a_linear_probe_is_ridge_regression_on_its_features():
    source = FineTuneRegressor(**FAST).fit(X, TARGET).backbone_
    model = FineTuneRegressor(source, strategy="linear_probe", C=0.02).fit(X, TARGET)
    Z = StandardScaler().fit_transform(model.features(X))
    reference = Ridge(alpha=50.0).fit(Z, TARGET)
    assert_allclose(model.predict(X), reference.predict(Z), atol=1e-5)


@pytest.mark.parametrize("strategy", ["full", "linear_probe"])
def test_huber_resists_outliers(strategy):
    y = TARGET[:, 0].copy()
    y[::10] += 30.0
    errors = {}
    for loss in ("mse", "huber"):
        model = FineTuneRegressor(
            loss=loss, strategy=strategy, C=1.0, max_epochs=20, random_state=0
        ).fit(X, y)
        errors[loss] = np.abs(model.predict(X) - TARGET[:, 0]).mean()
    assert errors["huber"] < 0.8 * errors["mse"]


@pytest.mark.parametrize("loss", ["mse", "huber"])
@pytest.mark.parametrize("strategy", ["full", "linear_probe", "lp_ft"])
def test_images_have_targets_too(loss, strategy):
    pixels, y = images()
    model = FineTuneRegressor(
        tiny_backbone(), loss=loss, strategy=strategy, C=1.0, lr=0.01, **FAST
    ).fit(pixels, y + 0.5, X_val=pixels, y_val=y + 0.5)
    assert model.score(pixels, y + 0.5) > 0.6
    assert "train_acc" not in model.history_[-1]
    assert model.history_[-1, "valid_loss"] < 0.5


def test_C_is_chosen_by_folds():
    model = FineTuneRegressor(strategy="linear_probe", C="cv", random_state=0)
    assert 1e-4 <= model.fit(X, TARGET).C_ <= 1e2


def test_weights_equal_repeated_rows():
    weight = np.random.default_rng(0).integers(1, 4, 20)
    data, y = X[:20], TARGET[:20]
    rows = np.repeat(np.arange(20), weight)
    weighted = FineTuneRegressor(random_state=0).fit(data, y, sample_weight=weight)
    repeated = FineTuneRegressor(random_state=0).fit(data[rows], y[rows])
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)


def test_a_classifier_hands_its_backbone_to_a_regressor():
    source = FineTuneClassifier(**FAST).fit(X, TARGET[:, 0] > 0)
    model = FineTuneRegressor(source.backbone_, **FAST).fit(X, TARGET[:, 0])
    assert model.strategy_ == "lp_ft"
    assert model.score(X, TARGET[:, 0]) > 0.9
    before = source.backbone_.state_dict()
    assert all(torch.isfinite(value).all() for value in before.values())
