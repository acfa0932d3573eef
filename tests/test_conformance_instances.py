"""scikit-learn's own checks on reweighting, boosting and alignment.

The checks know of no `sample_domain`: subclasses append target rows to whatever they
are fitted on, so that the weightings and methods run.
"""

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import _num_samples

from sktransfer import (
    DomainAligner,
    ReweightedClassifier,
    ReweightedRegressor,
    TrAdaBoostClassifier,
    TrAdaBoostRegressor,
)
from sktransfer.alignment._resolve import NAMES as METHODS
from sktransfer.reweighting._resolve import NAMES as WEIGHTINGS

pytestmark = pytest.mark.filterwarnings(
    "ignore::sktransfer.exceptions.EffectiveSampleSizeWarning"
)


class WithTarget:
    """Is fitted on the rows it gets and on changed copies of them, as the target."""

    n_adapted = 0
    target = -2

    def fit(self, X, y=None, sample_domain=None, sample_weight=None):
        rows = None if sample_domain is not None else _numbers(X)
        if rows is None or y is None or len(rows) != len(np.asarray(y)):
            return super().fit(X, y, sample_domain, sample_weight)
        if sample_weight is not None:
            sample_weight = np.concatenate([np.asarray(sample_weight)] * 2)
        domain = np.repeat([1, self.target], len(rows))
        y = np.concatenate([np.asarray(y)] * 2)
        super().fit(_both(X, rows), y, domain, sample_weight)
        type(self).n_adapted += 1
        return self


class ReweightedClassifierWithTarget(WithTarget, ReweightedClassifier):
    pass


class ReweightedRegressorWithTarget(WithTarget, ReweightedRegressor):
    pass


class TrAdaBoostClassifierWithTarget(WithTarget, TrAdaBoostClassifier):
    target = 2


class TrAdaBoostRegressorWithTarget(WithTarget, TrAdaBoostRegressor):
    target = 2


class AlignerWithTarget(DomainAligner):
    """Is fitted on target rows and on changed copies of them, the source."""

    n_adapted = 0
    domain = (-2, 1)  # of the rows, and of the copies

    def fit(self, X, y=None):
        rows = _numbers(X)
        if rows is None:
            return super().fit(X, y)
        super().fit(_both(X, rows), None, np.repeat(self.domain, len(rows)))
        type(self).n_adapted += 1
        return self

    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)


class AlignerWithSource(AlignerWithTarget):
    """Is fitted on source rows and on changed copies of them, the target."""

    domain = (1, -2)

    def transform(self, X):
        try:
            n_rows = _num_samples(X)
        except TypeError:
            n_rows = 0
        return super().transform(X, np.ones(n_rows))


def _numbers(X):
    """Return `X` as an array of numbers if all of them are well, else None."""
    if issparse(X) or isinstance(X, dict):
        return None
    try:
        rows = np.asarray(X)
        rows = rows.astype(float) if rows.dtype == object else rows
    except (TypeError, ValueError):
        return None
    fine = rows.ndim == 2 and rows.dtype.kind in "fiu" and np.isfinite(rows).all()
    return rows if fine else None


def _both(X, rows):
    """Return the rows, and changed copies below them."""
    both = np.concatenate([rows, (rows * 1.1 + 0.3).astype(rows.dtype)])
    return type(X)(both, columns=X.columns) if hasattr(X, "columns") else both


def _check(estimator, routing):
    with config_context(enable_metadata_routing=routing):
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {
        r["check_name"]: r["exception"] for r in results if r["status"] == "failed"
    }
    assert failed == {}
    assert not any(r["expected_to_fail"] for r in results)
    assert len(results) > 40


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize(
    "estimator",
    [
        ReweightedClassifier(),
        ReweightedRegressor(),
        TrAdaBoostClassifier(),
        TrAdaBoostRegressor(),
    ],
    ids=str,
)
def test_the_defaults(estimator, routing):
    _check(estimator, routing)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("weighting", [None, *WEIGHTINGS])
@pytest.mark.parametrize(
    "cls", [ReweightedClassifierWithTarget, ReweightedRegressorWithTarget]
)
def test_every_weighting_with_a_target(cls, weighting, routing):
    cls.n_adapted = 0
    _check(cls(weighting=weighting), routing)
    assert cls.n_adapted > 45


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize(
    "cls", [TrAdaBoostClassifierWithTarget, TrAdaBoostRegressorWithTarget]
)
def test_boosting_with_a_target(cls, routing):
    cls.n_adapted = 0
    _check(cls(target_domain=2), routing)
    assert cls.n_adapted > 45


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cls", [DomainAligner, AlignerWithTarget, AlignerWithSource])
def test_every_alignment(cls, method, routing):
    if method == "ot":
        pytest.importorskip("ot")
    cls.n_adapted = 0
    _check(cls(method), routing)
    assert cls is DomainAligner or cls.n_adapted > 30
