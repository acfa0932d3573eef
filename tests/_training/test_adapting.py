"""Who learns in which turn, and what a method leaves as it was."""

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer import DomainAdaptClassifier
from sktransfer.adaptation import (
    ADDA,
    MCD,
    WDGRL,
)
from sktransfer.backbones._norm import WeightedBatchNorm2d

from ..nets import same_state, state_of, tiny_backbone
from .adapted import (
    DOMAIN,
    IMAGES,
    LABELS,
    PIXELS,
    TABLE,
    X,
    fitted,
    fitted_after,
    fitted_images,
    pixel_tensor,
)

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
    fitted(method(**parameters), ramp=False)
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
    method, source = _watched(ADDA), fitted("source_only")
    model = fitted_after(source, method())
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
    model = fitted(MCD(n_steps=1), callbacks=[freezer])
    untrained = fitted(MCD(n_steps=1), callbacks=[freezer], max_epochs=1)
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
    source = fitted("source_only", data)
    adapted = fitted_after(source, method, data)
    heads = (m.net_.module_.head.state_dict() for m in (adapted, source))
    assert same_state(*heads)
    moved = _changed(adapted.backbone_, source.backbone_)
    assert bool(moved) == (method != "adabn")


@pytest.mark.parametrize("method", ["mcc", "dann", "wdgrl", "mcd"])
def test_other_methods_train_the_head_too(method):
    source = fitted("source_only")
    heads = (m.net_.module_.head for m in (fitted_after(source, method), source))
    assert _changed(*heads)


def test_tent_learns_scale_and_shift_of_norm_layers():
    source = fitted_images("source_only")
    norms = {
        f"{name}.{part}"
        for name, module in source.backbone_.named_modules()
        if isinstance(module, WeightedBatchNorm2d)
        for part in ("weight", "bias")
    }
    tent = fitted_after(source, "tent", IMAGES)
    assert _changed(tent.backbone_, source.backbone_) == norms


def test_tent_learns_biases_where_there_are_no_norm_layers():
    source = fitted("source_only")
    changed = _changed(fitted_after(source, "tent").backbone_, source.backbone_)
    assert changed == {n for n in _parameters(source.backbone_) if n.endswith("bias")}


def test_adabn_takes_over_statistics_of_the_columns():
    adapted, source = fitted("adabn"), fitted("source_only")
    assert not _changed(adapted.backbone_, source.backbone_)
    target = X[DOMAIN < 0]
    (layer,) = (m for m in adapted.backbone_.modules() if hasattr(m, "scale"))
    assert_allclose(layer.mean, target.mean(0))
    assert_allclose(layer.scale, target.std(0))


def _first_norm(backbone):
    return next(m for m in backbone.modules() if isinstance(m, WeightedBatchNorm2d))


@pytest.mark.parametrize("method", ["adabn", "mcc", "dann", "shot", "tent", "mcd"])
def test_batch_norm_has_the_statistics_of_the_target_in_the_end(method):
    model = fitted_images(method)
    pixels = pixel_tensor()[12:]
    convolution = model.backbone_.stages[0][0]
    with torch.no_grad():
        maps = convolution(model.backbone_.prepare(pixels)).double().numpy()
    norm = _first_norm(model.backbone_)
    assert_allclose(norm.running_mean, maps.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    assert_allclose(norm.running_var, maps.var((0, 2, 3), ddof=1), rtol=1e-2)
    assert not model.backbone_.training


def test_source_only_keeps_the_statistics_of_the_source():
    source = fitted_images("source_only")
    alone = DomainAdaptClassifier(tiny_backbone(), max_epochs=2, random_state=0)
    alone.fit(PIXELS[:12], LABELS[:12])
    assert same_state(state_of(source.backbone_), state_of(alone.backbone_))
