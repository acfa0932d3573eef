"""Batches: each row once an epoch, the same whatever the workers."""

from functools import partial

import numpy as np
import pytest
import torch

from sktransfer import FineTuneClassifier
from sktransfer._inputs import Table, read_images
from sktransfer._training.batches import (
    TensorBatches,
    batch_slices,
    training_batches,
    validation_batches,
)
from sktransfer._training.config import TrainingConfig
from sktransfer.backbones import load_backbone
from sktransfer.backbones._tables import fit_statistics

from ..nets import images, tiny_backbone, write_images

CONFIG = TrainingConfig.of(FineTuneClassifier(batch_size=4, device="cpu"), False)


@pytest.mark.parametrize(
    ("n_samples", "lengths"),
    [(1, [1]), (4, [4]), (5, [5]), (8, [4, 4]), (9, [4, 5]), (10, [4, 4, 2])],
)
def test_a_last_batch_of_one_joins_the_one_before(n_samples, lengths):
    slices = batch_slices(n_samples, 4)
    assert [rows.stop - rows.start for rows in slices] == lengths


def test_batches_of_one_are_possible():
    assert len(batch_slices(5, 1)) == 4


@pytest.mark.parametrize("n_samples", [9, 400])
def test_every_row_comes_once_in_a_new_order_with_its_target(n_samples):
    rows = np.arange(n_samples, dtype=float)
    y, weight = torch.arange(n_samples), torch.arange(n_samples) + 0.5
    generator = torch.Generator().manual_seed(0)
    batches = TensorBatches(Table(rows[:, None]), y, weight, CONFIG, generator)
    orders = []
    for _ in range(2):
        order = []
        for batch in batches:
            assert torch.equal(batch.inputs[:, 0].long(), batch.y)
            assert torch.equal(batch.weight, batch.y + 0.5)
            order += batch.y.tolist()
        orders.append(order)
        assert sorted(order) == y.tolist()
    assert orders[0] != orders[1]


@pytest.mark.parametrize("shuffled", [True, False])
def test_rows_of_a_table_are_prepared_ahead(shuffled):
    X = np.random.default_rng(0).normal(3.0, 2.0, size=(300, 2))
    backbone = load_backbone("mlp", n_inputs=2, dtype=torch.float64)
    fit_statistics(backbone, X)
    settings = {"backbone": backbone, "config": CONFIG}
    make = validation_batches
    if shuffled:
        make = partial(training_batches, augment=None, n_classes=None, seed=0)
    for batch in make(Table(X), torch.zeros(300), None, **settings):
        assert not torch.equal(batch.prepared, batch.inputs)
        assert torch.equal(batch.prepared, backbone.prepare(batch.inputs))


def test_rows_are_held_once_if_only_the_net_looks_at_them():
    X = np.random.default_rng(0).normal(size=(50, 2))
    backbone = load_backbone("mlp", n_inputs=2, dtype=torch.float64)
    batches = validation_batches(
        Table(X), torch.zeros(50), None, backbone=backbone, config=CONFIG, raw=False
    )
    for _ in range(2):
        rows = [batch.prepared for batch in batches]
        assert torch.equal(torch.cat(rows), backbone.prepare(torch.from_numpy(X)))
    assert batches.inputs is None


def test_images_are_not_prepared_ahead():
    X, y = images(10)
    assert all(batch.prepared is None for batch in _first_epoch(X, y, None))


def _first_epoch(X, y, augment, num_workers=0):
    from dataclasses import replace

    batches = training_batches(
        read_images(X),
        torch.tensor(y),
        None,
        backbone=tiny_backbone(),
        augment=augment,
        n_classes=2,
        config=replace(CONFIG, num_workers=num_workers),
        seed=0,
    )
    return list(batches)


def test_augmentation_does_not_depend_on_the_workers(tmp_path):
    X, y = images(10)
    paths = write_images(X, tmp_path)
    alone, helped = (_first_epoch(paths, y, "light", n) for n in (0, 2))
    assert len(alone) == len(helped) == 3
    for one, other in zip(alone, helped, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.y, other.y)


def test_paths_and_arrays_come_in_the_same_order(tmp_path):
    X, y = images(10)
    paths = write_images(X, tmp_path)
    from_paths, from_array = _first_epoch(paths, y, None), _first_epoch(X, y, None)
    for one, other in zip(from_paths, from_array, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.y, other.y)


@pytest.mark.parametrize("augment", ["mixup", "cutmix", ["light", "mixup"]], ids=str)
def test_mixing_gives_soft_labels_of_two_classes(augment):
    X, y = images(12)
    for batch in _first_epoch(X, y, augment):
        assert batch.y.shape == (len(batch.inputs), 2)
        assert torch.allclose(batch.y.sum(dim=1), torch.ones(len(batch.y)))
        assert batch.inputs.is_floating_point()


def test_a_batch_of_images_holds_no_others_in_memory():
    X, y = images(40)
    for batch in _first_epoch(X, y, None):
        assert batch.inputs.untyped_storage().nbytes() == batch.inputs.nbytes
