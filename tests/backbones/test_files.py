"""Backbones written to files and read again."""

import json

import pytest
import safetensors.torch
import torch
from torch import nn

from sktransfer.backbones import (
    Backbone,
    load_backbone,
    register_backbone,
    save_backbone,
)
from sktransfer.backbones import _registry as registry


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Register nets that are forgotten after the test."""
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))

    @register_backbone("tiny-image-net")
    def tiny_image_net():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    @register_backbone("tiny-table-net")
    def tiny_table_net(n_inputs):
        return nn.Linear(n_inputs, 3)


def same(backbone, other):
    ours, theirs = backbone.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert all(ours[key].dtype == theirs[key].dtype for key in ours)
    assert repr(backbone) == repr(other)
    if backbone.modality == "image":  # a table's is among the tensors
        assert backbone.preprocessing == other.preprocessing
    assert backbone.pooling.kind == other.pooling.kind
    assert backbone.pretrained == other.pretrained
    assert not other.training


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlp", {"n_inputs": 4}),
        ("mlp", {"n_inputs": 4, "dtype": torch.float64}),
        ("mlp_wide", {"n_inputs": 4}),
        ("smallnet", {"pooling": "gem"}),
        ("smallnet", {"image_size": (32, 40)}),
        ("resnet18", {"image_size": 64, "pooling": "avgmax"}),
        ("densenet121", {}),
        ("convnext_tiny", {}),
        ("swin_v2_t", {}),
        ("tiny-image-net", {}),
        ("tiny-table-net", {"n_inputs": 4}),
    ],
)
def test_a_file_returns_the_same_backbone(tmp_path, name, options):
    backbone = load_backbone(name, None, **options)
    state = {
        key: torch.rand_like(tensor) if tensor.is_floating_point() else tensor
        for key, tensor in backbone.state_dict().items()
    }
    backbone.load_state_dict(state)
    backbone.weights, backbone.pretrained = "fitted", True
    before = torch.get_rng_state()
    path = save_backbone(backbone, tmp_path / "mine.safetensors")
    same(backbone, load_backbone(path))
    assert torch.equal(torch.get_rng_state(), before)


def test_settings_override_those_of_the_file(tmp_path):
    backbone = load_backbone("smallnet", None, pooling="gem")
    path = save_backbone(backbone, tmp_path / "mine.safetensors")
    other = load_backbone(path, pooling="avgmax", image_size=32)
    assert (other.n_features, other.preprocessing.crop) == (256, (32, 32))


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = save_backbone(load_backbone("smallnet", None), tmp_path / "a.safetensors")
    before = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(safetensors.torch, "save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        save_backbone(load_backbone("smallnet", None), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def _changed():
    backbone = load_backbone("smallnet", None)
    backbone.stages[1].append(nn.Conv2d(32, 32, 1))
    return backbone


@pytest.mark.parametrize(
    ("backbone", "error", "message"),
    [
        (nn.Linear(2, 2), TypeError, "not Linear. Wrap .*register_backbone"),
        (
            Backbone([nn.Linear(2, 2)], name="Linear", width=2),
            ValueError,
            "'Linear', which is not known here.*register_backbone",
        ),
        (_changed(), ValueError, "not as its builder makes it.*register_backbone"),
    ],
)
def test_what_cannot_be_saved(tmp_path, backbone, error, message):
    with pytest.raises(error, match=message):
        save_backbone(backbone, tmp_path / "mine.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_unfit_paths(tmp_path):
    backbone = load_backbone("smallnet", None)
    with pytest.raises(ValueError, match=r"mine.pt' must end in '.safetensors'"):
        save_backbone(backbone, tmp_path / "mine.pt")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_backbone(backbone, tmp_path / "nowhere" / "mine.safetensors")


def test_a_file_has_weights_of_its_own(tmp_path):
    path = save_backbone(load_backbone("smallnet", None), tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"weights: the backbone .* is a file"):
        load_backbone(path, weights=None)


def test_unfit_files(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_backbone(path)
    path.write_bytes(b"not at all")
    with pytest.raises(ValueError, match="is no safetensors file"):
        load_backbone(path)
    safetensors.torch.save_file({"w": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="holds weights only: pass it as weights"):
        load_backbone(path)


# Files made to do harm ------------------------------------------------------------

_PREPROCESSING = {
    "resize": 72,
    "crop": [64, 64],
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "interpolation": "bilinear",
    "antialias": True,
    "flexible": True,
}
_METADATA = {
    "format": 1,
    "name": "smallnet",
    "n_inputs": None,
    "pooling": "auto",
    "preprocessing": _PREPROCESSING,
    "weights": "random",
    "pretrained": False,
}


def write(path, metadata, state=None):
    if state is None:
        state = load_backbone("smallnet", None).state_dict()
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    safetensors.torch.save_file(state, path, {"sktransfer": text})
    return path


def test_the_metadata_these_tests_spoil_are_good(tmp_path):
    load_backbone(write(tmp_path / "a.safetensors", _METADATA))


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "{",
        "[" * 100_000,
        "9" * 10_000,
        "null",
        "[]",
        {},
        {**_METADATA, "more": 1},
        {**_METADATA, "format": 2},
        {**_METADATA, "name": 5},
        {**_METADATA, "name": "os.system"},
        {**_METADATA, "name": "x" * 10**6},
        {**_METADATA, "name": "resnet18"},
        {**_METADATA, "name": "vit_h_14"},
        {**_METADATA, "name": "mlp", "n_inputs": None},
        {**_METADATA, "name": "mlp", "n_inputs": 10**15},
        {**_METADATA, "name": "mlp", "n_inputs": 3},
        {**_METADATA, "n_inputs": 3},
        {**_METADATA, "n_inputs": -1},
        {**_METADATA, "n_inputs": True},
        {**_METADATA, "pooling": "sum"},
        {**_METADATA, "pooling": ["avg"]},
        {**_METADATA, "weights": None},
        {**_METADATA, "pretrained": "yes"},
        {**_METADATA, "preprocessing": None},
        {**_METADATA, "preprocessing": [1]},
        *(
            {**_METADATA, "preprocessing": {**_PREPROCESSING, **wrong}}
            for wrong in (
                {"more": 1},
                {"resize": 10**9},
                {"resize": 0},
                {"resize": [64]},
                {"resize": None},
                {"crop": 64},
                {"crop": [64, 10**9]},
                {"crop": [64.5, 64]},
                {"mean": [0.5]},
                {"mean": [float("nan")] * 3},
                {"mean": [10**400] * 3},
                {"mean": "0.5"},
                {"std": [0, 1, 1]},
                {"std": None},
                {"interpolation": "exec"},
                {"interpolation": ["bilinear"]},
                {"antialias": 1},
                {"flexible": None},
            )
        ),
    ],
    ids=lambda metadata: str(metadata)[:40],
)
def test_hostile_metadata(tmp_path, metadata):
    path = write(tmp_path / "a.safetensors", metadata)
    with pytest.raises(ValueError, match=r"The backbone file .*a\.safetensors"):
        load_backbone(path)


@pytest.mark.parametrize(
    "change",
    [
        {"stages.0.0.0.weight": torch.zeros(2)},
        {"stages.9.weight": torch.zeros(2)},
        {"stages.0.0.0.weight": torch.zeros(16, 3, 3, 3, dtype=torch.int64)},
        {"stages.0.0.0.weight": torch.zeros(16, 3, 3, 3, dtype=torch.float16)},
    ],
    ids=["shape", "key", "integers", "mixed floats"],
)
def test_tensors_that_do_not_fit(tmp_path, change):
    state = {**load_backbone("smallnet", None).state_dict(), **change}
    path = write(tmp_path / "a.safetensors", _METADATA, state)
    with pytest.raises(ValueError, match=r"The backbone file .*a\.safetensors"):
        load_backbone(path)


def test_the_permissions_of_a_file_are_those_of_any_new_file(tmp_path):
    save_backbone(load_backbone("mlp", n_inputs=2), tmp_path / "a.safetensors")
    (tmp_path / "b").touch()
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1
