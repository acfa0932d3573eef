"""Bad teachers, classes and rows: one clear error, and nothing is changed.

Each case names what the message must hold: the parameter or row, the value, the cure.
"""

import pickle
import re

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from skorch.callbacks import Callback
from torch import nn

from sktransfer import (
    DistillationClassifier,
    FineTuneClassifier,
    FineTuneRegressor,
)
from sktransfer.distillation import KD, DistillationMethod, FitNet

from ..nets import images, table, tiny_backbone

X, Y = table(40, 5, 3)
NAMED = np.array(["ash", "beech", "cedar"])[Y]
PIXELS, LABELS = images(12)
FAST = {"max_epochs": 1, "random_state": 0}
FOREST = RandomForestClassifier(3, random_state=0)
FROZEN = FrozenEstimator(LogisticRegression().fit(X, Y))
OURS = FrozenEstimator(FineTuneClassifier(**FAST).fit(X, Y))
UNLABELLED = np.full(40, -1)


def _fails(match, teacher=None, rows=(X, Y), error=(TypeError, ValueError), **settings):
    """Assert one clear error of `fit`, after which the model is what it was."""
    fit_settings = {
        key: settings.pop(key)
        for key in ("sample_domain", "sample_weight", "X_val", "y_val")
        if key in settings
    }
    model = DistillationClassifier(teacher, **(FAST | settings))
    before = dict(vars(model))
    with pytest.raises(error) as info:
        model.fit(*rows, **fit_settings)
    assert re.search(match, str(info.value), re.DOTALL), str(info.value)
    assert vars(model) == before


TEACHERS = {
    "a class": (RandomForestClassifier, r"teacher=RandomForestClassifier is a class"),
    "a name": ("resnet18", "teacher='resnet18' is no teacher. Pass a classifier"),
    "a number": (3, "teacher=3 is no teacher"),
    "no predict_proba": (
        LinearSVC(),
        r"teacher=LinearSVC\(\) has no predict_proba.*CalibratedClassifierCV",
    ),
    "no frozen predict_proba": (
        FrozenEstimator(LinearSVC().fit(X, Y)),
        "has no predict_proba",
    ),
    "a regressor": (FineTuneRegressor(), "has no predict_proba"),
    "no one": ([], r"teacher=\[\] is empty"),
    "one of two": ([FOREST, "resnet18"], "teacher='resnet18' is no teacher"),
}


@pytest.mark.parametrize("case", TEACHERS)
def test_teachers(case):
    teacher, match = TEACHERS[case]
    _fails(match, teacher)


@pytest.mark.parametrize("teacher", [RandomForestClassifier(), FineTuneClassifier()])
def test_an_unfitted_teacher_that_is_frozen(teacher):
    match = r"teacher=FrozenEstimator\(.*not fitted. Fit it first, or pass it without"
    _fails(match, FrozenEstimator(teacher), error=NotFittedError)


@pytest.mark.parametrize("method", ["fitnet", "rkd", FitNet()])
@pytest.mark.parametrize("teacher", [FOREST, FROZEN, [OURS, FROZEN]])
def test_features_that_a_classifier_does_not_have(method, teacher):
    match = r"method=\w+\(\) learns from features, which teacher=.*does not have.*'kd'"
    _fails(match, teacher, method=method)


def test_features_that_a_module_does_not_return():
    match = "method=RKD.*returns logits alone. Let it return a tuple of logits and fea"
    _fails(match, nn.Linear(5, 3), method="rkd")


@pytest.mark.parametrize("teacher", [FOREST, FROZEN, OURS, nn.Linear(5, 3)])
def test_teachers_that_cannot_be_trained_along(teacher):
    match = r"can't be trained along.*method=Mutual\(\).*Pass FineTuneClassifier"
    _fails(match, teacher, method="mutual")


