"""Bad rows, domains and parameters of the reweighted estimators."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import ReweightedClassifier, ReweightedRegressor

from .shifted import DOMAIN, SOURCE, X, Y, without_collapse_warnings

pytestmark = without_collapse_warnings


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
