"""Batches of several domains: each row in every epoch, sizes, shares, positions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from sktransfer import DomainAdaptClassifier
from sktransfer._inputs import Table, read_images
from sktransfer._training.config import TrainingConfig
from sktransfer._training.domains import (
    Cycle,
    DomainBatches,
    DomainCycle,
    DomainRows,
)

from ..nets import images, tiny_backbone, write_images

CONFIG = TrainingConfig.of(DomainAdaptClassifier(batch_size=4, device="cpu"), False)


def _rng(seed=0):
    return np.random.default_rng(seed)


# --- one cycle


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "lengths"),
    [
        (0, 4, []),
        (1, 4, [1]),
        (3, 4, [3]),
        (4, 4, [4]),
        (5, 4, [2, 3]),
        (9, 4, [3, 3, 3]),
        (65, 64, [32, 33]),
        (3, 2, [3]),
        (5, 2, [2, 3]),
        (4, 1, [2, 2]),
    ],
)
def test_batches_of_a_round_are_of_equal_size(n_rows, batch_size, lengths):
    cycle = Cycle(np.arange(n_rows), batch_size, _rng())
    assert cycle.n_batches == len(lengths)
    batches = [next(cycle) for _ in lengths]
    assert sorted(len(batch) for batch in batches) == lengths


def test_a_round_holds_each_row_once_and_the_next_is_in_another_order():
    cycle = Cycle(np.arange(100, 109), 4, _rng())
    rounds = [np.concatenate([next(cycle) for _ in range(3)]) for _ in range(2)]
    for order in rounds:
        assert sorted(order) == list(range(100, 109))
    assert not np.array_equal(*rounds)


def test_rows_that_fit_into_one_batch_come_in_order():
    cycle = Cycle(np.array([7, 3, 5]), 4, _rng())
    for _ in range(2):
        assert next(cycle).tolist() == [7, 3, 5]


def test_a_restart_begins_a_new_round():
    cycle = Cycle(np.arange(8), 4, _rng())
    next(cycle)
    cycle.restart()
    assert sorted(np.concatenate([next(cycle), next(cycle)])) == list(range(8))


# --- several domains


def test_each_domain_has_the_same_share_of_a_batch():
    domain = np.repeat([1, 2, 5], [40, 8, 12])
    cycle = DomainCycle(np.arange(60), domain, 12, _rng())
    assert cycle.n_batches == 10
    for _ in range(10):
        assert np.bincount(domain[next(cycle)]).tolist() == [0, 4, 4, 0, 0, 4]


def test_a_batch_holds_rows_of_every_domain_however_many_there_are():
    domain = np.repeat(np.arange(10), 6)
    cycle = DomainCycle(np.arange(60), domain, 4, _rng())
    assert np.bincount(domain[next(cycle)]).tolist() == [2] * 10


def test_only_the_rows_named_take_part():
    domain = np.repeat([1, 2], 10)
    rows = np.array([2, 4, 6, 13])
    cycle = DomainCycle(rows, domain, 4, _rng())
    drawn = np.concatenate([next(cycle) for _ in range(cycle.n_batches)])
    assert set(drawn) == set(rows)


def test_no_rows_are_no_batches():
    assert DomainCycle(np.array([], int), np.ones(3), 4, _rng()).n_batches == 0


# --- the steps of an epoch


def _rows(n_source=9, n_labelled=3, n_target=6, weight=False, domain=None):
    """Return rows whose number is their value: source, labelled, unlabelled target."""
    n = n_source + n_labelled + n_target
    numbers = np.arange(n)
    if domain is None:
        domain = np.repeat([1, 2], [n_source, n_labelled + n_target])
    return DomainRows(
        Table(numbers[:, None].astype(float)),
        torch.arange(n) % 2,
        torch.arange(n) + 0.5 if weight else None,
        torch.tensor(domain),
        numbers[:n_source],
        numbers[n_source : n_source + n_labelled],
        numbers[n_source:],
    )


def _batches(rows, seed=0, augment=None, backbone=None, **config):
    return DomainBatches(
        rows,
        backbone=backbone,
        augment=augment,
        n_classes=2,
        config=replace(CONFIG, **config),
        seed=seed,
    )


def _numbers(part):
    return [] if part is None else part.inputs[:, 0].long().tolist()


@pytest.mark.parametrize(
    "sizes", [(9, 3, 6), (9, 0, 30), (3, 0, 50), (50, 7, 2), (13, 5, 12), (4, 1, 1)]
)
def test_every_row_comes_at_least_once_in_every_epoch(sizes):
    batches = _batches(_rows(*sizes))
    n_source, n_labelled, n_target = sizes
    for _ in range(3):
        source, labelled, target = [], [], []
        steps = list(batches)
        assert len(steps) == len(batches)
        for step in steps:
            source += _numbers(step)
            labelled += _numbers(step.labelled)
            target += _numbers(step.target)
        assert set(source) == set(range(n_source))
        assert set(labelled) == set(range(n_source, n_source + n_labelled))
        assert set(target) == set(range(n_source, n_source + n_labelled + n_target))


def test_the_longest_domain_is_read_once_an_epoch():
    batches = _batches(_rows(9, 0, 50))
    numbers = [number for step in batches for number in _numbers(step.target)]
    assert sorted(numbers) == list(range(9, 59))


def test_a_domain_smaller_than_the_batch_is_in_every_step():
    steps = list(_batches(_rows(2, 0, 50)))
    assert all(_numbers(step) == [0, 1] for step in steps)
    assert len(steps) == 13


def test_a_step_knows_its_rows():
    for step in _batches(_rows(weight=True)):
        for part, y in ((step, step.y), (step.labelled, step.labelled.y)):
            numbers = part.inputs[:, 0]
            assert torch.equal(y, numbers.long() % 2)
            assert torch.equal(part.weight.double(), numbers + 0.5)
        assert step.domain.tolist() == [1] * len(step.inputs)
        target = step.target
        assert torch.equal(target.weight.double(), target.inputs[:, 0] + 0.5)


def test_the_index_is_the_place_among_the_target_rows():
    rows = _rows()
    shuffled = np.array([14, 9, 17, 10, 11])
    rows = rows._replace(target=shuffled)
    for step in _batches(rows):
        numbers = step.target.inputs[:, 0].long().numpy()
        assert np.array_equal(shuffled[step.target.index], numbers)


def test_without_a_source_the_step_is_its_target_rows():
    rows = _rows()._replace(source=np.array([], int), labelled=np.array([], int))
    for step in _batches(rows):
        assert step.domain is None
        assert step.labelled is None
        assert step.inputs is step.target.inputs
        assert step.y is step.target.index


def test_without_a_target_there_is_none():
    none = np.array([], int)
    for step in _batches(_rows()._replace(labelled=none, target=none)):
        assert step.target is None
        assert step.labelled is None


def test_several_source_domains_are_told_apart():
    domain = np.repeat([3, 1, 2], [20, 4, 9])
    for step in _batches(_rows(24, 0, 9, domain=domain)):
        assert torch.bincount(step.domain).tolist() == [0, 2, 0, 2]
        numbers = step.inputs[:, 0].long()
        assert torch.equal(step.domain, torch.from_numpy(domain)[numbers])


def test_a_seed_fixes_the_batches():
    def order(seed):
        return [
            _numbers(step) + _numbers(step.target)
            for step in _batches(_rows(30, 0, 30), seed)
        ]

    assert order(0) == order(0)
    assert order(0) != order(1)


# --- images that are decoded or augmented on the way


def _image_rows(X):
    n = len(X)
    return DomainRows(
        read_images(X),
        torch.arange(n) % 2,
        None,
        torch.tensor([1] * 6 + [2] * (n - 6)),
        np.arange(6),
        np.arange(6, 8),
        np.arange(6, n),
    )


def test_files_and_arrays_give_the_same_steps(tmp_path):
    X, _ = images(14)
    net = tiny_backbone()
    paths = write_images(X, tmp_path)
    both = [_batches(_image_rows(data), backbone=net) for data in (X, paths)]
    for one, other in zip(*both, strict=True):
        for a, b in ((one, other), (one.labelled, other.labelled)):
            assert torch.equal(a.inputs, b.inputs)
            assert torch.equal(a.y, b.y)
        assert torch.equal(one.target.inputs, other.target.inputs)
        assert torch.equal(one.target.index, other.target.index)


def test_labelled_rows_are_augmented_and_the_target_is_not():
    X, _ = images(14)
    dark = v2.Lambda(lambda image: image * 0)
    for step in _batches(_image_rows(X), augment=dark, backbone=tiny_backbone()):
        assert not step.inputs.any()
        assert not step.labelled.inputs.any()
        expected = torch.from_numpy(X[6:][step.target.index]).permute(0, 3, 1, 2)
        assert torch.equal(step.target.inputs, expected)


def test_augmentation_does_not_depend_on_the_workers(tmp_path):
    X, _ = images(14)
    rows = _image_rows(write_images(X, tmp_path))
    alone, helped = (
        _batches(rows, augment="light", backbone=tiny_backbone(), num_workers=n)
        for n in (0, 1)
    )
    for one, other in zip(alone, helped, strict=True):
        assert torch.equal(one.inputs, other.inputs)


def test_augmentation_is_anew_in_each_epoch():
    X, _ = images(14)
    batches = _batches(_image_rows(X), augment="light", backbone=tiny_backbone())
    first, second = (
        torch.stack([i for step in batches for i in step.inputs]).float().sum((1, 2, 3))
        for _ in range(2)
    )
    assert not torch.equal(first.sort().values, second.sort().values)


def test_mixing_is_for_source_rows():
    X, _ = images(14)
    for step in _batches(_image_rows(X), augment="mixup", backbone=tiny_backbone()):
        assert step.y.shape == (len(step.inputs), 2)
        assert step.inputs.is_floating_point()
        assert step.labelled.y.ndim == 1
        assert step.target.inputs.dtype == torch.uint8


def test_a_table_is_not_augmented():
    with pytest.raises(ValueError, match="augment='light' is for images"):
        _batches(_rows(), augment="light")
