"""scikit-learn's own checks on DomainAdaptClassifier, without and with target rows.

The checks know of no `sample_domain`, so that a method would never run in them: a
subclass appends target rows to whatever it is fitted on. Without a target all methods
are supervised training (tests/_estimators/test_domain_bad_input.py), so that there one
of the two states of metadata routing is enough.
"""

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils.estimator_checks import check_estimator

from sktransfer import DomainAdaptClassifier
from sktransfer.adaptation._resolve import NAMES

# The checks are of the contract, not of quality, but for a few that want the classes
# of blobs told apart: these methods need some epochs to do so.
FEW = 2
EPOCHS = {"adda": 10, "shot": 5}

pytestmark = pytest.mark.filterwarnings(
    "ignore::sktransfer.exceptions.DiscriminatorWarning"
)


class WithTarget(DomainAdaptClassifier):
    """Is fitted on the rows it gets and on changed copies of them, as the target."""

    n_adapted = 0

    def fit(self, X, y=None, sample_domain=None, sample_weight=None):
        rows = None if sample_domain is not None else _numbers(X)
        if rows is None or y is None or len(rows) != len(np.asarray(y)):
            return super().fit(X, y, sample_domain, sample_weight)
        both = np.concatenate([rows, (rows * 1.1 + 0.3).astype(rows.dtype)])
        if hasattr(X, "columns"):
            both = type(X)(both, columns=X.columns)
        if sample_weight is not None:
            sample_weight = np.concatenate([np.asarray(sample_weight)] * 2)
        domain = np.repeat([1, -2], len(rows))
        y = np.concatenate([np.asarray(y)] * 2)
        super().fit(both, y, domain, sample_weight)
        type(self).n_adapted += 1
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


def _check(estimator, routing):
    with config_context(enable_metadata_routing=routing):
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {
        r["check_name"]: r["exception"] for r in results if r["status"] == "failed"
    }
    assert failed == {}
    assert not any(r["expected_to_fail"] for r in results)
    assert len(results) > 40


@pytest.mark.parametrize(
    ("estimator", "routing"),
    [
        (DomainAdaptClassifier(), False),
        (DomainAdaptClassifier(), True),
        (WithTarget(max_epochs=FEW), False),
        (WithTarget(), True),
    ],
    ids=str,
)
def test_the_default_passes_every_check(estimator, routing):
    _check(estimator, routing)


@pytest.mark.parametrize("method", NAMES)
def test_every_method_passes_every_check_without_a_target(method):
    _check(DomainAdaptClassifier(method=method, max_epochs=FEW), routing=True)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("method", NAMES)
def test_every_method_passes_every_check_with_a_target(method, routing):
    WithTarget.n_adapted = 0
    _check(WithTarget(method=method, max_epochs=EPOCHS.get(method, FEW)), routing)
    assert WithTarget.n_adapted > 60
