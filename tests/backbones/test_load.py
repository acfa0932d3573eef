"""Names, and what `load_backbone` and `register_backbone` make of them."""

import warnings
from functools import partial

import pytest
import torch
from torch import nn
from torchvision import models

from sktransfer.backbones import (
    Backbone,
    ImagePreprocessing,
    list_backbones,
    load_backbone,
    register_backbone,
)
from sktransfer.backbones import _registry as registry
from sktransfer.exceptions import RandomWeightsWarning


@pytest.fixture
def register(monkeypatch):
    """Register under names that are forgotten after the test."""
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))
    return register_backbone


def test_names_are_those_of_torchvision_and_ours(monkeypatch):
    # a doctest may have registered a net of its own in this process
    ours = {name: registry._BUILDERS[name] for name in ("mlp", "smallnet")}
    monkeypatch.setattr(registry, "_BUILDERS", ours)
    names = list_backbones()
    assert set(names) == {*models.list_models(module=models), "mlp", "smallnet"}
    assert names == sorted(names)
    assert list_backbones("vgg1?") == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert list_backbones("nothing*") == []


@pytest.mark.parametrize("name", ["resnet-18", "Resnet18", "", "no such net", "auto"])
def test_unknown_names(name):
    with pytest.raises(ValueError, match=f"no backbone '{name}'.*list_backbones"):
        load_backbone(name)


def test_a_typing_error_is_guessed():
    with pytest.raises(ValueError, match="'resnet18'"):
        load_backbone("resnet_18")


@pytest.mark.parametrize("name", [None, 18, nn.Identity()])
def test_what_is_no_name(name):
    with pytest.raises(TypeError, match="A backbone is named by"):
        load_backbone(name)


def test_random_images_nets_warn_unless_asked_for():
    with pytest.warns(RandomWeightsWarning, match="'smallnet'.*weights=None"):
        load_backbone("smallnet")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_backbone("smallnet", weights=None)
        assert load_backbone("mlp", n_inputs=3).weights == "random"


def test_columns_belong_to_tables():
    with pytest.raises(ValueError, match=r"n_inputs: 'mlp'.*number of columns"):
        load_backbone("mlp")
    with pytest.raises(ValueError, match=r"n_inputs=4: 'resnet18' takes images"):
        load_backbone("resnet18", None, n_inputs=4)


def test_dtype():
    backbone = load_backbone("mlp", n_inputs=3, dtype=torch.float64)
    assert backbone(torch.rand(2, 3, dtype=torch.float64)).dtype == torch.float64


def test_weights_of_a_table_net(register):
    state = load_backbone("mlp", n_inputs=3).state_dict()
    backbone = load_backbone("mlp", state, n_inputs=3)
    assert (backbone.weights, backbone.pretrained) == ("state dict", True)
    with pytest.raises(ValueError, match=r"stages\.0\.weight"):
        load_backbone("mlp", state, n_inputs=4)


def test_a_registered_module_is_wrapped_by_its_kind(register):
    @register("columns")
    def columns(n_inputs):
        return nn.Sequential(nn.Linear(n_inputs, 9), nn.ReLU(), nn.Linear(9, 7))

    @register("pixels")
    def pixels():
        return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())

    table = load_backbone("columns", n_inputs=4)
    assert (table.modality, table.n_inputs, table.n_features) == ("table", 4, 7)
    assert len(table.stages) == 2
    image = load_backbone("pixels", None)
    assert (image.modality, image.n_features) == ("image", 6)
    assert {"columns", "pixels"} <= set(list_backbones())


def test_a_registered_backbone_keeps_its_settings(register):
    preprocessing = ImagePreprocessing(resize=36, crop=(32, 32))

    @register("mine")
    def mine():
        return Backbone(
            [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)],
            name="whatever",
            width=5,
            preprocessing=preprocessing,
            weights="my disk",
            pretrained=True,
        )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backbone = load_backbone("mine")
    assert (backbone.name, backbone.weights) == ("mine", "my disk")
    assert backbone.preprocessing == preprocessing


@pytest.mark.parametrize("name", ["mlp", "resnet18"])
def test_taken_names(register, name):
    with pytest.raises(ValueError, match=f"'{name}' is taken"):
        register(name)(lambda: nn.Identity())


def test_a_cell_can_be_run_again(register):
    for outputs in (4, 5):

        @register("rerun")
        def net(n_inputs, outputs=outputs):
            return nn.Linear(n_inputs, outputs)

    assert load_backbone("rerun", n_inputs=2).n_features == 5


@pytest.mark.parametrize("name", ["", "auto", "timm:net", "a/b", "file.pth", "a\\b"])
def test_unfit_names(register, name):
    with pytest.raises(ValueError, match="is empty, reserved"):
        register(name)


def test_a_forgotten_name(register):
    with pytest.raises(TypeError, match="@register_backbone"):
        register(lambda: nn.Identity())


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (None, TypeError, "'wrong' returned None. It must return"),
        (nn.Linear(5, 2), ValueError, "the module 'wrong' cannot run"),
        (nn.Flatten(0), ValueError, r"the module 'wrong' returned \(150528,\)"),
    ],
)
def test_unfit_builders(register, result, error, message):
    def build(result):
        return result

    builder = partial(build, result)
    registry._BUILDERS["wrong"] = lambda: builder()
    with pytest.raises(error, match=message):
        load_backbone("wrong", None)
