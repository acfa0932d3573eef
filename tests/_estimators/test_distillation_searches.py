"""Distilling again, pickles, seeds, and scikit-learn's searches and pipelines."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from sktransfer import DistillationClassifier, FineTuneClassifier
from sktransfer.distillation import RKD, FitNet
from sktransfer.distillation._resolve import NAMES

from ..nets import same_state, state_of
from .distilled import FAST, X, Y, domain_of_labelled


@pytest.mark.parametrize("method", ["kd", "fitnet", "mutual"])
def test_warm_start_goes_on_and_keeps_the_teacher(method):
    student = DistillationClassifier(method=method, warm_start=True, **FAST).fit(X, Y)
    first, backbone = student.teacher_, state_of(student.backbone_)
    student.fit(X, Y)
    assert student.n_epochs_ == 4
    assert (student.teacher_ is first) == (method != "mutual")
    assert not same_state(state_of(student.backbone_), backbone)
    assert student.backbone_.weights == "random, distilled"


@pytest.mark.parametrize("method", NAMES)
def test_pickles_predict_alike(method):
    student = DistillationClassifier(method=method, **FAST).fit(X, Y)
    again = pickle.loads(pickle.dumps(student))
    assert_array_equal(again.predict_proba(X), student.predict_proba(X))


@pytest.mark.parametrize("module", [False, True])
def test_a_pickle_holds_a_frozen_teacher_once(module):
    teacher = nn.Sequential(nn.Linear(5, 4000), nn.Linear(4000, 3))
    if not module:
        forest = RandomForestClassifier(100, random_state=0).fit(X, Y)
        teacher = FrozenEstimator(forest)
    student = DistillationClassifier(teacher, **FAST).fit(X, Y)
    size, of_teacher = (len(pickle.dumps(part)) for part in (student, teacher))
    student.set_params(teacher=None)
    del student.teacher_
    assert len(pickle.dumps(student)) == pytest.approx(size - of_teacher, rel=0.02)


def test_same_seed_same_result_and_global_generators_stay():
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1]
    one, other = (
        DistillationClassifier(method="mutual", **FAST).fit(X, Y) for _ in range(2)
    )
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert_array_equal(np.random.get_state()[1], before[1])


@pytest.mark.parametrize("routing", [False, True])
def test_searches_reach_student_method_and_teacher(routing):
    grid = {
        "temperature": [1.0, 4.0],
        "teacher__max_depth": [2],
        "method": [RKD()],
        "method__angle_weight": [0.0],
    }
    student = DistillationClassifier(DecisionTreeClassifier(), **FAST)
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(student, grid, cv=2)
        with pytest.raises(TypeError, match="learns from features"):
            search.set_params(error_score="raise").fit(X, Y)
        del grid["method"], grid["method__angle_weight"]
        search.fit(X, Y, sample_domain=domain_of_labelled(100))
        assert search.best_estimator_.teacher_.max_depth == 2
        frozen = FrozenEstimator(LogisticRegression().fit(X, Y))
        scores = cross_val_score(
            student.set_params(teacher=frozen),
            X,
            Y,
            cv=2,
            params={"sample_domain": domain_of_labelled(100)},
        )
        assert len(scores) == 2


def test_methods_are_searchable():
    teacher = FrozenEstimator(FineTuneClassifier(**FAST).fit(X, Y))
    search = GridSearchCV(
        DistillationClassifier(teacher, method=FitNet(), **FAST),
        {"method__weight": [0.1, 10.0]},
        cv=2,
    ).fit(X, Y)
    assert search.best_estimator_.method_.weight in (0.1, 10.0)


def test_in_a_pipeline_that_routes_the_domain():
    with config_context(enable_metadata_routing=True):
        model = make_pipeline(
            StandardScaler(), DistillationClassifier(LogisticRegression(), **FAST)
        )
        model.fit(X, Y, sample_domain=domain_of_labelled(60))
        assert model[-1].teacher_.n_features_in_ == 5
        assert 0 <= model.score(X, Y, sample_domain=domain_of_labelled(60)) <= 1
