"""Weights from files, dicts and the network, to the letter."""

import http.client
import os
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import safetensors.torch
import torch
from PIL import Image
from torchvision import models
from torchvision.transforms.v2.functional import pil_to_tensor

from sktransfer.backbones import load_backbone, save_backbone
from sktransfer.exceptions import WeightsNotAvailableError
from tests.data import data_folder

IMAGES = torch.rand(2, 3, 64, 64)


@pytest.fixture(scope="module")
def network():
    return models.shufflenet_v2_x0_5(weights=None).eval()


@pytest.fixture
def state(network):
    return {key: tensor.clone() for key, tensor in network.state_dict().items()}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def load(weights):
    return load_backbone("shufflenet_v2_x0_5", weights, image_size=64)


def features(backbone):
    with torch.no_grad():
        return backbone(IMAGES)


@pytest.fixture(scope="module")
def expected(network):
    return features(load(network.state_dict()))


def test_a_state_dict_is_copied(state, expected):
    backbone = load(state)
    assert (backbone.weights, backbone.pretrained) == ("state dict", True)
    for tensor in state.values():
        tensor.zero_()
    assert torch.equal(features(backbone), expected)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_files(state, expected, tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    for given in (path, str(path)):
        backbone = load(given)
        assert (backbone.weights, backbone.pretrained) == (path.name, True)
        assert torch.equal(features(backbone), expected)


def test_none_is_random_and_says_so(expected):
    backbone = load(None)
    assert (backbone.weights, backbone.pretrained) == ("random", False)
    assert not torch.equal(features(backbone), expected)


def test_a_classifier_of_any_number_of_classes_is_dropped(state, expected):
    state["fc.weight"], state["fc.bias"] = torch.zeros(7, 3), torch.zeros(7)
    assert torch.equal(features(load(state)), expected)
    del state["fc.weight"], state["fc.bias"]
    assert torch.equal(features(load(state)), expected)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_heads_are_dropped(name):
    builder = models.get_model_builder(name)
    full = builder(weights=None, aux_logits=True, init_weights=False, num_classes=3)
    assert any(key.lower().startswith("aux") for key in full.state_dict())
    backbone = load_backbone(name, full.state_dict())
    assert torch.equal(next(backbone.stages[0].parameters()), next(full.parameters()))


def test_a_wrapper_and_a_missing_counter_are_tolerated(state, expected):
    wrapped = {
        f"module.{key}": tensor
        for key, tensor in state.items()
        if not key.endswith("num_batches_tracked")
    }
    assert torch.equal(features(load(wrapped)), expected)


def test_half_precision_files_become_float32(state):
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    assert {p.dtype for p in load(half).parameters()} == {torch.float32}


def test_every_other_difference_is_listed(state):
    state["conv1.0.weight"] = torch.zeros(5, 3, 3, 3)
    state["stage9.weight"] = torch.zeros(1)
    del state["stage2.0.branch1.0.weight"]
    with pytest.raises(ValueError, match="does not fit") as caught:
        load(state)
    for key in ("conv1.0.weight", "stage9.weight", "stage2.0.branch1.0.weight"):
        assert key in str(caught.value)


def test_weights_of_another_network_are_refused():
    other = models.squeezenet1_1(weights=None).state_dict()
    with pytest.raises(ValueError, match=r"features\.0\.weight"):
        load(other)


def test_integers_are_no_weights(state):
    state["conv1.0.weight"] = state["conv1.0.weight"].long()
    with pytest.raises(ValueError, match=r"'conv1.0.weight' is torch.int64"):
        load(state)


def test_old_spellings_of_keys_are_known():
    densenet = models.densenet121(weights=None).state_dict()
    old = {
        k.replace("norm1.", "norm.1.").replace("conv2.", "conv.2.")
        if "denselayer" in k
        else k: v
        for k, v in densenet.items()
    }
    assert old.keys() != densenet.keys()
    load_backbone("densenet121", old)
    vit = models.vit_b_32(weights=None).state_dict()
    old = {
        k.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): v
        for k, v in vit.items()
    }
    load_backbone("vit_b_32", old)


