"""What is seen of a step, what flows back, and who learns in which turn."""

import copy
import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from torch import nn

from sktransfer import DomainAdaptClassifier
from sktransfer._training.adaptation import Adaptation, Sight
from sktransfer._training.batches import Batch
from sktransfer._training.domains import DomainStep, TargetRows
from sktransfer._training.module import TransferModule
from sktransfer.adaptation import (
    ADDA,
    DANN,
    MCC,
    MCD,
    SHOT,
    TENT,
    WDGRL,
    AdaptationMethod,
    DeepCORAL,
    DomainBatch,
    FixMatch,
    Joint,
)
from sktransfer.backbones import load_backbone
from sktransfer.backbones._norm import WeightedBatchNorm2d, reestimate_statistics

from ..adaptation.batches import random_batch, with_gradients
from ..nets import images, same_state, state_of, table, tiny_backbone

X, Y = table(40, 5)
DOMAIN = np.where(np.arange(40) < 24, 1, -2)
PIXELS, LABELS = images(24)
IMAGE_DOMAIN = np.where(np.arange(24) < 12, 1, -2)


def _fit(method, data=None, **parameters):
    """Return a classifier fitted on a small table, or on `data` with a net for it."""
    X_, y, domain = (X, Y, DOMAIN) if data is None else data
    backbone = "auto" if data is None else tiny_backbone()
    settings = {"max_epochs": 2, "random_state": 0, **parameters}
    return DomainAdaptClassifier(backbone, method=method, **settings).fit(X_, y, domain)


TABLE, IMAGES = None, (PIXELS, LABELS, IMAGE_DOMAIN)


def _fit_images(method, **parameters):
    return _fit(method, IMAGES, **parameters)


def _fit_after(source, method, data=None):
    """Return a classifier that goes on from the fitted `source`."""
    X_, y, domain = (X, Y, DOMAIN) if data is None else data
    return DomainAdaptClassifier(
        method=method, source=FrozenEstimator(source), max_epochs=2, random_state=0
    ).fit(X_, y, domain)


# --- what is seen


def _module(backbone):
    return TransferModule(backbone, nn.Linear(backbone.n_features, 2)).train()


def _table_module():
    torch.manual_seed(0)
    return _module(load_backbone("mlp", n_inputs=5)).float()


def _step(inputs, n_source=8, n_labelled=0, weight=None):
    y = torch.arange(len(inputs)) % 2
    parts = (slice(0, n_source), slice(n_source, n_source + n_labelled))
    target = slice(n_source, None)
    weights = [None if weight is None else weight[p] for p in (*parts, target)]
    labelled = Batch(inputs[parts[1]], y[parts[1]], weights[1])
    index = torch.arange(len(inputs[target]))
    return DomainStep(
        inputs[parts[0]],
        y[parts[0]],
        weights[0],
        torch.ones(n_source, dtype=int),
        labelled if n_labelled else None,
        TargetRows(inputs[target], weights[2], index),
    )


class _Counting(nn.Module):
    """A module that counts how often it is called."""

    def __init__(self, module):
        super().__init__()
        self.module, self.n_calls = module, 0

    def forward(self, *args):
        self.n_calls += 1
        return self.module(*args)


def _see(module, step, *methods, views=None, **kwargs):
    adaptation = Adaptation(list(methods) or [MCC()], ramp=False)
    return Sight(module, adaptation, views).see(step, 0.5, **kwargs)


def test_without_batch_norm_one_pass_is_as_good_as_two():
    module, inputs = _table_module(), torch.randn(14, 5)
    counting = _Counting(module)
    seen, labelled = _see(counting, _step(inputs))
    assert counting.n_calls == 1
    assert labelled is None
    for part, domain in ((inputs[:8], "s"), (inputs[8:], "t")):
        expected = module(part)
        assert_allclose(
            *(o.detach() for o in (getattr(seen, f"logits_{domain}"), expected.logits)),
            rtol=1e-5,
            atol=1e-6,
        )
        features = getattr(seen, f"features_{domain}").detach()
        assert_allclose(features, expected.features.detach(), rtol=1e-5, atol=1e-6)
    assert seen.progress == 0.5
    assert seen.y_s.tolist() == [0, 1] * 4
    assert seen.index_t.tolist() == list(range(6))


def _pixels():
    return torch.from_numpy(PIXELS).permute(0, 3, 1, 2)


