"""Bad parameters of the public estimators: one clear error, and nothing is broken.

Each case names what the message must hold: the parameter or row, the value, the cure.
"""

from functools import partial

import pytest
import torch

from sktransfer import FineTuneClassifier, FineTuneRegressor, PretrainedFeatureExtractor
from sktransfer.finetuning import BSS, L2SP, CrossEntropy, Focal

from .nets import name_of, tiny_backbone
from .refusals import LABELS, PIXELS, X, Y, assert_refused, call_of_fit

# Of each parameter: a value, and the words of the message
PARAMETERS = {
    "strategy": [("fulls", "strategy.*fulls"), (None, "strategy.*None")],
    "backbone": [
        ("resnet19", "resnet19.*Did you mean.*resnet18"),
        (3, "backbone.*3"),
        (nn_class := torch.nn.Linear, "backbone=.*Linear.*must be"),
        ("nowhere.safetensors", "nowhere.safetensors"),
    ],
    "weights": [(3, "weights.*3")],
    "head": [
        ((0,), r"head=\(0,\) must be 'linear' or a tuple of positive integers"),
        (("a",), r"head=\('a',\) must be 'linear'"),
        ((), r"head=\(\) must be 'linear'"),
        ((2.5,), r"head=\(2.5,\) must be"),
        ("deep", "head.*deep"),
        (16, "head.*16"),
    ],
    "loss": [
        ("crossentropy", "loss.*crossentropy"),
        (Focal, r"loss=Focal is a class: pass an instance, Focal\(\)"),
        (Focal(gamma=-1), "gamma.*Focal.*-1"),
        (CrossEntropy(label_smoothing=2), "label_smoothing.*2"),
        (object(), "loss.*object"),
    ],
    "regularizer": [
        ("l3sp", "regularizer.*l3sp"),
        (L2SP, r"regularizer=L2SP is a class: pass an instance"),
        (L2SP(alpha=-1), "alpha.*L2SP.*-1"),
        (BSS(k=0), "k.*BSS.*0"),
    ],
    "class_weight": [
        ("unbalanced", "class_weight.*unbalanced"),
        ({0: 1, 7: 2}, r"class.*\[1\].*class_weight"),
        ({0: 1, 1: -1}, r"class_weight=.*-1.*must hold positive numbers"),
        ({0: 1, 1: 0}, r"class_weight=.*must hold positive numbers: leave out"),
    ],
    "C": [(0, "'C'.*0"), (-1.0, "'C'.*-1"), ("best", "'C'.*best")],
    "n_trainable_stages": [(-1, "n_trainable_stages.*-1"), (1.5, "n_trainable.*1.5")],
    "max_epochs": [(0, "max_epochs.*0"), ("all", "max_epochs.*all")],
    "batch_size": [(0, "batch_size.*0"), (2.5, "batch_size.*2.5")],
    "lr": [(0, "'lr'.*0"), (-0.1, "'lr'.*-0.1"), ("fast", "'lr'.*fast")],
    "backbone_lr_ratio": [
        (-1, "backbone_lr_ratio.*-1"),
        ((0.1,), r"backbone_lr_ratio=\(0.1,\) must be a number or a pair"),
        ((0.1, 0.2, 0.3), r"backbone_lr_ratio=\(0.1, 0.2, 0.3\) must be"),
        ((0.0, 1.0), r"backbone_lr_ratio=\(0.0, 1.0\) must be .* positive"),
        (("a", "b"), r"backbone_lr_ratio=\('a', 'b'\) must be"),
    ],
    "lr_schedule": [("two_cycle", "lr_schedule.*two_cycle")],
    "optimizer": [
        ("adamm", "optimizer.*adamm"),
        (print, r"optimizer=<built-in function print> cannot be built.*Use one of"),
        (partial(torch.optim.SGD, speed=1), "optimizer=.*speed.*Use one of"),
        (torch.optim.LBFGS, "optimizer=.*LBFGS.*cannot be built"),
        (3, "optimizer.*3"),
    ],
    "weight_decay": [(-1, "weight_decay.*-1"), ("some", "weight_decay.*some")],
    "early_stopping": [("yes", "early_stopping.*yes")],
    "validation_fraction": [(0, "validation_fraction.*0"), (1.5, "valid.*1.5")],
    "n_iter_no_change": [(0, "n_iter_no_change.*0")],
    "precision": [("fp8", "precision.*fp8")],
    "compile": [("fast", "compile.*fast")],
    "device": [("gpu", "device='gpu' cannot be used here.*'cpu'"), (3.5, "device=3.5")],
    "num_workers": [(-1, "num_workers.*-1")],
    "callbacks": [
        ("ema", "callbacks.*ema"),
        ([1], "callbacks holds 1, which is no skorch callback. Pass instances"),
    ],
    "warm_start": [("yes", "warm_start.*yes")],
    "random_state": [("seed", "random_state.*seed")],
    "augment": [
        (
            "light",
            "augment='light' is for images, but X is a table. Leave augment=None",
        ),
        (3, "augment.*3"),
    ],
    "n_views": [
        (0, "n_views.*0"),
        (11, "n_views.*11"),
        (2, "n_views=2 is for images, but X is a table. Leave n_views=1"),
    ],
    "image_size": [
        (0, "image_size.*0"),
        (32, "image_size=32 is for images, but X is a table. Leave image_size=None"),
    ],
    "input_shape": [
        ((2, 2), r"input_shape=\(2, 2\) asks for 4 columns, but X has 5"),
        ((5,), r"input_shape=\(5,\) must be"),
        ((1, 5, 2), r"input_shape=\(1, 5, 2\) must be"),
        (5, "input_shape.*5"),
    ],
}
CASES = [(n, value, match) for n, cases in PARAMETERS.items() for value, match in cases]


