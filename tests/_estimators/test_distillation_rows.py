"""Rows to distil on: without labels, with weights, held out."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from sktransfer import DistillationClassifier

from .distilled import COPYING, FAST, NAMED, X, Y, domain_of_labelled, gap_to


def test_labels_of_unlabelled_rows_are_never_read():
    sample_domain = domain_of_labelled(40)
    sentinels = np.where(sample_domain > 0, NAMED, "?")
    others = np.where(sample_domain > 0, NAMED, "ash")
    one, other = (
        DistillationClassifier(DecisionTreeClassifier(random_state=0), **FAST).fit(
            X, y, sample_domain=sample_domain
        )
        for y in (sentinels, others)
    )
    assert_array_equal(one.classes_, ["ash", "beech", "cedar"])
    assert one.teacher_.tree_.n_node_samples[0] == 40
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    with_objects = np.where(sample_domain > 0, NAMED.astype(object), None)
    again = clone(one).fit(X, with_objects, sample_domain=sample_domain)
    assert_array_equal(again.predict_proba(X), one.predict_proba(X))
    numbers = pd.Series(np.where(sample_domain > 0, Y.astype(object), None))
    again = clone(one).fit(X, numbers, sample_domain=sample_domain)
    assert_array_equal(again.predict_proba(X), one.predict_proba(X))


def test_unlabelled_rows_teach():
    teacher = FrozenEstimator(LogisticRegression(C=100).fit(X, Y))
    few = DistillationClassifier(teacher, **COPYING).fit(X[:6], Y[:6])
    more = DistillationClassifier(teacher, **COPYING)
    more.fit(X, Y, sample_domain=domain_of_labelled(6))
    told = teacher.predict_proba(X)
    assert gap_to(more, told) < 0.1 < 0.3 < gap_to(few, told)


@pytest.mark.parametrize("y", [None, NAMED], ids=["without y", "with y"])
def test_no_row_is_labelled(y):
    teacher = FrozenEstimator(LogisticRegression().fit(X, NAMED))
    student = DistillationClassifier(teacher, **COPYING)
    student.fit(X, y, sample_domain=domain_of_labelled(0))
    assert_array_equal(student.classes_, ["ash", "beech", "cedar"])
    assert gap_to(student, teacher.predict_proba(X)) < 0.05
    assert "train_acc" not in student.history_[-1]


@pytest.mark.parametrize("method", ["kd", "dist", "fitnet", "rkd", "mutual"])
def test_weights_are_repeats_with_unlabelled_rows(method):
    weight = np.arange(60) % 3
    domain = np.where(np.arange(60) % 2, 1, -1)
    rows = np.repeat(np.arange(60), weight)
    model = DistillationClassifier(
        method=method, batch_size=200, max_epochs=5, random_state=0
    )
    weighted = clone(model).fit(X[:60], Y[:60], domain, weight)
    repeated = clone(model).fit(X[rows], Y[rows], domain[rows])
    assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6, atol=1e-9
    )


def test_class_weight_counts_for_labelled_rows():
    settings = {"teacher": LogisticRegression(), "random_state": 0, "max_epochs": 30}
    plain = DistillationClassifier(**settings).fit(X, Y)
    tilted = DistillationClassifier(class_weight={0: 50.0, 1: 1.0, 2: 1.0}, **settings)
    tilted.fit(X, Y)
    assert (tilted.predict(X) == 0).sum() > (plain.predict(X) == 0).sum()


def test_a_teacher_that_takes_no_weights():
    class Unweighted(LogisticRegression):
        def fit(self, X, y):
            return super().fit(X, y)

    with pytest.warns(UserWarning, match="teacher=.*takes no sample_weight in fit"):
        DistillationClassifier(Unweighted(), **FAST).fit(
            X, Y, sample_weight=np.arange(120)
        )


def test_a_teacher_gets_the_weights_of_its_rows():
    weight = np.arange(120) % 4
    sample_domain = domain_of_labelled(60)
    teacher = DecisionTreeClassifier(random_state=0, max_depth=2)
    student = DistillationClassifier(teacher, **FAST)
    student.fit(X, Y, sample_domain, weight)
    kept = (weight > 0) & (sample_domain > 0)
    expected = clone(teacher).fit(X[kept], Y[kept], weight[kept])
    assert_array_equal(student.teacher_.tree_.threshold, expected.tree_.threshold)


def test_early_stopping_watches_rows_that_nobody_learns():
    teacher = DecisionTreeClassifier(random_state=0)
    student = DistillationClassifier(
        teacher, early_stopping=True, validation_fraction=0.25, **FAST
    )
    student.fit(X, Y, sample_domain=domain_of_labelled(80))
    assert student.teacher_.tree_.n_node_samples[0] == 60
    assert "valid_acc" in student.history_[-1]


def test_own_validation_rows():
    student = DistillationClassifier(LogisticRegression(), early_stopping=True, **FAST)
    student.fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    assert len(student.history_[:, "valid_loss"]) == 2
