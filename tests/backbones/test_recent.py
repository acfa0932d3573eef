"""The backbone that was loaded last: as good as loaded again."""

import copy
import functools
import os
import weakref

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from sktransfer._utils import files
from sktransfer.backbones import (
    _fingerprint,
    _recent,
    _registry,
    load_backbone,
    register_backbone,
    save_backbone,
)
from sktransfer.backbones._fingerprint import NetDescriber
from sktransfer.backbones._recent import fingerprint_as_loaded, load_anew

from ..nets import same_state, tiny_backbone


@pytest.fixture
def loads(monkeypatch):
    """Return a list of the names that are loaded, from files that seem to be old."""
    names, load = [], _recent.load_backbone

    def counting(name, weights, **options):
        names.append(name)
        return load(name, weights, **options)

    monkeypatch.setattr(_recent, "load_backbone", counting)
    monkeypatch.setattr(_recent, "_LAST", {})
    monkeypatch.setattr(files, "_TICK", -(10**10))
    return names


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.safetensors"
    backbone = load_backbone("squeezenet1_1", None)
    torchvision_keys = {
        key.replace("stages.", "")
        .partition(".")[2]
        .replace("features_", "features."): v
        for key, v in backbone.state_dict().items()
    }
    save_file(torchvision_keys, path)
    return path


def test_it_is_loaded_once_and_copied(loads, weights):
    first = load_anew("squeezenet1_1", weights)
    state = {key: value.clone() for key, value in first.state_dict().items()}
    with torch.no_grad():
        next(first.parameters()).zero_()
    first.name = "changed"
    second = load_anew("squeezenet1_1", str(weights))
    assert len(loads) == 1
    assert same_state(second.state_dict(), state)
    assert (second.name, second.weights) == ("squeezenet1_1", weights.name)


def test_copies_are_like_deep_ones():
    backbone = tiny_backbone()
    backbone.stages[1].tied = backbone.stages[0][0].weight
    backbone.stages[2].more = [torch.arange(3), {"of": "settings"}]
    kept = _recent._Kept(backbone)
    one, other = kept.copy(), kept.copy()
    values = [NetDescriber().fingerprint(net) for net in (backbone, one, other)]
    assert len(set(values)) == 1
    assert one.stages[1].tied is one.stages[0][0].weight
    one.stages[2].more[0].zero_()
    one.stages[1].tied.data.zero_()
    assert [NetDescriber().fingerprint(net) for net in (backbone, other)] == values[1:]
    assert NetDescriber().fingerprint(one) not in values


def test_each_copy_is_laid_out(loads, weights):
    for _ in range(2):
        backbone = load_anew("squeezenet1_1", weights)
        convolution = next(p for p in backbone.parameters() if p.ndim == 4)
        assert convolution.is_contiguous(memory_format=torch.channels_last)


def _fused_step(weight):
    weight.grad = torch.ones_like(weight)
    torch.optim.AdamW([weight], lr=1e-3, fused=True).step()