@pytest.mark.parametrize(("name", "value", "match"), CASES, ids=name_of)
def test_parameters(name, value, match):
    model = FineTuneClassifier(**{"max_epochs": 2, name: value})
    assert_refused(model, match, lambda: model.fit(X, Y))


REGRESSOR_PARAMETERS = [
    ("loss", "cross_entropy", "loss.*cross_entropy"),
    ("augment", "mixup", r"augment='mixup'"),
    ("strategy", "best", "strategy.*best"),
    ("C", -1, "'C'.*-1"),
]


@pytest.mark.parametrize(("name", "value", "match"), REGRESSOR_PARAMETERS, ids=name_of)
def test_parameters_of_the_regressor(name, value, match):
    model = FineTuneRegressor(**{name: value})
    assert_refused(model, match, lambda: model.fit(X, Y))


def test_labels_cannot_be_mixed_in_a_regression():
    model = FineTuneRegressor(tiny_backbone(), augment="mixup", max_epochs=1)
    assert_refused(
        model,
        r"augment='mixup' mixes class labels.*use 'light'",
        call_of_fit(model, PIXELS, LABELS),
    )


EXTRACTOR_PARAMETERS = [
    ("layers", "stage1", "layers.*stage1"),
    ("layers", [7], r"layers: 7 is no stage.*Choose from"),
    ("layers", ["stage9"], r"layers: 'stage9' is no stage.*Choose from"),
    ("layers", [], r"layers=\[\]"),
    ("pooling", "mean", "pooling.*mean"),
    ("n_views", 2, "n_views=2 is for images, but X is a table"),
    ("batch_size", 0, "batch_size.*0"),
    ("device", "gpu", "device='gpu' cannot be used"),
]


@pytest.mark.parametrize(("name", "value", "match"), EXTRACTOR_PARAMETERS, ids=name_of)
def test_parameters_of_the_extractor(name, value, match):
    model = PretrainedFeatureExtractor(**{name: value})
    assert_refused(model, match, lambda: model.fit(X))


@pytest.mark.parametrize("value", ["strong", ["light", 3], object()], ids=name_of)
def test_augmentations_that_are_none(value):
    model = FineTuneClassifier(tiny_backbone(), augment=value, max_epochs=1)
    assert_refused(model, "augment", call_of_fit(model, PIXELS, LABELS))


def test_a_loss_that_fails_is_not_hidden():
    class Bad:
        def loss(self, logits, y, class_counts=None):
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        FineTuneClassifier(loss=Bad(), strategy="full").fit(X, Y)
