"""Parameters that do not go together, or with the rows: one clear error each."""

import numpy as np
import pytest
import torch

from sktransfer import FineTuneClassifier, FineTuneRegressor, PretrainedFeatureExtractor

from .nets import name_of
from .refusals import LABELS, PIXELS, X, Y, assert_refused, call_of_fit


def test_more_trainable_stages_than_there_are():
    model = FineTuneClassifier(strategy="partial", n_trainable_stages=3)
    assert_refused(
        model,
        "n_trainable_stages=3, but the backbone has 2 stages",
        call_of_fit(model, X, Y),
    )


def test_cv_with_one_row_of_a_class():
    model = FineTuneClassifier(strategy="linear_probe", C="cv")
    y = np.r_[1, np.zeros(29, int)]
    assert_refused(
        model,
        r"C='cv' needs at least 2 rows of every class.*has 1",
        call_of_fit(model, X, y),
    )


def test_early_stopping_with_too_few_rows():
    model = FineTuneClassifier(early_stopping=True)
    y = np.r_[1, np.zeros(29, int)]
    message = r"early_stopping=True cannot set validation_fraction=0.1 of 30 rows aside"
    assert_refused(model, message + ".*Pass X_val", call_of_fit(model, X, y))


def test_early_stopping_in_partial_fit():
    model = FineTuneClassifier(early_stopping=True)
    message = "early_stopping=True needs validation rows.*Use fit"
    assert_refused(model, message, lambda: model.partial_fit(X, Y, classes=[0, 1]))


def test_balanced_weights_in_partial_fit():
    model = FineTuneClassifier(class_weight="balanced")
    message = "class_weight='balanced' needs all rows at once.*Pass a dict"
    assert_refused(model, message, lambda: model.partial_fit(X, Y, classes=[0, 1]))


def test_first_partial_fit_without_classes():
    model = FineTuneClassifier()
    assert_refused(
        model,
        "classes must be passed in the first call",
        lambda: model.partial_fit(X, Y),
    )


def test_partial_fit_with_new_labels():
    model = FineTuneClassifier().partial_fit(X, Y, classes=[0, 1])
    message = r"y has labels that are not among the classes \[0 1\]: \[2\].*Drop"
    assert_refused(model, message, lambda: model.partial_fit(X, Y + 1))


def test_partial_fit_with_other_classes():
    model = FineTuneClassifier().partial_fit(X, Y, classes=[0, 1])
    message = r"classes=\[0, 1, 2\] differ from those of the first call"
    assert_refused(model, message, lambda: model.partial_fit(X, Y, classes=[0, 1, 2]))


def test_partial_fit_with_other_outputs():
    model = FineTuneRegressor().partial_fit(X, X[:, :2])
    assert_refused(
        model, "y has 3 outputs.* fitted on 2", lambda: model.partial_fit(X, X[:, :3])
    )


def test_image_size_of_a_vision_transformer():
    model = FineTuneClassifier("vit_b_32", weights=None, image_size=100, max_epochs=1)
    assert_refused(
        model,
        r"image_size.*vit_b_32|vit_b_32.*image_size",
        call_of_fit(model, PIXELS, LABELS),
    )


def test_scheduler_beside_a_schedule():
    from skorch.callbacks import LRScheduler

    model = FineTuneClassifier(callbacks=[LRScheduler()])
    assert_refused(
        model,
        r"LRScheduler.*lr_schedule='one_cycle'.*'constant'",
        call_of_fit(model, X, Y),
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="This machine has CUDA.")
@pytest.mark.parametrize(
    "model",
    [FineTuneClassifier(device="cuda"), PretrainedFeatureExtractor(device="cuda")],
    ids=name_of,
)
def test_a_device_that_is_not_there(model):
    assert_refused(
        model,
        r"device='cuda' cannot be used here.*'auto' or 'cpu'",
        call_of_fit(model, X, Y),
    )
