"""Bad tables, targets and weights of rows: one clear error, and nothing is broken.

Each case names what the message must hold: the parameter or row, the value, the cure.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sktransfer import FineTuneClassifier, FineTuneRegressor, PretrainedFeatureExtractor

from .refusals import LABELS, PIXELS, X, Y, assert_refused, with_value

TABLES = {
    "one_dimension": (X[:, 0], "1D array|Reshape"),
    "scalar": (3.0, "Expected 2D array, got scalar"),
    "none": (None, "X is None"),
    "no_rows": (X[:0], "0 sample"),
    "no_columns": (X[:, :0], "0 feature"),
    "nan": (with_value(X, (3, 2), np.nan), "NaN"),
    "infinity": (with_value(X, (3, 2), np.inf), "infinity"),
    "complex": (X + 1j, "[Cc]omplex"),
    "sparse": (sparse.csr_matrix(X), "[Ss]parse"),
    "words_in_a_table": (np.array([["a", "b"]] * 30, object), "string|convert"),
    "ragged": ([[1.0, 2.0]] * 29 + [[1.0]], "differ in shape|inhomogeneous"),
    "too_many_axes": (np.zeros((30, 2, 2, 2, 2)), "shape .*images are"),
    "a_dict": ({"a": 1}, "dict"),
}


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize(
    "cls", [FineTuneClassifier, FineTuneRegressor, PretrainedFeatureExtractor]
)
def test_tables(cls, case):
    data, match = TABLES[case]
    model = cls()
    assert_refused(model, match, lambda: model.fit(data, Y))


TARGETS = {
    "missing": (None, "y"),
    "too_short": (Y[:-1], "inconsistent.*30, 29"),
    "one_class": (np.zeros(30), r"one class, \[0.0\].*Add rows"),
    "continuous": (X[:, 0], "known label type|continuous"),
    "nan": (with_value(Y.astype(float), 3, np.nan), "NaN"),
    "two_columns": (np.c_[Y, Y], "y should be a 1d array|shape"),
    "none": (with_value(Y.astype(object), 3, None), r"Row 3 of y is missing \(None\)"),
    "na": (with_value(Y.astype(object), 4, pd.NA), r"Row 4 of y is missing \(<NA>\)"),
    "mixed": (with_value(Y.astype(object), 3, "cat"), "types int, str: convert"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_labels(case):
    y, match = TARGETS[case]
    model = FineTuneClassifier()
    assert_refused(model, match, lambda: model.fit(X, y))


REGRESSION_TARGETS = {
    "missing": (None, "y"),
    "too_short": (Y[:-1], "inconsistent.*30, 29"),
    "words": (np.array(["a"] * 30), "y must hold numbers"),
    "nan": (with_value(X[:, 0], 3, np.nan), "Input y contains NaN"),
    "infinity": (with_value(X[:, 0], 3, np.inf), "y contains infinity"),
    "three_axes": (np.zeros((30, 2, 2)), "y must hold numbers.*dim 3"),
}


@pytest.mark.parametrize("case", REGRESSION_TARGETS)
def test_regression_targets(case):
    y, match = REGRESSION_TARGETS[case]
    model = FineTuneRegressor()
    assert_refused(model, match, lambda: model.fit(X, y))


WEIGHTS = {
    "negative": (-np.ones(30), "Negative values.*sample_weight"),
    "zero": (np.zeros(30), "[Ss]ample.weight.*zero"),
    "wrong_length": (np.ones(29), r"sample_weight.shape == \(29,\), expected \(30,\)"),
    "nan": (with_value(np.ones(30), 3, np.nan), "sample_weight contains NaN"),
    "two_axes": (np.ones((30, 2)), "[Ss]ample.weights? must be 1D"),
    "of_one_class": ((Y == 0).astype(float), "one class.*weight zero do not count"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights(case):
    weight, match = WEIGHTS[case]
    model = FineTuneClassifier()
    assert_refused(model, match, lambda: model.fit(X, Y, sample_weight=weight))


VALIDATION = {
    "no_labels": ({"X_val": X}, r"only \['X_val'\] were given: pass X_val and y_val"),
    "no_rows": ({"y_val": Y}, r"only \['y_val'\] were given"),
    "weights_alone": ({"sample_weight_val": Y}, r"only \['sample_weight_val'\] were"),
    "unknown_labels": (
        {"X_val": X, "y_val": Y + 1},
        r"In X_val, y_val, .*labels that are not among the classes \[0 1\]: \[2\]",
    ),
    "other_columns": (
        {"X_val": X[:, :3], "y_val": Y},
        "In X_val.*3 features.*expecting 5",
    ),
    "lengths": ({"X_val": X, "y_val": Y[:3]}, r"In X_val.*\[30, 3\]"),
    "images": ({"X_val": PIXELS, "y_val": LABELS}, "In X_val.*images.*takes tables"),
    "nan": ({"X_val": with_value(X, (3, 2), np.nan), "y_val": Y}, "In X_val.*NaN"),
}


@pytest.mark.parametrize("case", VALIDATION)
def test_validation_data(case):
    given, match = VALIDATION[case]
    model = FineTuneClassifier(max_epochs=1)
    assert_refused(model, match, lambda: model.fit(X, Y, **given))


def test_other_tables_than_in_fit():
    model = FineTuneClassifier(max_epochs=1).fit(X, Y)
    assert_refused(model, "3 features.*expecting 5", lambda: model.predict(X[:, :3]))
    assert_refused(model, "images.*takes tables", lambda: model.predict(PIXELS))
    frame = pd.DataFrame(X, columns=list("abcde"))
    model.fit(frame, Y)
    assert_refused(model, "feature names", lambda: model.predict(frame[list("edcba")]))
