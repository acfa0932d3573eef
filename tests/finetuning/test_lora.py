"""Low-rank adapters."""

import copy
import sys

import pytest
import torch
from torch import nn

from sktransfer._training.module import TransferModule
from sktransfer.backbones import Backbone, load_backbone
from sktransfer.exceptions import MissingExtraError
from sktransfer.finetuning._lora import add_adapters, is_adapter, merge_adapters
from sktransfer.finetuning._strategies import Freezing

from ..nets import same_state, state_of, tiny_backbone
from ..texts import tiny_transformer

pytest.importorskip("peft")


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    stages = [nn.Linear(5, 7), nn.Sequential(nn.ReLU(), nn.Linear(7, 4))]
    return Backbone(stages, name="dense", width=4, modality="table", n_inputs=5)


def _moved(backbone):
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if is_adapter(name):
                parameter.add_(torch.randn_like(parameter))
    return backbone


def test_adapters_change_nothing_at_first(backbone):
    x = torch.randn(3, 5)
    before, state = backbone(x), state_of(backbone)
    add_adapters(backbone, 2)
    assert torch.equal(backbone(x), before)
    merge_adapters(backbone)
    assert same_state(state_of(backbone), state)


def test_merged_weights_are_those_of_the_paper(backbone):
    weight = backbone.stages[0].weight.detach().clone()
    add_adapters(backbone, 2)
    parts = dict(_moved(backbone).stages[0].named_parameters())
    A, B = parts["lora_A.default.weight"], parts["lora_B.default.weight"]
    assert (A.shape, B.shape) == ((2, 5), (7, 2))
    expected = weight + 2 * B @ A  # alpha / r is 2
    x = torch.randn(3, 5)
    before = backbone(x)
    merge_adapters(backbone)
    torch.testing.assert_close(backbone.stages[0].weight, expected)
    torch.testing.assert_close(backbone(x), before)


def test_nothing_of_peft_stays(backbone):
    own, kinds = set(vars(backbone)), [type(m) for m in backbone.modules()]
    names = list(backbone.state_dict())
    for _ in range(2):  # merged adapters make room for others
        add_adapters(backbone, 2)
        merge_adapters(_moved(backbone))
    assert set(vars(backbone)) == own
    assert [type(m) for m in backbone.modules()] == kinds
    assert list(backbone.state_dict()) == names


def test_adapters_alone_are_trained(backbone):
    add_adapters(backbone, 2)
    module = TransferModule(backbone, nn.Linear(4, 2))
    Freezing("lora")(module)
    for name, parameter in backbone.named_parameters():
        assert parameter.requires_grad == is_adapter(name)
    assert all(p.requires_grad for p in module.head.parameters())


def test_encoders_of_texts_have_adapters(tmp_path):
    backbone = load_backbone(f"text:{tiny_transformer(tmp_path)}")
    copied = copy.deepcopy(backbone)
    add_adapters(copied, 3)
    adapters = [name for name, _ in copied.named_parameters() if is_adapter(name)]
    assert len(adapters) == 3 * 6 * 2  # layers, dense layers in each, matrices
    batch = backbone.preprocessing.batch(["the cat", "dog"])
    moved = _moved(copied)(batch)
    assert not torch.allclose(moved, backbone(batch))
    merge_adapters(copied)
    torch.testing.assert_close(copied(batch), moved, rtol=1e-4, atol=1e-5)


def test_a_net_without_dense_layers_is_refused():
    with pytest.raises(ValueError, match=r"dense layers.*'tiny' has none"):
        add_adapters(tiny_backbone(), 2)


def test_a_dense_layer_that_does_more_is_left_alone():
    with pytest.raises(ValueError, match="'mlp' has none"):
        add_adapters(load_backbone("mlp", n_inputs=3), 2)


def test_a_missing_extra_is_named(monkeypatch, backbone):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sktransfer\[lora\]'"):
        add_adapters(backbone, 2)
