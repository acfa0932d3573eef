import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_score,
    cross_validate,
)

from sktransfer.selection import TargetKFold
from tests.metrics.classifiers import SourceOnly, make_domains

SAMPLE_DOMAIN = np.array([1, -2, 1, 0, 2, -2, 3, -2, -2, 1])
TARGET = np.flatnonzero(np.abs(SAMPLE_DOMAIN) == 2)
X = np.arange(10)[:, None]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("n_splits", [2, 3, 5])
def test_each_target_row_is_tested_once_and_no_other(n_splits, shuffle):
    cv = TargetKFold(n_splits, shuffle=shuffle)
    folds = list(cv.split(X, groups=SAMPLE_DOMAIN))
    assert len(folds) == n_splits == cv.get_n_splits()
    tested = np.concatenate([test for _, test in folds])
    np.testing.assert_array_equal(np.sort(tested), TARGET)
    for train, test in folds:
        np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(10))


def test_folds_are_balanced_and_in_order():
    folds = list(TargetKFold(2).split(X, groups=SAMPLE_DOMAIN))
    np.testing.assert_array_equal(folds[0][1], [1, 4, 5])
    np.testing.assert_array_equal(folds[1][1], [7, 8])


def test_several_targets():
    groups = [1, 1, -2, -3, 3, 1]
    tested = [test for _, test in TargetKFold(3).split(X[:6], groups=groups)]
    np.testing.assert_array_equal(np.concatenate(tested), [2, 3, 4])


def test_a_target_whose_rows_are_all_labelled():
    groups = np.abs(SAMPLE_DOMAIN)
    folds = list(TargetKFold(2, target_domain=2).split(X, groups=groups))
    np.testing.assert_array_equal(np.concatenate([fold[1] for fold in folds]), TARGET)


def test_random_state():
    def tested(seed):
        cv = TargetKFold(2, shuffle=True, random_state=seed)
        return [test.tolist() for _, test in cv.split(X, groups=SAMPLE_DOMAIN)]

    assert tested(0) == tested(0)
    assert len({str(tested(seed)) for seed in range(9)}) > 1


def test_containers():
    expected = [
        test.tolist() for _, test in TargetKFold(2).split(X, None, SAMPLE_DOMAIN)
    ]
    for rows, groups in (
        (X.tolist(), SAMPLE_DOMAIN.tolist()),
        (pd.DataFrame(X), pd.Series(SAMPLE_DOMAIN, index=range(10, 20))),
        (["path"] * 10, SAMPLE_DOMAIN.astype(float)),
    ):
        found = TargetKFold(2).split(rows, groups=groups)
        assert [test.tolist() for _, test in found] == expected


@pytest.mark.parametrize(
    ("cv", "groups", "message"),
    [
        (TargetKFold(), None, r"sample_domain=\.\.\.; without, .* groups="),
        (TargetKFold(), np.ones(10), r"No row is the target's: .* holds \[1\]"),
        (TargetKFold(target_domain=7), SAMPLE_DOMAIN, "target_domain is 7"),
        (TargetKFold(6), SAMPLE_DOMAIN, "n_splits=6 is more than the 5 target rows"),
        (TargetKFold(), SAMPLE_DOMAIN[:9], "9 values for 10 rows"),
        (TargetKFold(), [0.5] * 10, "one whole number per row"),
        (TargetKFold(1), SAMPLE_DOMAIN, "n_splits=2 or more"),
        (TargetKFold(2, random_state=0), SAMPLE_DOMAIN, "shuffle"),
    ],
)
def test_errors(cv, groups, message):
    with pytest.raises(ValueError, match=message):
        next(cv.split(X, groups=groups))


def test_copies_and_repr():
    cv = TargetKFold(3, shuffle=True, random_state=1)
    expected = (
        "TargetKFold(n_splits=3, random_state=1, shuffle=True, target_domain=None)"
    )
    for copy in (cv, clone(cv, safe=False), pickle.loads(pickle.dumps(cv))):
        assert repr(copy) == expected


class Watching(SourceOnly):
    """Scores by how many rows it is tested on, once it saw the domains in fit."""

    def fit(self, X, y, sample_domain):
        return super().fit(X, y, sample_domain)

    def score(self, X, y):
        return len(y) + 1000 * (self.n_rows_ == 120 - len(y))


def test_searches_with_routing():
    X, y, sample_domain = make_domains()
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(Watching(), {"C": [1, 2]}, cv=TargetKFold(3))
        search.fit(X, y, sample_domain=sample_domain)
        nested = cross_validate(
            search,
            X,
            y,
            cv=TargetKFold(4),
            params={"sample_domain": sample_domain},
            return_estimator=True,
        )
    assert search.best_score_ == 1020
    assert search.best_estimator_.n_rows_ == 120
    assert {fold.best_estimator_.n_rows_ for fold in nested["estimator"]} == {105}


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_searches_without_routing(n_jobs):
    X, y, sample_domain = make_domains()
    scores = cross_val_score(
        Watching(),
        X,
        y,
        cv=TargetKFold(4),
        groups=sample_domain,
        params={"sample_domain": sample_domain},
        n_jobs=n_jobs,
    )
    np.testing.assert_array_equal(scores, 1015)
    search = GridSearchCV(Watching(), {"C": [1, 2]}, cv=TargetKFold(3), n_jobs=n_jobs)
    search.fit(X, y, groups=sample_domain, sample_domain=sample_domain)
    assert search.best_score_ == 1020


def test_searches_that_name_no_groups_say_what_to_do():
    X, y, sample_domain = make_domains()
    search = GridSearchCV(Watching(), {"C": [1, 2]}, cv=TargetKFold(3))
    with pytest.raises(ValueError, match="must know the domain of each row"):
        search.fit(X, y, sample_domain=sample_domain)