class _Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path, legacy):
    path, crime = tmp_path / "evil.pth", tmp_path / "crime"
    torch.save(
        {"conv1.0.weight": _Malicious(crime)},
        path,
        _use_new_zipfile_serialization=not legacy,
    )
    with pytest.raises(ValueError, match="was refused: it holds more than tensors"):
        load(path)
    assert not crime.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged|refused"),
        (b"\x80\x02 not a checkpoint", "damaged|refused"),
        (b"PK\x03\x04 truncated", "damaged|refused"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_files(tmp_path, suffix, content, message):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(path)


def test_truncated_files(state, tmp_path):
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / f"weights{suffix}"
        if suffix == ".pth":
            torch.save(state, path)
        else:
            safetensors.torch.save_file(state, path)
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(ValueError, match=r"weights\..*damaged"):
            load(path)


def test_a_training_checkpoint_is_refused_with_the_cure(state, tmp_path):
    path = tmp_path / "checkpoint.pth"
    torch.save({"epoch": 3, "model": dict(state)}, path)
    with pytest.raises(
        ValueError, match=r"'epoch': int, 'model': dict.*pass the state"
    ):
        load(path)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("weights.bin", ValueError, "'weights.bin' must be 'auto', None"),
        ("IMAGENET21K", ValueError, "'IMAGENET21K' must be 'auto', None"),
        ("nowhere.pth", FileNotFoundError, "no such file"),
        (3, TypeError, "weights=3 must be"),
        ({"conv1": "a string"}, ValueError, "must hold tensors by name.*'conv1': str"),
        ([1, 2], TypeError, "must be 'auto', None"),
    ],
)
def test_what_is_no_weights(weights, error, message):
    with pytest.raises(error, match=message):
        load(weights)


def test_a_saved_backbone_is_no_weights_file(state, tmp_path):
    path = save_backbone(load(state), tmp_path / "mine.safetensors")
    with pytest.raises(ValueError, match="pass the path as backbone"):
        load(path)


# Published weights ----------------------------------------------------------------


def published_file(cache, name="shufflenet_v2_x0_5"):
    url = models.get_model_weights(name).DEFAULT.url
    return cache / url.rsplit("/", 1)[-1]


@pytest.mark.parametrize("weights", ["auto", "IMAGENET1K_V1"])
def test_published_weights_from_the_cache(cache, state, expected, weights):
    torch.save(state, published_file(cache))
    backbone = load(weights)
    assert (backbone.weights, backbone.pretrained) == ("IMAGENET1K_V1", True)
    assert torch.equal(features(backbone), expected)


@pytest.mark.parametrize(
    "failure",
    [
        URLError("no route"),
        TimeoutError("too slow"),
        ConnectionResetError("reset"),
        http.client.RemoteDisconnected("gone"),
    ],
)
def test_a_failing_download_says_what_to_do(cache, monkeypatch, failure):
    def fail(*args, **kwargs):
        raise failure

    monkeypatch.setattr(torch.hub, "urlopen", fail)
    with pytest.raises(WeightsNotAvailableError) as caught:
        load("auto")
    message = str(caught.value)
    assert str(published_file(cache)) in message
    assert "weights=None" in message
    assert "https://download.pytorch.org" in message
    assert list(cache.iterdir()) == []


def test_a_download_cut_short_is_not_kept(cache, monkeypatch, state, tmp_path):
    whole = tmp_path / "whole.pth"
    torch.save(state, whole)
    monkeypatch.setattr(torch.hub, "urlopen", lambda _: urlopen(whole.as_uri()))
    with pytest.raises(WeightsNotAvailableError, match="invalid hash"):
        load("auto")
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_is_named(cache, state):
    path = published_file(cache)
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsNotAvailableError, match="damaged") as caught:
        load("auto")
    assert str(path) in str(caught.value)


# Real weights ---------------------------------------------------------------------


def test_imagenet_weights_recognise_ants_and_bees():
    path = data_folder("squeezenet1_1_imagenet.safetensors")
    backbone = load_backbone("squeezenet1_1", path)
    network = models.squeezenet1_1(weights=None).eval()
    network.load_state_dict(safetensors.torch.load_file(path))
    for kind, imagenet_class in (("ants", 310), ("bees", 309)):
        photographs = sorted(data_folder(f"hymenoptera_data/val/{kind}").iterdir())
        right = [
            _scores(network, backbone, photograph).argmax() == imagenet_class
            for photograph in photographs[:6]
        ]
        assert sum(right) >= 3


def _scores(network, backbone, photograph):
    """Return scores from our maps, checked to be the original's."""
    with Image.open(photograph) as file:
        image = pil_to_tensor(file.convert("RGB"))[None]
    ours = backbone.prepare(image)
    theirs = models.SqueezeNet1_1_Weights.DEFAULT.transforms()(image)
    one_level = 1 / 255 / min(backbone.preprocessing.std)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1.01 * one_level)
    with torch.no_grad():
        scores = network.classifier(backbone.feature_maps(image)[-1]).flatten(1)
        torch.testing.assert_close(scores, network(ours))
    return scores[0]
