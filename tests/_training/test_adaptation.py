"""What flows back from the methods."""

import math

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sktransfer._training.adaptation import Adaptation
from sktransfer.adaptation import (
    DANN,
    MCC,
    TENT,
    AdaptationMethod,
    DeepCORAL,
    DomainBatch,
    Joint,
)

from ..adaptation.batches import random_batch, with_gradients


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.5, 1.0])
def test_the_ramp(progress):
    ramp = 2 / (1 + math.exp(-10 * progress)) - 1
    ramped, constant = (Adaptation([], ramp=r) for r in (True, False))
    assert_allclose(ramped.factor(MCC(weight=0.3), progress), 0.3 * ramp)
    assert constant.factor(MCC(weight=0.3), progress) == 0.3
    # the net knows the source already
    assert ramped.factor(TENT(weight=0.3), progress) == 0.3


def test_a_method_without_a_weight_counts_once():
    class Bare(AdaptationMethod):
        pass

    assert Adaptation([], ramp=False).factor(Bare(), 0.5) == 1.0


def _gradients(adaptation, progress=0.5):
    """Return the gradients of features and of what learns along."""
    batch = with_gradients(random_batch())._replace(progress=progress)
    total, bare = adaptation.loss(batch)
    total.backward()
    aux = [p.grad for module in adaptation.modules() for p in module.parameters()]
    return batch.features_t.grad, aux, bare, total


def _built(methods, ramp):
    torch.manual_seed(0)
    adaptation = Adaptation(methods, ramp)
    adaptation.build(nn.Linear(5, 3).double(), 5, 3)
    return adaptation


@pytest.mark.parametrize("ramp", [False, True])
def test_weight_and_ramp_scale_what_flows_back_but_not_what_learns_along(ramp):
    full = _gradients(_built([DANN(weight=1.0)], ramp=False))
    part = _gradients(_built([DANN(weight=0.3)], ramp=ramp))
    factor = 0.3 * (2 / (1 + math.exp(-5)) - 1 if ramp else 1)
    assert_allclose(part[0], factor * full[0], rtol=1e-10)
    assert full[0].abs().max() > 0
    for one, other in zip(part[1], full[1], strict=True):
        assert torch.equal(one, other)
        assert one.abs().max() > 0
    assert part[2] == full[2]


def test_weight_zero_lets_nothing_flow_back_while_the_discriminator_learns():
    features, aux, _, _ = _gradients(_built([DANN(weight=0.0)], ramp=False))
    assert not features.any()
    assert all(gradient.any() for gradient in aux)


def test_a_method_that_wants_no_logits_sees_none():
    class Seen(AdaptationMethod):
        def build(self, n_features, n_classes):
            return nn.Linear(1, 1) if self.learns else None

        def loss(self, batch, aux):
            assert self.hidden == (batch.logits_s is None and batch.logits_t is None)
            assert self.hidden == (batch.views_t is None)
            assert batch.features_t is not None
            return batch.features_s.sum()

    class Unseen(Seen):
        needs_logits = False

    for learns in (True, False):
        Seen.learns, Seen.hidden, Unseen.hidden = learns, False, True
        adaptation = _built([Seen(), Unseen()], ramp=False)
        batch = with_gradients(random_batch())
        batch = batch._replace(views_t=batch.logits_t, progress=0.5)
        assert set(adaptation.loss(batch)[1]) == {"seen", "unseen"}


def test_stages_and_views_are_scaled_too():
    class All(AdaptationMethod):
        weight = 0.25

        def build(self, n_features, n_classes):
            return nn.Linear(1, 1)

        def loss(self, batch, aux):
            return batch.views_t.sum() + sum(s.sum() for s in batch.stages_s)

    views, stage = (torch.ones(2, 3, requires_grad=True) for _ in range(2))
    total, _ = _built([All()], ramp=False).loss(
        DomainBatch(views_t=views, stages_s=[stage], progress=0.0)
    )
    total.backward()
    for leaf in (views, stage):
        assert_allclose(leaf.grad, 0.25)


def test_losses_add_up_by_their_weights():
    methods = [MCC(weight=2.0), DeepCORAL(weight=0.5)]
    *_, bare, total = _gradients(_built(methods, ramp=False))
    batch = random_batch()
    expected = {"mcc": MCC().loss(batch, None), "deepcoral": None}
    expected["deepcoral"] = DeepCORAL().loss(batch, None)
    assert bare == expected
    assert_allclose(
        total.detach(), 2 * expected["mcc"] + 0.5 * expected["deepcoral"], rtol=1e-10
    )


def test_the_weight_of_joint_is_that_of_the_source():
    assert Adaptation([Joint(weight=0.3), MCC()], True).source_weight == 0.3
    assert Adaptation([MCC()], True).source_weight == 1.0
