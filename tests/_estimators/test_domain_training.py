"""How the classifier trains, and what it warns of."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import Callback
from torch import nn

from sktransfer import DomainAdaptClassifier
from sktransfer.adaptation import (
    DANN,
    MCC,
    AdaptationMethod,
    DeepCORAL,
)
from sktransfer.callbacks import ClipGradient
from sktransfer.exceptions import DiscriminatorWarning

from ..nets import same_state, state_of
from .domains import DOMAIN, TARGET, X, Y, new_model, proba_of

# --- training


class _Watch(Callback):
    """Counts its calls, in the class: it is copied."""

    calls = {"epochs": 0, "batches": 0, "gradients": 0}

    def on_epoch_end(self, net, **kwargs):
        self.calls["epochs"] += 1

    def on_batch_end(self, net, batch, training, **kwargs):
        self.calls["batches"] += training

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.calls["gradients"] += 1
        assert any(p.grad is not None for _, p in named_parameters)


@pytest.mark.parametrize(("method", "learnt"), [("mcc", 1), ("shot", 1)])
def test_callbacks_hear_of_all(method, learnt):
    class Watch(_Watch):
        calls = dict.fromkeys(_Watch.calls, 0)

    model = new_model(method, callbacks=[Watch(), ClipGradient()], batch_size=10)
    model.fit(X, Y, DOMAIN)
    n_epochs = 2 if method == "mcc" else 4
    assert Watch.calls == {
        "epochs": n_epochs,
        "batches": 3 * n_epochs,
        "gradients": 3 * n_epochs * learnt,
    }


@pytest.mark.parametrize("method", [("mcc", "fixmatch"), "dann", "mcd", "adda"])
def test_early_stopping_watches_rows_of_the_source(method):
    model = new_model(
        method, early_stopping=True, n_iter_no_change=2, max_epochs=60, lr=0.05
    ).fit(X, Y, DOMAIN)
    assert "valid_loss" in model.history_[0]
    assert model.n_epochs_ < 60 * (1 + (method == "adda"))


def test_own_validation_data_are_watched_and_not_learnt_from():
    plain = new_model().fit(X, Y, DOMAIN)
    watched = new_model().fit(X, Y, DOMAIN, X_val=X[:20], y_val=Y[:20])
    assert same_state(*(state_of(m.net_.module_) for m in (plain, watched)))
    last = watched.history_[-1]
    assert {"valid_loss", "valid_acc"} <= last.keys()
    weighted = new_model().fit(
        X, Y, DOMAIN, X_val=X, y_val=Y, sample_weight_val=np.arange(60) < 20
    )
    assert_allclose(weighted.history_[-1, "valid_loss"], last["valid_loss"])


def test_validation_data_beside_a_source_without_labels():
    source = FrozenEstimator(new_model("source_only").fit(X, Y))
    model = new_model("shot", source=source).fit(X, X_val=X[:20], y_val=Y[:20])
    assert "valid_loss" in model.history_[-1]


def test_warm_start_goes_on():
    model = new_model("mcc", warm_start=True, lr_schedule="constant")
    model.fit(X, Y, DOMAIN)
    first, net = state_of(model.net_.module_), model.net_
    model.fit(X, Y, DOMAIN)
    assert model.n_epochs_ == 4
    assert [epoch["epoch"] for epoch in model.history_] == [1, 2, 3, 4]
    assert same_state(first, state_of(net.module_))
    assert not same_state(first, state_of(model.net_.module_))
    model.set_params(method="shot").fit(X, Y, DOMAIN)
    assert model.n_epochs_ == 6  # it knows the source already


def test_auto_epochs_aim_at_more_steps_where_there_is_a_target():
    counts = [
        DomainAdaptClassifier(method="source_only", batch_size=10, random_state=0)
        .fit(X, Y, *domain)
        .n_epochs_
        for domain in ((), (DOMAIN,))
    ]
    assert counts == [50, 100]
    adapting = DomainAdaptClassifier(method="afn", batch_size=2, random_state=0)
    assert adapting.fit(X, Y, DOMAIN).n_epochs_ == 67  # 15 steps make an epoch


def test_without_a_ramp_the_method_counts_from_the_start():
    models = [
        new_model("mcc", ramp=ramp, max_epochs=1).fit(X, Y, DOMAIN)
        for ramp in (True, False)
    ]
    alone = DeepCORAL(weight=0.0)
    nothing = new_model(alone, max_epochs=1).fit(X, Y, DOMAIN)
    ramped, full, none = (state_of(m.net_.module_) for m in (*models, nothing))
    assert same_state(ramped, none)  # its only step is at progress 0
    assert not same_state(full, none)


@pytest.mark.parametrize(
    "loss", ["focal", "balanced_softmax", "logit_adjusted", "ldam"]
)
def test_losses_of_labelled_rows(loss):
    model = new_model("mcc", loss=loss, max_epochs=20).fit(X, Y, DOMAIN)
    assert model.score(X[:30], Y[:30]) > 0.8
    counts = model.net_.objective.class_counts
    assert counts.tolist() == np.bincount(Y[:30]).tolist()


def test_a_hidden_layer_in_the_head():
    model = new_model("dann", head=(7,)).fit(X, Y, DOMAIN)
    layers = [m for m in model.net_.module_.head if isinstance(m, nn.Linear)]
    assert [layer.out_features for layer in layers] == [7, 2]


def test_lists_of_one_are_the_method_alone():
    assert np.array_equal(
        proba_of(new_model(["dann"]), X, Y, DOMAIN),
        proba_of(new_model("dann"), X, Y, DOMAIN),
    )


def test_two_methods_of_one_class_have_a_column_each():
    model = new_model([MCC(weight=0.0), MCC(temperature=1.0)]).fit(X, Y, DOMAIN)
    first, second = (model.history_[:, f"mcc{tail}_loss"] for tail in ("", "_2"))
    assert np.all(np.subtract(first, second) > 0)  # softer predictions are less sure


@pytest.mark.parametrize("method", ["shot", "adda", "tent"])
def test_validation_rows_are_judged_where_the_head_is_kept(method):
    model = new_model(method).fit(X, Y, DOMAIN, X_val=X[:9], y_val=Y[:9])
    last = model.history_[-1]
    assert last["valid_acc"] in {right / 9 for right in range(10)}
    assert "train_acc" not in last


class _PerRow(AdaptationMethod):
    def loss(self, batch, aux):
        return batch.logits_t.square().mean(1)


class _Forgetful(AdaptationMethod):
    def loss(self, batch, aux):
        batch.logits_t.square().mean()


@pytest.mark.parametrize(
    ("method", "match"),
    [(_PerRow(), r"Size\(\[.*mean over rows"), (_Forgetful(), "None: .* with torch")],
    ids=repr,
)
def test_a_loss_that_is_no_scalar_is_named(method, match):
    with pytest.raises(TypeError, match=f"must return a scalar tensor, not .*{match}"):
        new_model(method).fit(X, Y, DOMAIN)


def test_a_method_of_ones_own():
    class Nearer(AdaptationMethod):
        def __init__(self, weight=1.0):
            self.weight = weight

        def loss(self, batch, aux):
            return (batch.features_s.mean(0) - batch.features_t.mean(0)).square().sum()

    far = X + 3 * TARGET[:, None]
    model = new_model([Nearer(weight=3.0), "mcc"], max_epochs=20).fit(far, Y, DOMAIN)
    assert model.history_[-1, "nearer_loss"] < 0.3 * model.history_[0, "nearer_loss"]


def test_a_method_of_ones_own_may_want_views_of_a_table():
    class Steady(AdaptationMethod):
        needs_views = True

        def loss(self, batch, aux):
            return (batch.views_t - batch.logits_t).square().mean()

    assert "steady_loss" in new_model(Steady()).fit(X, Y, DOMAIN).history_[-1]


# --- discriminators that teach nothing


class _Blind(DANN):
    """Its discriminator ends in a softmax over one logit, as skada's does."""

    def build(self, n_features, n_classes):
        class Discriminator(nn.Module):
            domain_accuracy = None

            def __init__(self):
                super().__init__()
                self.linear = nn.Linear(n_features, 1)

            def forward(self, features):
                return self.linear(features).softmax(1)[:, 0] * 0

        return Discriminator()


def test_a_blind_discriminator_is_reported():
    message = "discriminator of _Blind never left chance and its gradient is zero"
    with pytest.warns(DiscriminatorWarning, match=message):
        new_model(["mcc", _Blind()]).fit(X, Y, DOMAIN)


def test_a_saturated_discriminator_is_reported():
    far = X + 30 * TARGET[:, None]
    message = "discriminator of DANN told .*% of the rows apart"
    with pytest.warns(DiscriminatorWarning, match=message):
        new_model(DANN(weight=0.0), max_epochs=60).fit(far, Y, DOMAIN)


@pytest.mark.parametrize("method", ["dann", "cdan", "adda"])
def test_domains_that_are_alike_are_no_reason_to_warn(method):
    both = np.r_[X, X]
    domain = np.repeat([1, -2], 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DiscriminatorWarning)
        new_model(method).fit(both, np.r_[Y, Y], domain)


def test_joint_without_labelled_target_rows_says_so():
    with pytest.warns(UserWarning, match="Joint learns from labelled target rows"):
        new_model("joint").fit(X, Y, DOMAIN)
