"""Copies for inference: the same features, made anew when the backbone changes."""

import copy
import functools
import gc
import weakref

import pytest
import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torchvision.models.resnet import BasicBlock

from sktransfer._inference._copies import can_be_copied, copied_network
from sktransfer._inference._packed import PackedConv2d
from sktransfer.backbones import Backbone, ImagePreprocessing, load_backbone
from sktransfer.backbones._pooling import Pooling

from ..nets import same_state, state_of, tiny_backbone

NAMES = (
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
)


def _batch(side=64):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(
        256, (2, 3, side, side), dtype=torch.uint8, generator=generator
    )


def _shaken(backbone):
    """Give batch norms weights and statistics that matter."""
    generator = torch.Generator().manual_seed(0)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.uniform_(-0.3, 0.3, generator=generator)
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.3, 2, generator=generator)
    return backbone


def _distance(one, other):
    return ((one - other).norm() / other.norm()).item()


@torch.inference_mode()
@pytest.mark.parametrize("name", NAMES)
def test_features_are_those_of_a_float64_backbone(name):
    backbone = _shaken(load_backbone(name, None, image_size=64))
    before = state_of(backbone)
    network, batch = copied_network(backbone), _batch()
    exact = copy.deepcopy(backbone).double()(batch.double() / 255)
    assert _distance(network.features(batch), exact) < 1e-5
    stage = backbone.forward_stages(batch, [1])[0]
    assert _distance(network.features(batch, layers=[1]), stage) < 1e-5
    assert same_state(backbone.state_dict(), before)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_bf16_is_as_near_as_under_autocast(name):
    backbone, batch = _shaken(load_backbone(name, None, image_size=64)), _batch()
    exact = backbone(batch)
    with torch.autocast("cpu", torch.bfloat16):
        theirs = backbone(batch).float()
        ours = copied_network(backbone, torch.bfloat16).features(batch).float()
    assert _distance(ours, exact) < 1.5 * _distance(theirs, exact)


def test_batch_norms_are_folded_and_tensors_shared():
    backbone = load_backbone("resnet18", None)
    copied = copied_network(backbone).backbone
    assert not any(isinstance(m, nn.BatchNorm2d) for m in copied.modules())
    packed = sum(isinstance(m, PackedConv2d) for m in copied.modules())
    assert packed in (0, 20)  # none where oneDNN has no such kernels


def test_there_is_one_copy_until_the_backbone_changes():
    backbone = tiny_backbone()
    network = copied_network(backbone)
    assert copied_network(backbone) is network
    backbone.stages[0][0].weight.data.mul_(2)  # its version does not count this
    changed = copied_network(backbone)
    assert changed is not network
    backbone.stages[0][0] = nn.Conv2d(3, 4, 3, padding=1)
    replaced = copied_network(backbone)
    assert replaced is not changed
    assert copied_network(backbone, torch.bfloat16) is not replaced


@torch.inference_mode()
@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (nn.Conv2d, "stride", (1, 1)),
        (nn.BatchNorm2d, "eps", 0.5),
        (nn.MaxPool2d, "stride", [1, 1]),
        (Pooling, "kind", "max"),
    ],
)
def test_a_setting_that_changes_in_place_reaches_the_copy(kind, name, value):
    backbone, batch = load_backbone("resnet18", None, image_size=64), _batch()
    before = copied_network(backbone).features(batch)
    module = next(m for m in backbone.modules() if type(m) is kind)
    setattr(module, name, value)
    expected = backbone(batch)
    assert _distance(copied_network(backbone).features(batch), expected) < 1e-5
    assert _distance(before, expected) > 1e-2


def test_training_mode_does_not_change_the_copy():
    backbone = tiny_backbone()
    network = copied_network(backbone)
    assert copied_network(backbone.train()) is network


def test_a_copy_goes_with_its_backbone():
    backbone = tiny_backbone()
    network = weakref.ref(copied_network(backbone))
    del backbone
    gc.collect()
    assert network() is None


def test_hooks_and_methods_of_an_instance_forbid_a_copy():
    backbone = tiny_backbone()
    assert can_be_copied(backbone)
    handle = backbone.stages[0].register_forward_hook(lambda *args: None)
    assert not can_be_copied(backbone)
    handle.remove()
    backbone.stages[0].forward = lambda x: x
    assert not can_be_copied(backbone)


@pytest.mark.parametrize(
    "register", [register_module_forward_hook, register_module_forward_pre_hook]
)
def test_hooks_on_all_modules_forbid_a_copy(register):
    backbone = tiny_backbone()
    handle = register(lambda *args: None)
    try:
        assert not can_be_copied(backbone)
    finally:
        handle.remove()
    assert can_be_copied(backbone)


class _Crossed(nn.Module):
    """Calls its children in another order than they were given."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(3)
        self.last = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))

    def forward(self, x):
        return self.last[0](self.last[1](self.conv(self.bn1(x))))


@torch.inference_mode()
def test_modules_of_the_user_are_left_alone():
    preprocessing = ImagePreprocessing(
        resize=8, crop=(8, 8), mean=(0.5,) * 3, std=(0.25,) * 3, flexible=True
    )
    stage = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), _Crossed())
    backbone = _shaken(
        Backbone([stage], name="crossed", width=3, preprocessing=preprocessing)
    )
    network, batch = copied_network(backbone), _batch(8)
    assert not network.in_streams
    assert network.backbone.stages[0][2] is stage[2]
    assert _distance(network.features(batch), backbone(batch)) < 1e-6


def _norm_first(block, x):
    out = block.relu(block.conv1(block.bn1(x)))
    return x + block.bn2(block.conv2(out))


@torch.inference_mode()
def test_a_class_that_was_given_another_forward_is_left_alone(monkeypatch):
    block = BasicBlock(3, 3)
    backbone = _shaken(
        Backbone([block], name="block", width=3, preprocessing=ImagePreprocessing())
    )
    batch = _batch(224)
    assert _distance(copied_network(backbone).features(batch), backbone(batch)) < 1e-5
    monkeypatch.setattr(BasicBlock, "forward", _norm_first)
    network = copied_network(backbone)
    assert _distance(network.features(batch), backbone(batch)) < 1e-6
    assert network.backbone.stages[0] is block


@torch.inference_mode()
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.BatchNorm2d, nn.ReLU])
@pytest.mark.parametrize("named_alike", [False, True])
def test_layers_that_were_given_another_forward_are_not_fused(
    kind, named_alike, monkeypatch
):
    backbone, batch = load_backbone("resnet18", None, image_size=64), _batch()
    before = copied_network(backbone).features(batch)
    forward = kind.forward

    def halved(self, x):
        return forward(self, x) / 2

    other = functools.wraps(forward)(halved) if named_alike else halved
    monkeypatch.setattr(kind, "forward", other)
    expected = backbone(batch)
    assert _distance(copied_network(backbone).features(batch), expected) < 1e-5
    assert _distance(before, expected) > 1e-2


@torch.inference_mode()
def test_nan_in_the_weights_comes_to_light():
    backbone = tiny_backbone()
    backbone.stages[0][0].weight.data[0] = torch.nan
    batch = _batch(8)
    assert backbone(batch).isnan().all()
    assert copied_network(backbone).features(batch).isnan().all()