def test_with_batch_norm_each_domain_has_its_own_statistics():
    pixels = _pixels()
    pixels[8:] = pixels[8:] // 3
    module = _module(tiny_backbone())
    twin = copy.deepcopy(module)
    seen, _ = _see(module, _step(pixels))
    source, target = twin(pixels[:8]), twin(pixels[8:])
    assert torch.equal(seen.features_s, source.features)
    assert torch.equal(seen.features_t, target.features)
    assert same_state(module.state_dict(), twin.state_dict())
    together = copy.deepcopy(twin)(pixels).features
    assert not torch.allclose(seen.features_s, together[:8], atol=1e-3)


def test_weights_enter_the_statistics():
    pixels, weight = _pixels()[:6], torch.tensor([1.0, 2.0, 1.0, 3.0, 1.0, 1.0])
    repeated = pixels.repeat_interleave(weight.long(), 0)
    modules = [_module(tiny_backbone()) for _ in range(2)]
    modules[1].load_state_dict(modules[0].state_dict())
    weighted, _ = _see(modules[0], _step(pixels, 3, weight=weight))
    expected, _ = _see(modules[1], _step(repeated, 4))
    rows = [0, 1, 3]
    assert_allclose(
        weighted.features_s.detach(), expected.features_s[rows].detach(), rtol=1e-4
    )
    assert torch.equal(weighted.weight_t, weight[3:])


def test_frozen_batch_norm_lets_all_through_at_once():
    module = _Counting(_module(tiny_backbone()).eval())
    _see(module, _step(_pixels()))
    assert module.n_calls == 1


def test_labelled_target_rows_are_normalised_as_target_rows():
    pixels, module = _pixels(), _module(tiny_backbone())
    twin = copy.deepcopy(module)
    seen, labelled = _see(module, _step(pixels, 8, 4))
    expected = twin(pixels[:8]), twin(torch.cat([pixels[8:12], pixels[8:]]))
    assert torch.equal(seen.logits_s, expected[0].logits)
    assert torch.equal(labelled.logits, expected[1].logits[:4])
    assert torch.equal(seen.logits_t, expected[1].logits[4:])


def test_labelled_rows_that_became_floats_are_not_rounded_to_bytes():
    pixels, module = _pixels(), _module(tiny_backbone()).eval()
    step = _step(pixels, 8, 4)
    floats = step.labelled._replace(inputs=step.labelled.inputs / 255)
    seen, labelled = _see(module, step._replace(labelled=floats))
    expected = module(pixels[8:])
    assert_allclose(
        labelled.logits.detach(), expected.logits[:4].detach(), rtol=1e-4, atol=1e-5
    )
    assert_allclose(
        seen.logits_t.detach(), expected.logits.detach(), rtol=1e-4, atol=1e-5
    )


def test_labelled_target_rows_alone():
    step = _step(torch.randn(14, 5), 8, 4)._replace(target=None)
    seen, labelled = _see(_table_module(), step, Joint())
    assert seen.features_t is None
    assert len(labelled.logits) == 4


def test_the_source_can_be_left_out():
    seen, _ = _see(_table_module(), _step(torch.randn(14, 5)), source=False)
    assert seen.features_s is seen.y_s is None
    assert len(seen.features_t) == 6


def test_views_are_of_the_target_rows_and_weights():
    module, inputs = _table_module(), torch.randn(14, 5)
    seen, _ = _see(module, _step(inputs), FixMatch(), views=lambda rows: rows + 1)
    assert_allclose(
        seen.views_t.detach(), module(inputs[8:] + 1).logits.detach(), rtol=1e-5
    )
    assert _see(module, _step(inputs))[0].views_t is None


class _Stages(AdaptationMethod):
    needs_stages = True


def test_stages_are_pooled_where_asked_for():
    module = _module(tiny_backbone()).eval()
    module.returns_maps = True
    pixels = _pixels()
    seen, _ = _see(module, _step(pixels), _Stages())
    maps = module.backbone.feature_maps(pixels[8:])
    for pooled, stage in zip(seen.stages_t, maps, strict=True):
        assert_allclose(
            pooled.detach(), stage.mean((2, 3)).detach(), rtol=1e-4, atol=1e-5
        )
    assert [len(stage) for stage in seen.stages_s] == [8, 8, 8]