class Returns(nn.Module):
    """Returns what a function makes of a batch."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda x: {"logits": x[:, :3]}, "of 40 rows .* logits of dict, not a tensor"),
        (lambda x: [x[:, :3], x], "logits of list"),
        (lambda x: x[:7, :3], r"logits of shape \(7, 3\), not a tensor \(40, n\)"),
        (lambda x: x.sum(), r"logits of shape \(\)"),
        (lambda x: (x[:, :3], x[:7]), r"features of shape \(7, 5\).*Wrap it"),
    ],
    ids=["dict", "list", "rows", "scalar", "features"],
)
def test_a_module_that_returns_something_else(make, match):
    _fails(match, Returns(make))


def test_a_module_that_takes_something_else():
    match = r"teacher: the Linear cannot compute a batch of shape \(40, 5\) \(.*mat1 .*"
    _fails(match + "wrap it in a module", torch.nn.Linear(6, 3))


@pytest.mark.parametrize("n_logits", [2, 4])
def test_a_wrong_number_of_logits(n_logits):
    match = rf"returned a batch of shape \(40, {n_logits}\), not logits \(n, 3\).*Pass"
    _fails(match, nn.Linear(5, n_logits))


def test_a_wrong_number_of_names():
    names = ["ash", "beech", "cedar", "yew"]
    match = r"batch of shape \(40, 3\), not logits \(n, 4\)"
    _fails(match, nn.Linear(5, 3), (X, NAMED), teacher_classes=names)


def test_names_of_classes_for_a_teacher_that_has_them():
    _fails("teacher_classes=.*is none. Leave", FOREST, teacher_classes=[0, 1, 2])


@pytest.mark.parametrize(
    ("teacher", "y", "match"),
    [
        (FROZEN, NAMED, r"only y has \['ash'.*only the teacher has \[0, 1, 2\]"),
        (FROZEN, Y + 1, r"only y has \[3\], only the teacher has \[0\].*Name the"),
        (FROZEN, Y.astype(str), r"only y has \['0', '1', '2'\].*1 and '1' differ"),
        ([OURS, FROZEN], Y + 1, r"only y has \[3\]"),
    ],
    ids=["names", "shifted", "strings", "ensemble"],
)
def test_classes_that_the_teacher_does_not_know(teacher, y, match):
    _fails(match, teacher, (X, y))


def test_predictions_that_are_not_finite():
    module = nn.Linear(5, 3)
    nn.init.constant_(module.bias, torch.nan)
    _fails("predicts NaN or infinity, first for row 0", module)


def test_images_for_a_teacher_of_tables():
    with pytest.raises(ValueError, match="Found array with dim 4"):
        DistillationClassifier(FOREST, tiny_backbone(), **FAST).fit(PIXELS, LABELS)


# --- rows and labels


def test_no_y():
    match = "requires y to be passed, but the target y is None. Only with fitted teach"
    _fails(match, FOREST, (X, None))
    match = "sample_domain marks row 1 as labelled, but y is None"
    domain = np.where(np.arange(40) % 2, 1, -1)
    _fails(match, FROZEN, (X, None), sample_domain=domain)


@pytest.mark.parametrize("teacher", [None, FOREST, [FROZEN, FOREST]])
def test_no_label_for_a_teacher_that_is_to_be_fitted(teacher):
    match = "sample_domain is negative for every row.*pass teacher=FrozenEstimator"
    _fails(match, teacher, sample_domain=UNLABELLED)


def test_no_label_and_nothing_that_names_the_classes():
    match = "teacher_classes must name the classes.*no row has a label"
    _fails(match, nn.Linear(5, 3), sample_domain=UNLABELLED)
    other = FrozenEstimator(LogisticRegression().fit(X, NAMED))
    match = r"teacher: the classes \[0, 1, 2\] and \['ash', 'beech', 'cedar'\] differ"
    _fails(match, [FROZEN, other], sample_domain=UNLABELLED)


def test_domains():
    _fails("sample_domain has 39 values for 40", FROZEN, sample_domain=UNLABELLED[1:])
    _fails("one whole number per row", FROZEN, sample_domain=UNLABELLED + 0.5)


def test_early_stopping_without_labels():
    match = "early_stopping=True needs labelled rows to watch: pass X_val and y_val"
    _fails(match, FROZEN, sample_domain=UNLABELLED, early_stopping=True)


def test_score_of_sentinels():
    domain = np.where(np.arange(40) < 20, 1, -1)
    y = np.where(domain > 0, NAMED, "?")
    student = DistillationClassifier(FOREST, **FAST).fit(X, y, domain)
    assert 0 <= student.score(X, y, sample_domain=domain) <= 1
    with pytest.raises(ValueError, match="labels that are not among the classes"):
        student.score(X, y)


# --- parameters


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0},
        {"temperature": -1.0},
        {"alpha": 1.5},
        {"alpha": -0.1},
        {"method": 3},
        {"teacher_classes": 5},
    ],
    ids=str,
)
def test_parameters_out_of_range(settings):
    (name,) = settings
    _fails(f"The '{name}' parameter of DistillationClassifier", FROZEN, **settings)


def test_methods():
    _fails(r"method='hint' is not known. Choose from \['dist'", FROZEN, method="hint")
    _fails("method=KD is a class: pass an instance", FROZEN, method=KD)


def test_methods_of_ones_own():
    class Nothing(DistillationMethod):
        pass

    class ByRow(DistillationMethod):
        def loss(self, batch, aux):
            return (batch.logits - batch.teacher_logits).square().mean(1)

    match = "Nothing does not define loss"
    _fails(match, FROZEN, error=NotImplementedError, method=Nothing())
    match = r"ByRow.loss must return a scalar tensor, not torch.Size\(\[40\]\)"
    _fails(match, FROZEN, method=ByRow())


def test_a_class_that_two_logits_stand_for():
    match = "teacher_classes=.* names a class twice"
    _fails(match, nn.Linear(5, 4), teacher_classes=[0, 1, 1, 2])


def test_augmenting_a_table():
    _fails("augment='light' is for images, but X is a table", FROZEN, augment="light")


@pytest.mark.parametrize("augment", ["mixup", ["light", "cutmix"]])
def test_mixed_images_that_nobody_could_judge(augment):
    class FlatForest(RandomForestClassifier):
        def fit(self, X, y):
            return super().fit(X.reshape(len(X), -1), y)

        def predict_proba(self, X):
            return super().predict_proba(X.reshape(len(X), -1))

    settings = {"backbone": tiny_backbone(), "augment": augment}
    match = r"augment=.*mixes images, of which teacher=FlatForest.* was not asked"
    _fails(match, FlatForest(3), (PIXELS, LABELS), **settings)
    domain = np.where(np.arange(12) < 8, 1, -1)
    teacher = FineTuneClassifier(tiny_backbone(), **FAST)
    rows = (PIXELS, LABELS)
    match = "augment=.*mixes the labels of rows, which unlabelled rows"
    _fails(match, teacher, rows, sample_domain=domain, **settings)
    DistillationClassifier(teacher, **(FAST | settings)).fit(*rows)  # nets see the mix


class Failing(nn.Module):
    """Changes its mode and fails, late."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 3)

    def forward(self, rows):
        self.train()
        raise RuntimeError("the teacher fails")


class Stumbling(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise RuntimeError("in the middle")


def test_a_failing_fit_leaves_teachers_and_student_alone():
    module = Failing().eval()
    _fails("the teacher fails", module)
    assert not module.training
    student = DistillationClassifier(OURS, **FAST).fit(X, Y)
    before, of_student = pickle.dumps(OURS), dict(vars(student))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        student.fit(X, Y, X_val=np.full((2, 5), np.nan), y_val=[0, 1])
    student.set_params(callbacks=[Stumbling()])
    with pytest.raises(RuntimeError, match="in the middle"):
        student.fit(X, Y)
    assert pickle.dumps(OURS) == before
    kept = {name: value for name, value in vars(student).items() if name[-1] == "_"}
    assert kept.items() <= of_student.items()
