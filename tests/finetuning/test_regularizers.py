"""Regularizers against independent formulas in NumPy, in double precision."""

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer._training.batches import Batch
from sktransfer._training.head import build_head
from sktransfer._training.module import TransferModule
from sktransfer.backbones import load_backbone
from sktransfer.finetuning import BSS, DELTA, L2SP

REGULARIZERS = [L2SP(0.3, 0.7), DELTA(0.3, 0.7), BSS(0.3, k=3)]


@pytest.fixture
def task():
    """Return a module that moved away from its source, and a weighted batch."""
    torch.manual_seed(0)
    source = load_backbone("mlp", n_inputs=5, dtype=torch.float64)
    source.requires_grad_(False)
    moved = copy.deepcopy(source).requires_grad_()
    for parameter in moved.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    head = build_head("linear", moved, 3, torch.float64)
    module = TransferModule(moved, head, returns_maps=True)
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0, 1.0, 1.0], dtype=torch.float64)
    batch = Batch(torch.randn(6, 5, dtype=torch.float64), torch.zeros(6).long(), weight)
    return module, source, batch


def _penalty(regularizer, module, source, batch):
    return regularizer.penalty(module(batch.inputs), module, source, batch)


def _squares(pairs):
    return sum(np.square(a - b).sum() for a, b in pairs)


def _arrays(module):
    return [parameter.detach().numpy() for parameter in module.parameters()]


def _head_norm(module):
    return sum(np.square(array).sum() for array in _arrays(module.head))


def test_l2sp(task):
    module, source, batch = task
    moved = _squares(zip(_arrays(module.backbone), _arrays(source), strict=True))
    expected = 0.3 / 2 * moved + 0.7 / 2 * _head_norm(module)
    penalty = _penalty(L2SP(0.3, 0.7), module, source, batch)
    assert_allclose(penalty.item(), expected, rtol=1e-6)


def test_delta(task):
    module, source, batch = task
    maps = zip(
        module.backbone.feature_maps(batch.inputs),
        source.feature_maps(batch.inputs),
        strict=True,
    )
    rows = sum(np.square((a - b).detach().numpy()).sum(axis=1) for a, b in maps)
    expected = 0.3 / 2 * np.average(rows, weights=batch.weight.numpy())
    expected += 0.7 / 2 * _head_norm(module)
    penalty = _penalty(DELTA(0.3, 0.7), module, source, batch)
    assert_allclose(penalty.item(), expected, rtol=1e-6)


@pytest.mark.parametrize("k", [1, 3, 100])
def test_bss(task, k):
    module, source, batch = task
    batch = batch._replace(weight=None)
    features = module.backbone(batch.inputs).detach().numpy()
    values = np.sort(np.linalg.svd(features, compute_uv=False))[:k]
    penalty = _penalty(BSS(0.3, k), module, source, batch)
    assert_allclose(penalty.item(), 0.3 * np.square(values).sum(), rtol=1e-6)


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=str)
def test_a_weight_of_two_equals_a_repeated_row(task, regularizer):
    module, source, batch = task
    weight = torch.randint(1, 4, (90,)).double()
    batch = batch._replace(inputs=torch.randn(90, 5).double(), weight=weight)
    rows = torch.repeat_interleave(torch.arange(90), weight.long())
    weighted = _penalty(regularizer, module, source, batch)
    repeated = batch._replace(inputs=batch.inputs[rows], weight=None)
    repeated = _penalty(regularizer, module, source, repeated)
    assert_allclose(weighted.item(), repeated.item(), rtol=1e-9)


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=str)
def test_gradients_reach_every_stage_and_never_the_source(task, regularizer):
    module, source, batch = task
    _penalty(regularizer, module, source, batch).backward()
    for stage in module.backbone.stages:
        assert any(p.grad.abs().sum() > 0 for p in stage.parameters())
    assert all(parameter.grad is None for parameter in source.parameters())


@pytest.mark.parametrize("regularizer", [L2SP(1.0, 0.0), DELTA(1.0, 0.0)], ids=str)
def test_there_is_no_penalty_where_training_began(task, regularizer):
    _, source, batch = task
    head = build_head("linear", source, 3, torch.float64)
    module = TransferModule(copy.deepcopy(source), head, returns_maps=True)
    assert _penalty(regularizer, module, source, batch).item() == 0


def test_l2sp_leaves_frozen_parameters_out(task):
    module, source, batch = task
    module.freeze((module.backbone,))
    assert _penalty(L2SP(1.0, 0.0), module, source, batch) == 0