def test_methods_see_the_larger_part_of_mixed_labels():
    step = _step(torch.randn(14, 5))
    soft = torch.tensor([[0.3, 0.7], [0.9, 0.1]] * 4)
    seen, _ = _see(_table_module(), step._replace(y=soft))
    assert seen.y_s.tolist() == [1, 0] * 4


# --- what flows back


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


# --- who learns in which turn


class _Watched:
    """A game of which is noted who changed at each turn, and on what loss."""

    def __init__(self, game, log):
        self.game, self.log = game, log

    def __getattr__(self, name):
        return getattr(self.game, name)

    def learn(self, loss, *parts):
        game = self.game
        players = {"backbone": game.backbone, "head": game.head, "aux": game.aux}
        players = {name: part for name, part in players.items() if part is not None}
        before = {name: state_of(part) for name, part in players.items()}
        seen, factor = game.seen, game.factor
        aux = None if game.aux is None else copy.deepcopy(game.aux)
        game.learn(loss, *parts)
        changed = {
            name
            for name, part in players.items()
            if not same_state(before[name], state_of(part))
        }
        self.log.append((changed, loss.item(), seen, aux, factor, game.step))


def _watched(base):
    """Return a subclass of `base` that logs its turns in `turns`."""

    class Watched(base):
        turns = []

        def step(self, game):
            return super().step(_Watched(game, self.turns))

    Watched.__init__ = base.__init__
    return Watched


def _turns(base, **parameters):
    method = _watched(base)
    _fit(method(**parameters), ramp=False)
    return method.turns


def _changes(turns):
    return [changed for changed, *_ in turns]


def _cross_entropy(logits, y):
    z = logits.detach().numpy()
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    return -log_p[np.arange(len(y)), y.numpy()].mean()


def _softmax(logits):
    p = np.exp(logits.detach().numpy())
    return p / p.sum(1, keepdims=True)


def test_mcd_takes_turns():
    turns = _turns(MCD, n_steps=3, weight=0.7)
    assert _changes(turns[:5]) == [
        {"backbone", "head", "aux"},
        {"head", "aux"},
        {"backbone"},
        {"backbone"},
        {"backbone"},
    ]
    for number, (_, loss, seen, aux, _, step) in enumerate(turns[:5]):
        other = aux(seen.features_t)
        gap = np.abs(_softmax(seen.logits_t) - _softmax(other)).mean()
        if number >= 2:
            assert seen.features_s is None
            assert_allclose(loss, 0.7 * gap, rtol=1e-6)
            continue
        task = _cross_entropy(seen.logits_s, step.y)
        task += _cross_entropy(aux(seen.features_s), step.y)
        assert_allclose(loss, task - (0.7 * gap if number else 0), rtol=1e-6)


def test_wdgrl_takes_turns():
    turns = _turns(WDGRL, n_steps=3, weight=0.2)
    assert _changes(turns[:4]) == [{"aux"}, {"aux"}, {"aux"}, {"backbone", "head"}]
    _, loss, seen, critic, _, step = turns[3]
    distance = critic(seen.features_s).mean() - critic(seen.features_t).mean()
    expected = _cross_entropy(seen.logits_s, step.y) + 0.2 * distance.item()
    assert_allclose(loss, expected, rtol=1e-6)


def _softplus(values):
    return np.log1p(np.exp(values.detach().numpy())).mean()


def test_adda_takes_turns():
    method, source = _watched(ADDA), _fit("source_only")
    model = _fit_after(source, method())
    turns = method.turns
    assert _changes(turns) == [{"aux"}, {"backbone"}] * 2
    # the backbone of the source is in every epoch what it was
    for _, loss, seen, discriminator, _, step in turns[::2]:
        real = discriminator(source.backbone_(step.inputs))
        fake = discriminator(seen.features_t)
        assert_allclose(loss, (_softplus(-real) + _softplus(fake)) / 2, rtol=1e-6)
    for _, loss, seen, discriminator, factor, _ in turns[1::2]:
        fake = discriminator(seen.features_t)
        assert_allclose(loss, factor * _softplus(-fake), rtol=1e-6)
    assert not same_state(state_of(source.backbone_), state_of(model.backbone_))


def test_a_part_that_a_callback_froze_is_left_alone():
    from skorch.callbacks import Freezer

    freezer = Freezer("backbone.*")
    model = _fit(MCD(n_steps=1), callbacks=[freezer])
    untrained = _fit(MCD(n_steps=1), callbacks=[freezer], max_epochs=1)
    assert same_state(state_of(model.backbone_), state_of(untrained.backbone_))