CHANGES = {
    "data": lambda w: w.data.view(-1)[7].add_(1e-6),
    "last bit": lambda w: w.data.view(torch.int32).view(-1)[-1].bitwise_xor_(1),
    "other data": lambda w: setattr(w, "data", w.data.flip(0)),
    "numpy": lambda w: w.numpy(force=True).__imul__(1.01),
    "fused optimizer": _fused_step,
    "set_": lambda w: w.detach_().set_(-w),
    "in place": lambda w: torch.nn.init.zeros_(w),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("seen", [False, True])
def test_a_change_in_one_copy_counts_there_alone(change, seen):
    kept = _recent._Kept(torch.nn.Conv2d(32, 32, 3, bias=False))
    changed, other = kept.copy(), kept.copy()
    before = NetDescriber().fingerprint(other)
    if seen:
        assert NetDescriber().fingerprint(changed) == before
    change(changed.weight)
    assert NetDescriber().fingerprint(changed) != before
    for same in (other, kept.copy()):
        assert NetDescriber().fingerprint(same) == before


def test_a_copy_that_changed_before_it_was_seen_misleads_no_other():
    kept = _recent._Kept(torch.nn.Conv2d(32, 32, 3, bias=False))
    changed, other = kept.copy(), kept.copy()
    changed.weight.data.zero_()
    first = NetDescriber().fingerprint(changed)
    assert NetDescriber().fingerprint(other) != first
    other.weight.data.zero_()
    assert NetDescriber().fingerprint(other) == first


def test_numbers_of_copies_are_hashed_once(monkeypatch):
    kept = _recent._Kept(torch.nn.Conv2d(32, 32, 3, bias=False))
    hashed, sizes = _fingerprint._hashed, []

    def counting(numbers):
        sizes.append(numbers.nbytes)
        return hashed(numbers)

    monkeypatch.setattr(_fingerprint, "_hashed", counting)
    assert len({NetDescriber().fingerprint(kept.copy()) for _ in range(3)}) == 1
    assert sizes == [4 * 32 * 32 * 9]


def test_the_fingerprint_as_loaded_is_that_of_a_copy(loads, weights):
    found = set()
    for pooling in ("auto", "max"):
        backbone = load_anew("squeezenet1_1", weights, pooling=pooling)
        before = NetDescriber().fingerprint(backbone)
        assert fingerprint_as_loaded(backbone) == before
        backbone.stages[0][0].weight.data.zero_()
        again = load_anew("squeezenet1_1", weights, pooling=pooling)
        assert fingerprint_as_loaded(again) == before
        found.add(before)
    assert len(found) == 2


class _Callable:
    """It has no name of its own, nor can it be hashed."""

    __hash__ = None

    def __call__(self, module, x):
        """Do nothing."""


def _wrapped(forward):
    return functools.wraps(forward)(lambda self, x: -forward(self, x))


@pytest.mark.parametrize(
    "other",
    [
        lambda forward: lambda self, x: -forward(self, x),
        _wrapped,
        lambda forward: nn.ConvTranspose2d.forward,
        lambda forward: functools.partial(forward),
        lambda forward: _Callable(),
    ],
)
@pytest.mark.parametrize("early", [False, True])
def test_code_of_the_user_is_described_each_time(
    other, early, loads, weights, monkeypatch
):
    before = fingerprint_as_loaded(load_anew("squeezenet1_1", weights))
    assert before is not None
    with monkeypatch.context() as patch:
        patch.setattr(nn.Conv2d, "forward", other(nn.Conv2d.forward))
        if early:
            _recent._LAST.clear()
        backbone = load_anew("squeezenet1_1", weights)
        known = fingerprint_as_loaded(backbone)
        assert known is None or known == NetDescriber().fingerprint(backbone) != before
    if not early:
        assert fingerprint_as_loaded(backbone) == before


def test_a_wrapped_forward_is_no_longer_that_of_torch(weights, monkeypatch):
    backbone = load_backbone("squeezenet1_1", weights)
    before = NetDescriber().fingerprint(backbone)
    monkeypatch.setattr(nn.Conv2d, "forward", _wrapped(nn.Conv2d.forward))
    assert NetDescriber().fingerprint(backbone) != before


def test_there_is_none_of_what_was_not_copied_or_has_hooks(loads, weights):
    backbone = load_anew("squeezenet1_1", weights)
    assert fingerprint_as_loaded(load_anew("squeezenet1_1", None)) is None
    assert fingerprint_as_loaded(copy.deepcopy(backbone)) is None
    hook = register_module_forward_hook(lambda module, args, output: 2 * output)
    try:
        assert fingerprint_as_loaded(backbone) is None
    finally:
        hook.remove()
    assert fingerprint_as_loaded(backbone) is not None


def test_copies_do_not_keep_what_was_loaded_before(loads, weights):
    backbone = load_anew("squeezenet1_1", weights)
    (kept,) = map(weakref.ref, _recent._LAST.values())
    load_anew("squeezenet1_1", weights, pooling="max")
    assert kept() is None
    assert fingerprint_as_loaded(backbone) is None


def test_other_settings_are_loaded(loads, weights):
    load_anew("squeezenet1_1", weights)
    pooled = load_anew("squeezenet1_1", weights, pooling="max")
    small = load_anew("squeezenet1_1", weights, image_size=96)
    assert len(loads) == 3
    assert (pooled.pooling.kind, small.preprocessing.crop) == ("max", (96, 96))
    load_anew("squeezenet1_1", weights)
    assert len(loads) == 4, "one is kept"


def test_another_default_precision_is_loaded(loads, weights):
    single = load_anew("squeezenet1_1", weights)
    torch.set_default_dtype(torch.float64)
    try:
        double = load_anew("squeezenet1_1", weights)
    finally:
        torch.set_default_dtype(torch.float32)
    dtypes = [next(b.parameters()).dtype for b in (single, double)]
    assert dtypes == [torch.float32, torch.float64]


def test_a_file_that_changed_is_loaded(loads, weights):
    before = load_anew("squeezenet1_1", weights)
    state = load_file(weights)
    changed = os.stat(weights).st_ctime_ns
    while os.stat(weights).st_ctime_ns == changed:
        save_file({key: value + 1 for key, value in state.items()}, weights)
    after = load_anew("squeezenet1_1", weights)
    assert len(loads) == 2
    assert not same_state(before.state_dict(), after.state_dict())
    weights.unlink()
    with pytest.raises(FileNotFoundError, match="weights"):
        load_anew("squeezenet1_1", weights)


def test_backbone_files(loads, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_backbone(load_backbone("smallnet", None), path)
    states = [load_anew(path, "auto").state_dict() for _ in range(2)]
    assert len(loads) == 1
    assert same_state(*states)
    save_backbone(load_backbone("smallnet", None), path)
    assert not same_state(load_anew(path, "auto").state_dict(), states[0])


def test_what_a_user_registered_may_have_changed_since(loads, tmp_path, monkeypatch):
    monkeypatch.setattr(_registry, "_BUILDERS", dict(_registry._BUILDERS))
    path = tmp_path / "mine.safetensors"
    for activation in (nn.ReLU, nn.Sigmoid):

        @register_backbone("mine")
        def builder(activation=activation):
            class Local(activation):
                """A class that no pickle finds."""

            return nn.Sequential(nn.Conv2d(3, 4, 3), Local())

        if not path.exists():
            save_backbone(load_backbone("mine", None), path)
        assert isinstance(load_anew(path, "auto").stages[0][1], activation)
    assert not _recent._LAST


def test_random_and_large_ones_are_not_kept(loads, weights, monkeypatch):
    for _ in range(2):
        load_anew("squeezenet1_1", None)
        load_anew("mlp", "auto", n_inputs=3)
    assert not _recent._LAST
    monkeypatch.setattr(_recent, "_MAX_BYTES", 1000)
    load_anew("squeezenet1_1", weights)
    assert not _recent._LAST


def test_files_of_just_now_are_not_kept(loads, weights, monkeypatch):
    monkeypatch.setattr(files, "_TICK", 10**13)
    for _ in range(2):
        load_anew("squeezenet1_1", weights)
    assert len(loads) == 2
