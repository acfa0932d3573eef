"""Our callbacks against independent computations, and skorch's with our net."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.metrics import f1_score
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
)

from sktransfer import FineTuneClassifier
from sktransfer.callbacks import ClipGradient, WeightAverage

from ..nets import images, name_of, same_state, state_of, table, tiny_backbone

X, Y = table(60)
SETTINGS = {"max_epochs": 4, "batch_size": 16, "random_state": 0}


class Record(Callback):
    """Keeps what happens on the class, since callbacks are copied."""

    norms = ()
    steps = ()
    epochs = ()

    def on_train_begin(self, net, **kwargs):
        cls = type(self)
        cls.norms, cls.steps, cls.epochs = [], [], []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        grads = [p.grad for _, p in named_parameters if p.grad is not None]
        self.norms.append(torch.cat([g.flatten() for g in grads]).norm().item())

    def on_batch_end(self, net, training, **kwargs):
        if training:
            self.steps.append(state_of(net.module_))

    def on_epoch_end(self, net, **kwargs):
        self.epochs.append(state_of(net.module_))


def _fit(*callbacks, **parameters):
    model = FineTuneClassifier(callbacks=list(callbacks), **SETTINGS | parameters)
    return model.fit(X, Y, X_val=X[:20], y_val=Y[:20])


def _fit_images(*callbacks, **parameters):
    model = FineTuneClassifier(
        tiny_backbone(),
        callbacks=list(callbacks),
        **SETTINGS | {"batch_size": 8, "strategy": "full"} | parameters,
    )
    return model.fit(*images())


def test_gradients_are_clipped():
    _fit(Record())
    free = np.array(Record.norms)
    _fit(ClipGradient(0.01), Record())
    clipped = np.array(Record.norms)
    assert free[0] > 0.01
    assert_allclose(clipped[0], 0.01, rtol=1e-4)
    assert clipped.max() < 0.01 + 1e-6


def test_a_clip_above_every_norm_changes_nothing():
    plain, clipped = _fit(), _fit(ClipGradient(1e9))
    assert np.array_equal(plain.predict_proba(X), clipped.predict_proba(X))


def _ema(states, most):
    average = copy.deepcopy(states[0])
    for number, state in enumerate(states[1:]):
        decay = min(most, (number + 2) / (number + 11))
        for key, value in state.items():
            if value.is_floating_point():
                average[key] = decay * average[key] + (1 - decay) * value
    return average


def _mean(states):
    return {k: torch.stack([s[k].double() for s in states]).mean(0) for k in states[0]}


@pytest.mark.parametrize("fit", [_fit, _fit_images])
@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_the_average_is_that_of_the_weights_along_training(fit, kind):
    # batch-norm statistics are among them in the net for images
    callback = (
        WeightAverage("ema", 0.8) if kind == "ema" else WeightAverage("swa", start=0.4)
    )
    model = fit(Record(), callback)
    if kind == "ema":
        expected = _ema(Record.steps, 0.8)
    else:
        expected = _mean(Record.epochs[2 - 1 :])  # epochs 2, 3, 4 of 4
    for key, value in model.net_.module_.state_dict().items():
        if value.is_floating_point():
            assert_allclose(value, expected[key], rtol=1e-5, atol=1e-7, err_msg=key)


def test_averages_leave_frozen_stages_as_they_are():
    model = _fit_images(WeightAverage("swa", start=0.0), strategy="partial")
    for before, after in zip(
        tiny_backbone().stages[:2], model.backbone_.stages[:2], strict=True
    ):
        assert same_state(before.state_dict(), after.state_dict())


def test_an_average_outlives_early_stopping():
    model = _fit(
        Record(), WeightAverage(decay=0.8), early_stopping=True, n_iter_no_change=1
    )
    expected = _ema(Record.steps, 0.8)
    for key, value in model.net_.module_.state_dict().items():
        assert_allclose(value, expected[key], rtol=1e-6, atol=1e-9)


def test_kind_of_average_is_checked():
    with pytest.raises(ValueError, match="kind must be 'ema' or 'swa', got 'mean'"):
        _fit(WeightAverage("mean"))


@pytest.mark.parametrize(
    "callback",
    [
        ClipGradient(0.0),
        ClipGradient(-1.0),
        WeightAverage(decay=1.0),
        WeightAverage("swa", start=5),
    ],
)
def test_settings_without_effect_or_sense_are_refused(callback):
    with pytest.raises(ValueError, match=f"of {type(callback).__name__} must be"):
        _fit(callback)


def test_callbacks_of_the_caller_stay_as_they_are():
    callbacks = [EarlyStopping(monitor="train_loss"), WeightAverage(), ("a", Record())]
    before = [vars(c).copy() for c in (callbacks[0], callbacks[1], callbacks[2][1])]
    _fit(*callbacks)
    assert [vars(c) for c in (callbacks[0], callbacks[1], callbacks[2][1])] == before


def test_classes_of_callbacks_are_made():
    assert _fit(WeightAverage, ClipGradient).n_epochs_ == 4


@pytest.mark.parametrize(
    "callbacks", [[1], ["ema"], [object()], [("name", 3)]], ids=name_of
)
def test_what_is_no_callback_is_refused(callbacks):
    with pytest.raises(TypeError, match=r"callbacks holds .* no skorch callback"):
        _fit(*callbacks)


def test_skorch_epoch_scoring():
    model = _fit(
        EpochScoring("f1_macro", lower_is_better=False, name="f1"),
        EpochScoring("accuracy", lower_is_better=False, name="train", on_train=True),
    )
    predicted = model.predict(X[:20])
    assert_allclose(
        model.history_[-1, "f1"], f1_score(Y[:20], predicted, average="macro")
    )
    # in training, accuracy is taken along the epoch
    assert_allclose(model.history_[:, "train"], model.history_[:, "train_acc"])


def test_skorch_checkpoint(tmp_path):
    model = _fit(Checkpoint(dirname=tmp_path), lr=0.3)
    best = np.argmin(model.history_[:, "valid_loss"])
    assert model.history_[:, "event_cp"][best]
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    assert saved.keys() == model.net_.module_.state_dict().keys()


def test_skorch_progress_bar_counts_batches(capsys):
    _fit(ProgressBar(detect_notebook=False))
    assert "/6" in capsys.readouterr().err  # 4 of training, 2 of validation


def test_skorch_freezer_freezes_in_every_epoch():
    model = _fit_images(Freezer("backbone.stages.1.0*"), strategy="full")
    before, after = tiny_backbone().state_dict(), model.backbone_.state_dict()
    assert torch.equal(before["stages.1.0.weight"], after["stages.1.0.weight"])
    assert not torch.equal(before["stages.0.0.weight"], after["stages.0.0.weight"])


def test_skorch_gradient_clipping():
    ours, theirs = _fit(ClipGradient(0.1)), _fit(GradientNormClipping(0.1))
    assert np.array_equal(ours.predict_proba(X), theirs.predict_proba(X))


def test_skorch_early_stopping():
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0)
    assert _fit(stop, max_epochs=20).n_epochs_ < 20


def test_skorch_scheduler_needs_a_constant_schedule():
    halving = LRScheduler("StepLR", step_size=1, gamma=0.5)
    model = _fit(halving, lr_schedule="constant", lr=0.08)
    assert_allclose(model.history_[:, "lr"], [0.08, 0.04, 0.02, 0.01])
    with pytest.raises(ValueError, match=r"lr_schedule='one_cycle' sets.*'constant'"):
        _fit(halving)


def test_callbacks_survive_a_pickle():
    model = _fit(WeightAverage(), ClipGradient(), EarlyStopping(monitor="train_loss"))
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