# --- what a method leaves as it was


def _parameters(module):
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def _changed(one, other):
    one, other = _parameters(one), _parameters(other)
    return {name for name in one if not torch.equal(one[name], other[name])}


@pytest.mark.parametrize("method", ["shot", "adda", "tent", "adabn"])
@pytest.mark.parametrize("data", [TABLE, IMAGES], ids=["table", "images"])
def test_the_head_of_the_source_is_kept(method, data):
    source = _fit("source_only", data)
    adapted = _fit_after(source, method, data)
    heads = (m.net_.module_.head.state_dict() for m in (adapted, source))
    assert same_state(*heads)
    moved = _changed(adapted.backbone_, source.backbone_)
    assert bool(moved) == (method != "adabn")


@pytest.mark.parametrize("method", ["mcc", "dann", "wdgrl", "mcd"])
def test_other_methods_train_the_head_too(method):
    source = _fit("source_only")
    heads = (m.net_.module_.head for m in (_fit_after(source, method), source))
    assert _changed(*heads)


def test_tent_learns_scale_and_shift_of_norm_layers():
    source = _fit_images("source_only")
    norms = {
        f"{name}.{part}"
        for name, module in source.backbone_.named_modules()
        if isinstance(module, WeightedBatchNorm2d)
        for part in ("weight", "bias")
    }
    tent = _fit_after(source, "tent", IMAGES)
    assert _changed(tent.backbone_, source.backbone_) == norms


def test_tent_learns_biases_where_there_are_no_norm_layers():
    source = _fit("source_only")
    changed = _changed(_fit_after(source, "tent").backbone_, source.backbone_)
    assert changed == {n for n in _parameters(source.backbone_) if n.endswith("bias")}


def test_adabn_takes_over_statistics_of_the_columns():
    adapted, source = _fit("adabn"), _fit("source_only")
    assert not _changed(adapted.backbone_, source.backbone_)
    target = X[DOMAIN < 0]
    (layer,) = (m for m in adapted.backbone_.modules() if hasattr(m, "scale"))
    assert_allclose(layer.mean, target.mean(0))
    assert_allclose(layer.scale, target.std(0))


def _first_norm(backbone):
    return next(m for m in backbone.modules() if isinstance(m, WeightedBatchNorm2d))


@pytest.mark.parametrize("method", ["adabn", "mcc", "dann", "shot", "tent", "mcd"])
def test_batch_norm_has_the_statistics_of_the_target_in_the_end(method):
    model = _fit_images(method)
    pixels = _pixels()[12:]
    convolution = model.backbone_.stages[0][0]
    with torch.no_grad():
        maps = convolution(model.backbone_.prepare(pixels)).double().numpy()
    norm = _first_norm(model.backbone_)
    assert_allclose(norm.running_mean, maps.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    assert_allclose(norm.running_var, maps.var((0, 2, 3), ddof=1), rtol=1e-2)
    assert not model.backbone_.training


def test_source_only_keeps_the_statistics_of_the_source():
    source = _fit_images("source_only")
    alone = DomainAdaptClassifier(tiny_backbone(), max_epochs=2, random_state=0)
    alone.fit(PIXELS[:12], LABELS[:12])
    assert same_state(state_of(source.backbone_), state_of(alone.backbone_))


# --- statistics anew


def _norm_of(batches, weights=None):
    net = nn.Sequential(WeightedBatchNorm2d(3)).train()
    net(torch.randn(4, 3, 2, 2))  # something to forget
    weights = [None] * len(batches) if weights is None else weights
    rows = [Batch(b, None, w) for b, w in zip(batches, weights, strict=True)]
    net[0].momentum = 0.25
    reestimate_statistics(net, rows)
    assert net[0].momentum == 0.25
    assert not net[0].training
    return net[0]


def test_statistics_of_one_batch_are_those_of_its_rows():
    maps = torch.randn(9, 3, 4, 4)
    norm = _norm_of([maps])
    assert_allclose(norm.running_mean, maps.mean((0, 2, 3)), rtol=1e-5, atol=1e-6)
    assert_allclose(norm.running_var, maps.var((0, 2, 3)), rtol=1e-5)


def test_a_small_last_batch_counts_by_its_rows():
    maps = torch.randn(10, 3, 4, 4)
    maps[8:] += 5
    norm = _norm_of([maps[:4], maps[4:8], maps[8:]])
    assert_allclose(norm.running_mean, maps.mean((0, 2, 3)), rtol=1e-5)
    parts = (maps[:4], maps[4:8], maps[8:])
    variances = torch.stack([part.var((0, 2, 3)) for part in parts])
    expected = torch.tensor([0.4, 0.4, 0.2]) @ variances
    assert_allclose(norm.running_var, expected, rtol=1e-5)


def test_statistics_count_rows_by_weight():
    maps = torch.randn(6, 3, 4, 4)
    counts = torch.tensor([1, 2, 3, 1, 1, 2])
    halves = [maps[:3], maps[3:]], [counts[:3].float(), counts[3:].float()]
    repeated = maps.repeat_interleave(counts, 0)
    weighted, expected = _norm_of(*halves), _norm_of([repeated[:6], repeated[6:]])
    assert_allclose(weighted.running_mean, expected.running_mean, rtol=1e-4, atol=1e-6)
    assert_allclose(weighted.running_var, expected.running_var, rtol=1e-4)


# --- phases


def _column_means(method):
    model = _fit(method, max_epochs=1)
    return next(m.mean for m in model.backbone_.modules() if hasattr(m, "scale"))


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        ("source_only", DOMAIN > 0),
        ("joint", DOMAIN > 0),
        ("mcc", DOMAIN != 0),
        ("shot", DOMAIN != 0),
        ("adabn", DOMAIN < 0),
    ],
)
def test_columns_are_scaled_by_the_rows_that_take_part(method, rows):
    assert_allclose(_column_means(method), X[rows].mean(0), rtol=1e-10)


