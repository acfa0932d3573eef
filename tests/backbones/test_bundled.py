"""The weights that come with the package."""

import hashlib
import re
from importlib import resources
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from sktransfer import FineTuneClassifier
from sktransfer.backbones import load_backbone

FILE = Path(str(resources.files("sktransfer.backbones") / "data/synthnet.safetensors"))
CARD = Path(__file__).parents[2] / "tools" / "bundled_backbone" / "CARD.md"


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("synthnet")


def test_the_file_is_the_one_of_the_card():
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert digest == re.search("[0-9a-f]{64}", CARD.read_text("utf8")).group()


def test_the_file_holds_tensors_only_and_is_small():
    assert FILE.stat().st_size < 3e6
    with safe_open(FILE, "pt") as file:
        assert file.metadata() is None
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    floats = [t for t in tensors.values() if t.is_floating_point()]
    assert {t.dtype for t in floats} == {torch.float16}
    assert all(t.isfinite().all() for t in floats)


def test_every_weight_is_that_of_the_file(backbone):
    with safe_open(FILE, "pt") as file:
        for key, tensor in backbone.state_dict().items():
            assert torch.equal(tensor, file.get_tensor(key).to(tensor.dtype)), key


def test_it_says_where_its_weights_come_from(backbone):
    assert backbone.pretrained
    assert backbone.weights == "bundled (synthetic images, version 1)"
    assert load_backbone("synthnet", weights=None).weights == "random"


def test_it_is_the_same_whatever_the_seed(backbone):
    torch.manual_seed(1)
    image = torch.rand(1, 3, 20, 20)
    assert torch.equal(load_backbone("synthnet")(image), backbone(image))


def test_features_of_a_stroke(backbone):
    """Golden values, of this file alone."""
    image = torch.zeros(1, 1, 32, 32)
    image[..., 4:28, 14:18] = 1
    golden = torch.tensor([0.0, 0.7373, 0.1447, 0.9583])
    torch.testing.assert_close(backbone(image)[0, :4], golden, rtol=1e-3, atol=1e-3)


def test_estimators_take_it_by_default():
    images = torch.randint(256, (12, 10, 10, 3)).byte().numpy()
    model = FineTuneClassifier().fit(images, ["a", "b", "c"] * 4)
    assert model.strategy_ == "linear_probe"
    assert model.weights_.startswith("bundled")
