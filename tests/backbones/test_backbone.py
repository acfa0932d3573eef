"""What a Backbone is, whatever network it wraps."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch
from sklearn.base import clone
from torch import nn

from sktransfer.backbones import Backbone, load_backbone
from sktransfer.backbones._pooling import Pooling

MAPS = torch.rand(3, 5, 4, 6)


@pytest.fixture
def backbone():
    return load_backbone("smallnet", weights=None)


def test_importing_the_package_imports_no_torch():
    code = "import sktransfer.backbones, sys; print('torch' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "False"


@pytest.mark.parametrize("kind", ["images", "table"])
def test_what_is_prepared_is_not_prepared_again(backbone, kind):
    x = torch.randint(256, (2, 3, 17, 20)).byte()
    if kind == "table":
        backbone, x = load_backbone("mlp", n_inputs=4), torch.rand(2, 4)
        backbone.preprocessing.fit_(10 * x + 1)
    ready = backbone.prepare(x)
    assert torch.equal(backbone(ready, prepared=True), backbone(x))
    maps = backbone.feature_maps(ready, prepared=True), backbone.feature_maps(x)
    assert all(map(torch.equal, *maps))


def test_stages_in_sequence_and_pooling_are_the_forward(backbone):
    images = torch.randint(256, (2, 3, 17, 20)).byte()
    x = backbone.preprocessing.normalize(images)
    x = x.contiguous(memory_format=torch.channels_last)
    for stage in backbone.stages:
        x = stage(x)
    assert torch.equal(backbone.pooling(x), backbone(images))
    assert torch.equal(backbone.feature_maps(images)[-1], x)


def test_stages_by_name_and_by_number(backbone):
    images = torch.rand(2, 3, 16, 16)
    layers = ["stage3", 0, -2, "stage0"]
    last, first, third, again = backbone.forward_stages(images, layers)
    assert torch.equal(last, backbone(images))
    assert torch.equal(first, again)
    assert [f.shape[1] for f in (last, first, third)] == [128, 16, 64]
    maps = backbone.feature_maps(images)
    torch.testing.assert_close(third, maps[2].mean((2, 3)))
    assert backbone.forward_stages(images, []) == []


@pytest.mark.parametrize("layer", ["stage4", 4, -5, "layer1", None, 1.0])
def test_an_unknown_stage_is_named(backbone, layer):
    with pytest.raises(ValueError, match=rf"layers: {layer!r} is no stage.*'stage0'"):
        backbone.forward_stages(torch.rand(1, 3, 8, 8), [layer])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("auto", MAPS.mean((2, 3))),
        ("avg", MAPS.mean((2, 3))),
        ("max", MAPS.amax((2, 3))),
        ("avgmax", torch.cat([MAPS.mean((2, 3)), MAPS.amax((2, 3))], dim=1)),
        ("gem", (MAPS**3).mean((2, 3)) ** (1 / 3)),
    ],
)
def test_poolings_by_their_formulas(kind, expected):
    torch.testing.assert_close(Pooling(kind)(MAPS), expected)


def test_pooling_tokens_leaves_the_class_token_out():
    tokens = torch.rand(2, 1 + 6, 5)
    assert torch.equal(Pooling("auto")(tokens), tokens[:, 0])
    torch.testing.assert_close(Pooling("avg")(tokens), tokens[:, 1:].mean(1))
    torch.testing.assert_close(Pooling("max")(tokens), tokens[:, 1:].amax(1))


def test_generalized_mean_of_dead_maps_has_a_finite_gradient():
    maps = torch.zeros(1, 2, 3, 3, requires_grad=True)
    Pooling("gem")(maps).sum().backward()
    assert maps.grad.isfinite().all()


def test_a_norm_is_applied_to_each_part_of_the_last_stage_alone():
    norm = nn.LayerNorm(5)
    pooling = Pooling("avgmax", norm)
    average, maximum = MAPS.mean((2, 3)), MAPS.amax((2, 3))
    expected = torch.cat([norm(average), norm(maximum)], dim=1)
    torch.testing.assert_close(pooling(MAPS), expected)
    bare = torch.cat([average, maximum], dim=1)
    torch.testing.assert_close(pooling.pool_stage(MAPS), bare)


def test_pooling_changes_the_number_of_features(backbone):
    both = backbone.with_pooling("avgmax")
    assert (backbone.n_features, both.n_features) == (128, 256)
    assert both(torch.rand(2, 3, 8, 8)).shape == (2, 256)
    assert load_backbone("smallnet", None, pooling="avgmax").n_features == 256


def test_unknown_poolings_and_vectors_to_pool():
    with pytest.raises(ValueError, match=r"pooling='mean' is not one of .*'avg'"):
        load_backbone("smallnet", None, pooling="mean")
    table = load_backbone("mlp", n_inputs=3, pooling="max")
    with pytest.raises(ValueError, match=r"pooling='max'.*Leave pooling='auto'"):
        table(torch.rand(2, 3))


def test_another_image_size_is_another_backbone(backbone):
    smaller = backbone.with_image_size(32)
    assert (smaller.preprocessing.crop, smaller.preprocessing.resize) == ((32, 32), 36)
    assert backbone.preprocessing.crop == (64, 64)
    ours = {p.data_ptr() for p in backbone.parameters()}
    assert ours.isdisjoint(p.data_ptr() for p in smaller.parameters())
    assert backbone.with_image_size(None).preprocessing == backbone.preprocessing


@pytest.mark.parametrize("size", [0, -3, 2.5, True, "64", (1, 2, 3), (4, 0), (5, None)])
def test_what_is_no_image_size(backbone, size):
    with pytest.raises(ValueError, match=r"image_size=.*number of pixels"):
        backbone.with_image_size(size)


def test_a_table_has_no_image_size():
    with pytest.raises(ValueError, match=r"image_size=32.*Leave image_size=None"):
        load_backbone("mlp", n_inputs=2, image_size=32)


def test_clone_returns_the_backbone_itself(backbone):
    assert clone(backbone) is backbone


def test_copies_compute_the_same_and_share_nothing(backbone):
    images = torch.rand(2, 3, 12, 12)
    for other in (copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
        assert torch.equal(other(images), backbone(images))
        assert repr(other) == repr(backbone)
        with torch.no_grad():
            next(other.parameters()).zero_()
        assert not torch.equal(other(images), backbone(images))


def test_one_line_says_what_it_is(backbone):
    assert repr(backbone) == "Backbone('smallnet', weights='random', n_features=128)"


def test_backbones_come_in_eval_mode_and_train_on_demand(backbone):
    assert not any(module.training for module in backbone.modules())
    assert all(module.training for module in backbone.train().modules())
    assert all(module.training for module in backbone.with_pooling("max").modules())


def test_preprocessing_belongs_to_the_network():
    mine = Backbone([nn.Identity()], name="mine", width=3)
    assert torch.equal(mine.feature_maps(MAPS[:, :3])[0], MAPS[:, :3])
