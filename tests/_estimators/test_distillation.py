"""DistillationClassifier: teachers of every kind, classes, rows without labels."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from sktransfer import DistillationClassifier, FineTuneClassifier
from sktransfer.distillation import RKD, FitNet
from sktransfer.distillation._resolve import NAMES

from ..nets import images, same_state, state_of, table, tiny_backbone, write_images

X, Y = table(120, 5, 3)
NAMED = np.array(["ash", "beech", "cedar"])[Y]
FAST = {"max_epochs": 2, "random_state": 0}
# Learns nothing from labels, and as exactly as it can what the teacher says.
COPYING = {"alpha": 1.0, "temperature": 1.0, "max_epochs": 150, "random_state": 0}


def _gap(student, probabilities):
    return np.abs(student.predict_proba(X) - probabilities).max()


def test_a_classifier_of_scikit_learn():
    teacher = LogisticRegression()
    student = DistillationClassifier(teacher, **COPYING).fit(X, NAMED)
    assert not hasattr(teacher, "coef_")
    assert isinstance(student.teacher_, LogisticRegression)
    assert_array_equal(student.teacher_.coef_, clone(teacher).fit(X, NAMED).coef_)
    assert _gap(student, student.teacher_.predict_proba(X)) < 0.05
    assert_array_equal(student.classes_, ["ash", "beech", "cedar"])


def test_a_pipeline():
    teacher = make_pipeline(StandardScaler(), LogisticRegression())
    student = DistillationClassifier(teacher, **COPYING).fit(X, NAMED)
    assert _gap(student, student.teacher_.predict_proba(X)) < 0.05


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
    assert _gap(student, teacher.predict_proba(X)) < 0.05


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
    assert _gap(student, mean) < 0.1


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
    assert _gap(student, told) < 0.05


def test_a_module_whose_logits_have_names():
    names = ["cedar", "yew", "ash", "beech"]
    module = _linear(n_classes=4)
    student = DistillationClassifier(module, teacher_classes=names, **COPYING)
    student.fit(X, NAMED)
    told = module(torch.tensor(X).float())[:, [2, 3, 0]].softmax(1).detach().numpy()
    assert _gap(student, told) < 0.05


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


def _domain(n_labelled):
    return np.where(np.arange(len(X)) < n_labelled, 1, -1)


def test_labels_of_unlabelled_rows_are_never_read():
    sample_domain = _domain(40)
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
    more.fit(X, Y, sample_domain=_domain(6))
    told = teacher.predict_proba(X)
    assert _gap(more, told) < 0.1 < 0.3 < _gap(few, told)


@pytest.mark.parametrize("y", [None, NAMED], ids=["without y", "with y"])
def test_no_row_is_labelled(y):
    teacher = FrozenEstimator(LogisticRegression().fit(X, NAMED))
    student = DistillationClassifier(teacher, **COPYING)
    student.fit(X, y, sample_domain=_domain(0))
    assert_array_equal(student.classes_, ["ash", "beech", "cedar"])
    assert _gap(student, teacher.predict_proba(X)) < 0.05
    assert "train_acc" not in student.history_[-1]


def test_a_module_alone_knows_classes_by_name_only():
    names = ["x", "y", "z"]
    student = DistillationClassifier(_linear(), teacher_classes=names, **FAST).fit(X)
    assert_array_equal(student.classes_, names)


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
    sample_domain = _domain(60)
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
    student.fit(X, Y, sample_domain=_domain(80))
    assert student.teacher_.tree_.n_node_samples[0] == 60
    assert "valid_acc" in student.history_[-1]


def test_own_validation_rows():
    student = DistillationClassifier(LogisticRegression(), early_stopping=True, **FAST)
    student.fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    assert len(student.history_[:, "valid_loss"]) == 2


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
        search.fit(X, Y, sample_domain=_domain(100))
        assert search.best_estimator_.teacher_.max_depth == 2
        frozen = FrozenEstimator(LogisticRegression().fit(X, Y))
        scores = cross_val_score(
            student.set_params(teacher=frozen),
            X,
            Y,
            cv=2,
            params={"sample_domain": _domain(100)},
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
        model.fit(X, Y, sample_domain=_domain(60))
        assert model[-1].teacher_.n_features_in_ == 5
        assert 0 <= model.score(X, Y, sample_domain=_domain(60)) <= 1
