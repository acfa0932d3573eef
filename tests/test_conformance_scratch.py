"""scikit-learn's own checks on image nets that are trained from random weights."""

import pytest

from .test_conformance import (
    FLOAT32_WEIGHT_CHECKS,
    ImageClassifier,
    ImageRegressor,
    names,
    results_of,
)

# Few epochs instead of a hundred: the checks are of the contract, not of quality.
SCRATCH = {"backbone": "smallnet", "weights": None, "max_epochs": 10}


@pytest.mark.parametrize("cls", [ImageClassifier, ImageRegressor])
def test_image_estimators_from_scratch_pass_every_check(cls):
    results = results_of(cls(**SCRATCH))
    assert names(results, "failed") <= FLOAT32_WEIGHT_CHECKS
    assert len(results) > 40
