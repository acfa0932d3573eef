"""DistillationClassifier: teachers of every kind, and their classes."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from sktransfer import DistillationClassifier, FineTuneClassifier
from sktransfer.distillation import FitNet
from sktransfer.distillation._resolve import NAMES

from ..nets import images, same_state, state_of, tiny_backbone, write_images
from .distilled import COPYING, FAST, NAMED, X, Y, gap_to


def test_a_classifier_of_scikit_learn():
    teacher = LogisticRegression()
    student = DistillationClassifier(teacher, **COPYING).fit(X, NAMED)
    assert not hasattr(teacher, "coef_")
    assert isinstance(student.teacher_, LogisticRegression)
    assert_array_equal(student.teacher_.coef_, clone(teacher).fit(X, NAMED).coef_)
    assert gap_to(student, student.teacher_.predict_proba(X)) < 0.05
    assert_array_equal(student.classes_, ["ash", "beech", "cedar"])


def test_a_pipeline():
    teacher = make_pipeline(StandardScaler(), LogisticRegression())
    student = DistillationClassifier(teacher, **COPYING).fit(X, NAMED)
    assert gap_to(student, student.teacher_.predict_proba(X)) < 0.05


def test_a_forest_of_zeros_and_ones():
    teacher = RandomForestClassifier(20, random_state=0)
    student = DistillationClassifier(teacher, random_state=0).fit(X, Y)
    assert (student.teacher_.predict_proba(X) == 0).any()
    assert np.isfinite(student.decision_function(X)).all()
    assert student.score(X, Y) > student.teacher_.score(X, Y) - 0.05


def test_a_fitted_classifier_is_cloned_and_refitted_as_scikit_learn_does():
    teacher = FineTuneClassifier(**FAST).fit(X[:60], Y[:60])
    student = DistillationClassifier(teacher, **FAST).fit(X, Y)
    assert student.teacher_ is not teacher
    anew = clone(teacher).fit(X, Y)
    assert_array_equal(student.teacher_.predict_proba(X), anew.predict_proba(X))


def test_frozen_ones_are_used_as_they_are():
    teacher = FineTuneClassifier(max_epochs=30, random_state=0).fit(X, NAMED)
    before = pickle.dumps(teacher)
    frozen = FrozenEstimator(teacher)
    student = DistillationClassifier(frozen, **COPYING).fit(X, NAMED)
    assert student.teacher_ is frozen
    assert pickle.dumps(teacher) == before
    assert gap_to(student, teacher.predict_proba(X)) < 0.05


class Turned(ClassifierMixin, BaseEstimator):
    """A logistic regression whose classes are in the opposite order."""

    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_[::-1]
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)[:, ::-1]


def test_classes_in_another_order():
    plain, turned = (
        DistillationClassifier(teacher, **FAST).fit(X, NAMED)
        for teacher in (LogisticRegression(), Turned())
    )
    assert_array_equal(plain.predict_proba(X), turned.predict_proba(X))


def test_classes_that_only_the_teacher_knows_are_left_out():
    teacher = LogisticRegression().fit(X, NAMED)
    few = NAMED != "beech"
    student = DistillationClassifier(FrozenEstimator(teacher), **COPYING)
    student.fit(X[few], NAMED[few])
    assert_array_equal(student.classes_, ["ash", "cedar"])
    told = teacher.predict_proba(X[few])[:, [0, 2]]
    told /= told.sum(axis=1, keepdims=True)
    assert np.abs(student.predict_proba(X[few]) - told).max() < 0.05


def test_an_ensemble_teaches_the_mean_of_its_probabilities():
    first = FrozenEstimator(LogisticRegression(C=100).fit(X, Y))
    second = DecisionTreeClassifier(max_depth=1)
    student = DistillationClassifier([first, second], **COPYING).fit(X, Y)
    assert student.teacher_[0] is first
    mean = np.mean([t.predict_proba(X) for t in student.teacher_], axis=0)
    assert gap_to(student, mean) < 0.1


def test_features_of_an_ensemble_are_joined():
    teachers = [FineTuneClassifier(**FAST), FineTuneClassifier("mlp_wide", **FAST)]
    widths = []

    class Noting(FitNet):
        def build(self, n_features, n_teacher_features):
            widths.append((n_features, n_teacher_features))
            return super().build(n_features, n_teacher_features)

    DistillationClassifier(teachers, method=Noting(), **FAST).fit(X, Y)
    assert widths == [(64, 64 + 256)]


def _linear(n_inputs=5, n_classes=3):
    torch.manual_seed(0)
    return nn.Linear(n_inputs, n_classes)


def test_a_module():
    module = nn.Sequential(_linear(), nn.Dropout(0.5)).train()
    before = state_of(module)
    student = DistillationClassifier(module, **COPYING).fit(X, NAMED)
    assert student.teacher_ is module
    assert module.training
    assert all(p.requires_grad and p.grad is None for p in module.parameters())
    assert same_state(state_of(module), before)
    told = module[0](torch.tensor(X).float()).softmax(1).detach().numpy()
    assert gap_to(student, told) < 0.05


def test_a_module_whose_logits_have_names():
    names = ["cedar", "yew", "ash", "beech"]
    module = _linear(n_classes=4)
    student = DistillationClassifier(module, teacher_classes=names, **COPYING)
    student.fit(X, NAMED)
    told = module(torch.tensor(X).float())[:, [2, 3, 0]].softmax(1).detach().numpy()
    assert gap_to(student, told) < 0.05


class WithFeatures(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = _linear()

    def forward(self, rows):
        return self.linear(rows), torch.tanh(rows)


@pytest.mark.parametrize("method", ["fitnet", "rkd"])
def test_a_module_that_returns_features_too(method):
    student = DistillationClassifier(WithFeatures(), method=method, **FAST).fit(X, Y)
    assert np.isfinite(student.history_[-1][f"{method}_loss"])


def test_a_module_alone_knows_classes_by_name_only():
    names = ["x", "y", "z"]
    student = DistillationClassifier(_linear(), teacher_classes=names, **FAST).fit(X)
    assert_array_equal(student.classes_, names)


def test_without_a_teacher_a_wider_net_is_trained():
    student = DistillationClassifier(random_state=0).fit(X, Y)
    assert isinstance(student.teacher_, FineTuneClassifier)
    assert (student.backbone_.name, student.teacher_.backbone_.name) == (
        "mlp",
        "mlp_wide",
    )
    assert student.teacher_.n_epochs_ == student.n_epochs_
    assert student.teacher_.score(X, Y) > 0.9


@pytest.mark.filterwarnings("ignore::sktransfer.exceptions.RandomWeightsWarning")
@pytest.mark.parametrize("method", NAMES)
def test_images_and_paths_with_every_method(method, tmp_path):
    pixels, y = images(16)
    paths = write_images(pixels, tmp_path)
    model = DistillationClassifier(
        backbone=tiny_backbone(), method=method, image_size=8, **FAST
    )
    for X_images in (pixels, paths, list(paths)):
        model.fit(X_images, y)
        assert model.teacher_.backbone_.name == "smallnet_wide"
        assert model.predict_proba(X_images).shape == (16, 2)


def test_images_for_a_teacher_that_is_no_net_are_not_augmented_for_it():
    pixels, y = images(16)
    asked = []

    def flat(images):
        asked.append(len(images))
        return images.reshape(len(images), -1)

    teacher = make_pipeline(FunctionTransformer(flat), DecisionTreeClassifier())
    DistillationClassifier(
        FrozenEstimator(teacher.fit(pixels, y)),
        tiny_backbone(),
        augment="light",
        **FAST,
    ).fit(pixels, y)
    assert asked == [16, 16]  # the teacher's own fit, and once by the student
