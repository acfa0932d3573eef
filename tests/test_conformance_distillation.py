"""scikit-learn's own checks on DistillationClassifier, without and with extra rows.

The checks know of no `sample_domain`: a subclass appends rows without a label to
whatever it is fitted on.
"""

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from sktransfer import DistillationClassifier
from sktransfer.distillation._resolve import NAMES

# The checks are of the contract, not of quality, but for a few that want the classes of
# blobs told apart.
FEW = {"max_epochs": 10}


class WithUnlabelled(DistillationClassifier):
    """Is fitted on the rows it gets and on changed copies of them without labels."""

    n_fitted = 0

    def fit(self, X, y=None, sample_domain=None, sample_weight=None):
        rows = None if sample_domain is not None else _numbers(X)
        if rows is None or y is None or len(rows) != len(np.asarray(y)):
            return super().fit(X, y, sample_domain, sample_weight)
        both = np.concatenate([rows, (rows * 1.1 + 0.3).astype(rows.dtype)])
        if hasattr(X, "columns"):
            both = type(X)(both, columns=X.columns)
        if sample_weight is not None:
            sample_weight = np.concatenate([np.asarray(sample_weight)] * 2)
        domain = np.repeat([1, -1], len(rows))
        y = np.concatenate([np.asarray(y)] * 2)
        super().fit(both, y, domain, sample_weight)
        type(self).n_fitted += 1
        return self


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


def _check(estimator, routing=False):
    with config_context(enable_metadata_routing=routing):
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {
        r["check_name"]: r["exception"] for r in results if r["status"] == "failed"
    }
    assert failed == {}
    assert not any(r["expected_to_fail"] for r in results)
    assert len(results) > 40


def test_the_default_passes_every_check():
    _check(DistillationClassifier())


def test_every_check_passes_with_metadata_routing():
    _check(WithUnlabelled(**FEW), routing=True)


@pytest.mark.parametrize("method", NAMES)
def test_every_method_passes_every_check(method):
    _check(DistillationClassifier(method=method, **FEW))


@pytest.mark.parametrize("method", NAMES)
def test_every_method_passes_every_check_with_unlabelled_rows(method):
    WithUnlabelled.n_fitted = 0
    _check(WithUnlabelled(method=method, **FEW))
    assert WithUnlabelled.n_fitted > 60


def test_a_teacher_of_scikit_learn_passes_every_check():
    _check(DistillationClassifier(DecisionTreeClassifier(random_state=0), **FEW))