def test_adabn_trains_on_columns_scaled_by_the_source():
    far = np.where(DOMAIN[:, None] < 0, X + 30, X)
    model = DomainAdaptClassifier(method="adabn", max_epochs=1, random_state=0)
    moved, plain = (clone(model).fit(data, Y, DOMAIN) for data in (far, X))
    assert_allclose(
        moved.predict_proba(X + 30), plain.predict_proba(X), rtol=1e-6, atol=1e-9
    )


# Two epochs on the source, then as many of its own; TENT sees the target once.
@pytest.mark.parametrize(("method", "n_own"), [("shot", 2), ("tent", 1), ("adda", 2)])
def test_methods_that_adapt_a_trained_net_train_it_first(method, n_own):
    model = _fit(method)
    assert model.n_epochs_ == 2 + n_own
    first, last = model.history_[0], model.history_[-1]
    assert "train_acc" in first
    assert f"{method}_loss" not in first
    assert f"{method}_loss" in last
    epochs = [epoch["epoch"] for epoch in model.history_]
    assert epochs == list(range(1, 3 + n_own))


def test_adabn_has_one_phase_of_training():
    assert _fit("adabn").n_epochs_ == 2


@pytest.mark.parametrize(("method", "n_own"), [("shot", 2), ("tent", 1), ("adda", 2)])
def test_a_trained_source_saves_the_first_phase(method, n_own):
    assert _fit_after(_fit("source_only"), method).n_epochs_ == n_own


def test_shot_labels_all_target_rows_before_every_epoch():
    class Watched(SHOT):
        seen = []

        def begin_epoch(self, game):
            super().begin_epoch(game)
            outputs = game.target_outputs()
            backbone = copy.deepcopy(game.backbone).eval()
            self.seen.append((outputs, self.labels_, backbone))

    _fit(Watched(), batch_size=4)
    assert len(Watched.seen) == 2
    for (features, logits, weight), labels, backbone in Watched.seen:
        with torch.no_grad():
            expected = backbone(torch.from_numpy(X[DOMAIN < 0]))
        assert_allclose(features, expected, rtol=1e-10)
        assert logits.shape == (16, 2)
        assert weight is None
        assert len(labels) == 16


# --- what is recorded


def test_the_history_tells_of_each_loss():
    model = _fit(["dann", "mcc", FixMatch(threshold=0.0)])
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

    model, other = _fit(Constant()), _fit(Constant(weight=5.0))
    assert [epoch["constant_loss"] for epoch in model.history_] == [3.0, 3.0]
    for one, two in zip(model.history_, other.history_, strict=True):
        assert one["train_loss"] == two["train_loss"]


def test_what_only_training_needs_is_let_go():
    net = _fit(["dann", "fixmatch"]).net_
    assert net.adaptation is net.views is net.target_batches is None
    assert all(p.grad is None for p in net.module_.parameters())
