"""Parameter groups: all parameters once, at the right rates and decays."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sktransfer import FineTuneClassifier
from sktransfer._training.config import TrainingConfig
from sktransfer._training.module import TransferModule
from sktransfer._training.optimizers import (
    build_optimizer,
    parameter_groups,
    peak_lr,
)
from sktransfer.backbones import load_backbone

from ..nets import table, tiny_backbone

CONFIG = TrainingConfig.of(FineTuneClassifier(device="cpu"), from_scratch=False)


def _module(name):
    if name == "tiny":
        return TransferModule(tiny_backbone(), nn.Linear(8, 2))
    columns = {"n_inputs": 4} if name == "mlp" else {}
    with torch.device("meta" if name.startswith("vit") else "cpu"):
        backbone = load_backbone(name, weights=None, **columns)
        return TransferModule(backbone, nn.Linear(backbone.n_features, 2))


@pytest.mark.parametrize("from_scratch", [False, True])
@pytest.mark.parametrize("name", ["mlp", "smallnet", "resnet18", "vit_b_16"])
def test_every_parameter_is_in_exactly_one_group(name, from_scratch):
    module = _module(name)
    config = replace(CONFIG, from_scratch=from_scratch, backbone_lr_ratio=(0.01, 0.1))
    grouped = [p for g in parameter_groups(module, config) for p in g["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == set(module.parameters())


@pytest.mark.parametrize("name", ["smallnet", "resnet18", "vit_b_16"])
def test_biases_and_norm_layers_do_not_decay(name):
    module = _module(name)
    norms = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm)
    free = {p for m in module.modules() if isinstance(m, norms) for p in m.parameters()}
    free |= {p for n, p in module.named_parameters() if n.endswith("bias")}
    for group in parameter_groups(module, CONFIG):
        for parameter in group["params"]:
            assert (group.get("weight_decay") == 0.0) == (parameter in free)


def _rates(module, config):
    groups = parameter_groups(module, config)
    rate_of = {p: g["lr"] for g in groups for p in g["params"]}
    parts = [module.head, *module.backbone.stages]
    return [{rate_of[p] for p in part.parameters()} for part in parts]


@pytest.mark.parametrize(
    ("ratio", "from_scratch", "expected"),
    [
        (0.1, False, [0.5, 0.05, 0.05, 0.05]),
        ((0.01, 1.0), False, [0.5, 0.005, 0.05, 0.5]),
        (0.0, False, [0.5, 0.0, 0.0, 0.0]),
        (0.1, True, [0.5, 0.5, 0.5, 0.5]),
    ],
)
def test_stages_learn_at_their_own_rate(ratio, from_scratch, expected):
    config = replace(CONFIG, lr=0.5, backbone_lr_ratio=ratio, from_scratch=from_scratch)
    rates = _rates(_module("tiny"), config)
    assert all(len(rate) == 1 for rate in rates)
    assert_allclose([rate.pop() for rate in rates], expected)


@pytest.mark.parametrize(
    ("name", "weights", "expected"),
    [
        ("synthnet", "auto", 1e-2),
        ("synthnet", None, 1e-3),
        ("smallnet", None, 1e-3),
        ("resnet18", None, 1e-3),
        ("mlp", None, 1e-2),
    ],
)
def test_small_nets_that_know_little_learn_faster(name, weights, expected):
    columns = {"n_inputs": 4} if name == "mlp" else {}
    backbone = load_backbone(name, weights=weights, **columns)
    config = replace(CONFIG, from_scratch=not backbone.pretrained)
    assert peak_lr(config, backbone) == expected
    assert peak_lr(replace(config, lr=0.3), backbone) == 0.3


@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [
        ("adamw", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        ("sgd", torch.optim.SGD),
        ("rmsprop", torch.optim.RMSprop),
        (torch.optim.Adagrad, torch.optim.Adagrad),
        (torch.optim.Rprop, torch.optim.Rprop),
        (partial(torch.optim.SGD, momentum=0.3), torch.optim.SGD),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["mlp", "tiny"])
def test_optimizers_by_name_class_and_partial(name, optimizer, kind):
    built = build_optimizer(_module(name), replace(CONFIG, optimizer=optimizer))
    assert type(built) is kind


def _decays(name, **parameters):
    built = build_optimizer(_module(name), replace(CONFIG, **parameters))
    return {group.get("weight_decay") for group in built.param_groups}


def test_weight_decay():
    sgd = partial(torch.optim.AdamW, weight_decay=0.3)
    assert _decays("tiny") == {0.0, 0.01}
    assert _decays("tiny", weight_decay=0.2) == {0.0, 0.2}
    assert _decays("tiny", weight_decay=0) == {0}
    assert _decays("tiny", optimizer="sgd") == {0}
    assert _decays("tiny", optimizer=sgd) == {0.0, 0.3}
    assert _decays("mlp") == {0.0}
    assert _decays("mlp", weight_decay=0.2) == {0.0, 0.2}
    assert _decays("mlp", optimizer=sgd) == {0.0, 0.3}


def test_options_of_a_partial_arrive():
    config = replace(CONFIG, optimizer=partial(torch.optim.SGD, momentum=0.3))
    built = build_optimizer(_module("tiny"), config)
    assert all(group["momentum"] == 0.3 for group in built.param_groups)


@pytest.mark.parametrize("optimizer", [int, print, dict, torch.optim.LBFGS, nn.Linear])
def test_what_is_no_optimizer_is_refused(optimizer):
    with pytest.raises(ValueError, match=r"optimizer=.*cannot be built.*Use one of"):
        build_optimizer(_module("tiny"), replace(CONFIG, optimizer=optimizer))


def test_the_schedule_takes_effect():
    X, y = table(40)
    ends = {}
    for schedule in ("one_cycle", "cosine", "linear", "constant"):
        model = FineTuneClassifier(
            lr=0.01, lr_schedule=schedule, max_epochs=10, batch_size=8, random_state=0
        ).fit(X, y)
        ends[schedule] = np.array(model.history_[:, "lr"])
    assert np.all(ends["constant"] == 0.01)
    assert_allclose(ends["linear"], 0.01 * (1 - np.arange(4, 50, 5) / 50))
    assert ends["one_cycle"].argmax() == 2
    assert ends["cosine"][-1] < ends["cosine"][-2] < 0.001
