"""scikit-learn's own checks on every public estimator."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from sktransfer import (
    FineTuneClassifier,
    FineTuneRegressor,
    PretrainedFeatureExtractor,
)

STRATEGIES = ["linear_probe", "full", "lp_ft", "gradual", "partial", "bitfit"]

# Images are computed in float32, where these cannot hold at their rtol of 1e-7. The
# test at the end of this file takes their place.
FLOAT32_WEIGHT_CHECKS = {"check_sample_weight_equivalence_on_dense_data"}


class SquashingMixin:
    """Takes a table for images of one row of pixels, its entries squashed into 0-1."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags

    def _read(self, X, reset):
        given = self.input_shape
        if not issparse(X):
            X = _squashed(X)
        columns = np.shape(X)[-1] if reset else self.n_features_in_
        self.input_shape = (1, columns)
        try:
            return super()._read(X, reset)
        finally:
            self.input_shape = given


def _squashed(X):
    values = np.asarray(X)
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        return X
    values = np.where(np.isfinite(values), 0.5 + np.arctan(values) / np.pi, values)
    return X * 0 + values if hasattr(X, "columns") else values


class ImageClassifier(SquashingMixin, FineTuneClassifier):
    pass


class ImageRegressor(SquashingMixin, FineTuneRegressor):
    pass


class ImageExtractor(SquashingMixin, PretrainedFeatureExtractor):
    pass


def results_of(estimator):
    return check_estimator(estimator, on_fail=None, on_skip=None)


def names(results, status):
    return {r["check_name"] for r in results if r["status"] == status}


TABLES = [
    FineTuneClassifier(),
    FineTuneRegressor(),
    PretrainedFeatureExtractor(),
    *(FineTuneClassifier(strategy=strategy) for strategy in STRATEGIES),
]


@pytest.mark.parametrize("estimator", TABLES, ids=str)
def test_table_estimators_pass_every_check(estimator):
    results = results_of(estimator)
    assert names(results, "failed") == set()
    assert not any(r["expected_to_fail"] for r in results)
    assert len(results) > 40


IMAGES = [ImageClassifier(), ImageRegressor(), ImageExtractor()]


@pytest.mark.parametrize("estimator", IMAGES, ids=str)
def test_image_estimators_pass_every_check(estimator):
    results = results_of(estimator)
    assert names(results, "failed") <= FLOAT32_WEIGHT_CHECKS
    assert len(results) > 40


@pytest.mark.parametrize("cls", [ImageClassifier, ImageRegressor])
def test_weights_of_images_equal_repeated_rows_in_float32(cls):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(15, 10)), rng.integers(0, 3, 15)
    weight = rng.integers(0, 5, 15)
    rows = np.repeat(np.arange(15), weight)
    model = cls("smallnet", weights=None, random_state=0)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(X[rows], y[rows])
    method = "predict_proba" if cls is ImageClassifier else "predict"
    ours, expected = (getattr(m, method)(X) for m in (weighted, repeated))
    assert_allclose(ours, expected, rtol=1e-3, atol=1e-3)
