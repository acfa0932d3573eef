"""What is computed in adaptation, what is recorded, and what is let go."""

from functools import partial

import numpy as np
import pytest
import torch
from skorch.callbacks import Checkpoint, LRScheduler

from sktransfer.adaptation import (
    AFN,
    DAN,
    DANN,
    MCC,
    AdaptationMethod,
    DeepCORAL,
    FixMatch,
)

from ..nets import same_state
from .adapted import IMAGES, fitted, fitted_images

# --- what is computed


def _seen_by(base, *others):
    """Return the batches that a method sees in training beside `others`."""
    batches = []

    class Watched(base):
        def loss(self, batch, aux):
            batches.append(batch)
            return super().loss(batch, aux)

    Watched.__init__ = base.__init__
    fitted_images([Watched(), *others])
    return batches


@pytest.mark.parametrize("base", [DANN, DAN, DeepCORAL, AFN])
def test_logits_of_the_target_are_computed_for_those_who_look(base):
    for others in ([], ["mcc"]):
        assert all(batch.logits_t is None for batch in _seen_by(base, *others))
    for others in ([], [base()]):
        for batch in _seen_by(MCC, *others):
            assert len(batch.logits_t) == len(batch.features_t)


@pytest.mark.parametrize("method", ["dann", "deepcoral"])
def test_labelled_target_rows_are_learnt_from_without_logits_of_others(method):
    pixels, labels, domain = IMAGES
    some = np.where(np.arange(len(domain)) % 5 == 4, 2, domain)
    few, none = (fitted(method, (pixels, labels, d)).history_ for d in (some, domain))
    assert few[0]["train_loss"] != none[0]["train_loss"]


# --- what is recorded


def test_the_history_tells_of_each_loss():
    model = fitted(["dann", "mcc", FixMatch(threshold=0.0)])
    for epoch in model.history_:
        assert {"train_loss", "train_acc", "lr", "domain_acc"} <= epoch.keys()
        assert {"dann_loss", "mcc_loss", "fixmatch_loss"} <= epoch.keys()
        assert 0 <= epoch["domain_acc"] <= 1
        assert epoch["mcc_loss"] > 0


def test_the_recorded_losses_are_bare():
    class Constant(AdaptationMethod):
        def __init__(self, weight=0.1):
            self.weight = weight

        def loss(self, batch, aux):
            return batch.logits_t.sum() * 0 + 3

    model, other = fitted(Constant()), fitted(Constant(weight=5.0))
    assert [epoch["constant_loss"] for epoch in model.history_] == [3.0, 3.0]
    for one, two in zip(model.history_, other.history_, strict=True):
        assert one["train_loss"] == two["train_loss"]


def test_what_learns_along_learns_the_same_by_an_optimizer_of_its_own():
    class AnotherAdamW(torch.optim.AdamW):
        pass

    settings = {"weight_decay": 0.01, "lr_schedule": "cosine"}
    shared, apart = (
        fitted(["dann", "mcc"], optimizer=partial(kind, fused=True), **settings)
        for kind in (torch.optim.AdamW, AnotherAdamW)
    )
    for one, other in zip(shared.history_, apart.history_, strict=True):
        assert {**one, "dur": 0} == {**other, "dur": 0}
    assert same_state(shared.net_.module_.state_dict(), apart.net_.module_.state_dict())


def test_callbacks_see_the_optimizer_of_the_net_alone(tmp_path):
    schedule = LRScheduler("StepLR", step_size=1, gamma=0.1)
    found = []

    class Watched(DANN):
        def begin_epoch(self, game):
            groups = game.net.adaptation.optimizer.param_groups
            found.extend(group["lr"] for group in groups)

    Watched.__init__ = DANN.__init__
    checkpoint = Checkpoint(dirname=tmp_path, monitor=None)
    options = {"lr_schedule": "constant", "callbacks": [schedule, checkpoint]}
    net = fitted(Watched(), **options).net_
    assert found == [1e-3, 1e-3]
    net.load_params(checkpoint=checkpoint)


@pytest.mark.parametrize("method", ["dann", "mcd", "wdgrl"])
def test_the_optimizer_forgets_what_learnt_along(method):
    net = fitted(method).net_
    own = {*net.module_.parameters()}
    groups = net.optimizer_.param_groups
    assert {p for group in groups for p in group["params"]} == own
    assert own >= net.optimizer_.state.keys()


def test_what_only_training_needs_is_let_go():
    net = fitted(["dann", "fixmatch"]).net_
    assert net.adaptation is net.views is net.target_batches is None
    assert all(p.grad is None for p in net.module_.parameters())
