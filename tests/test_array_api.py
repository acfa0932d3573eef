"""Arrays of other libraries, and scikit-learn's own check of array API dispatch."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from sktransfer import (
    FineTuneClassifier,
    FineTuneRegressor,
    PretrainedFeatureExtractor,
)

from .nets import images, table, tiny_backbone

ESTIMATORS = [FineTuneClassifier, FineTuneRegressor, PretrainedFeatureExtractor]

# What check_estimator runs where SCIPY_ARRAY_API is set before SciPy is imported.
_CODE = """
from sklearn.utils.estimator_checks import check_array_api_input
from sktransfer import *

for estimator in (
    FineTuneClassifier(max_epochs=3),
    FineTuneRegressor(max_epochs=3),
    PretrainedFeatureExtractor(),
):
    check_array_api_input(
        type(estimator).__name__,
        estimator,
        array_namespace="numpy",
        expect_only_array_outputs=False,
    )
"""


def test_dispatch_changes_nothing():
    done = subprocess.run(
        [sys.executable, "-c", _CODE],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["table", "images"])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_tensors_are_taken_for_arrays(cls, kind):
    X, y = table() if kind == "table" else images()
    model = cls("auto" if kind == "table" else tiny_backbone(), random_state=0)
    if "max_epochs" in model.get_params():
        model.set_params(max_epochs=2)
    predict = "transform" if hasattr(model, "transform") else "predict"
    expected = getattr(model.fit(X, y), predict)(X)
    X, y = torch.tensor(X), torch.tensor(y)
    assert np.array_equal(getattr(model.fit(X, y), predict)(X), expected)
