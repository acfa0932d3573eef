"""Batches of source and target rows, side by side."""

from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from .._inputs import AugmentedBatches, resolve_augment
from .._utils.device import resolve_workers
from .batches import BLOCK, Batch, check_augment, load_ahead


class DomainRows(NamedTuple):
    """Rows of all domains, and the numbers of those that play a part.

    Attributes
    ----------
    inputs, y, weight : as in `Rows`
        Of all rows; `y` means something for labelled ones only.
    domain : Tensor (n,)
    source, labelled, target : ndarray of int
        Labelled source rows; labelled target rows; all target rows.
    """

    inputs: Any
    y: torch.Tensor
    weight: torch.Tensor | None
    domain: torch.Tensor
    source: np.ndarray
    labelled: np.ndarray
    target: np.ndarray


class TargetRows(NamedTuple):
    """Target rows of one batch, with their numbers among all target rows."""

    inputs: torch.Tensor
    weight: torch.Tensor | None
    index: torch.Tensor


class DomainStep(NamedTuple):
    """The rows of one step: of the source, labelled and all of the target."""

    inputs: torch.Tensor
    y: torch.Tensor
    weight: torch.Tensor | None
    domain: torch.Tensor | None
    labelled: Batch | None
    target: TargetRows | None


class RowFields(NamedTuple):
    """What is known of the rows of one part of a step, beside the inputs."""

    y: torch.Tensor
    domain: torch.Tensor
    index: torch.Tensor
    weight: torch.Tensor | None


class Cycle:
    """Endless batches of row numbers, in a new order each time round.

    The batches of a round are of equal size, but for one row, so that none is too
    small for statistics; rows that fit into one batch come in it whole, in order.

    Parameters
    ----------
    rows : ndarray of int
    batch_size : int
    rng : numpy Generator
    """

    def __init__(self, rows, batch_size, rng):
        self.rows, self.rng = rows, rng
        n = len(rows)
        pairs = max(n // 2, min(n, 1))  # where there are two rows, no batch has one
        self.n_batches = min(-(-n // batch_size), pairs)
        self._left = []

    def restart(self):
        """Begin a new round."""
        self._left = []

    def __next__(self):
        """Return the rows of the next batch."""
        if self.n_batches == 1:
            return self.rows
        if not self._left:
            order = self.rng.permutation(self.rows)
            self._left = np.array_split(order, self.n_batches)
        return self._left.pop()


class DomainCycle:
    """Batches in which each domain has the same share, whatever its size."""

    def __init__(self, rows, domain, batch_size, rng):
        names = np.unique(domain[rows])
        share = max(2, batch_size // max(len(names), 1))
        self.cycles = [Cycle(rows[domain[rows] == d], share, rng) for d in names]
        self.n_batches = max((cycle.n_batches for cycle in self.cycles), default=0)

    def restart(self):
        """Begin a new round in every domain."""
        for cycle in self.cycles:
            cycle.restart()

    def __next__(self):
        """Return the rows of the next batch."""
        return np.concatenate([next(cycle) for cycle in self.cycles])


class DomainBatches:
    """Steps of source and target rows; in an epoch each row comes at least once.

    Parameters
    ----------
    rows : DomainRows
    backbone : Backbone
    augment : as in the estimators
        Of labelled rows.
    n_classes : int
    config : TrainingConfig
    seed : int
    """

    def __init__(self, rows, *, backbone, augment, n_classes, config, seed):
        rng = np.random.default_rng(seed)
        size, self.rows, self.config = config.batch_size, rows, config
        domain = rows.domain.numpy()
        self.cycles = (
            DomainCycle(rows.source, domain, size, rng),
            Cycle(rows.labelled, size, rng),
            DomainCycle(rows.target, domain, size, rng),
        )
        self.n_steps = max(cycle.n_batches for cycle in self.cycles)
        self.fetch = _fetcher(rows, backbone, augment, n_classes, config, seed)
        position = torch.zeros(len(rows.y), dtype=torch.int64)
        position[rows.target] = torch.arange(len(rows.target))
        fields = RowFields(rows.y, rows.domain, position, rows.weight)
        device = torch.device(config.device)
        self.fields = [None if f is None else f.to(device) for f in fields]

    def __len__(self):
        return self.n_steps

    def __iter__(self):
        for cycle in self.cycles:
            cycle.restart()
        plan = [self._next_rows() for _ in range(self.n_steps)]
        parts = [_gathered(self.fields, numbers) for numbers in zip(*plan, strict=True)]
        for (inputs, y), *known in zip(self.fetch(plan), *parts, strict=True):
            yield _step(inputs, y, *known)

    def _next_rows(self):
        """Return the numbers of source, labelled and target rows, or None."""
        return tuple(next(c) if c.n_batches else None for c in self.cycles)


def _step(inputs, y, source, labelled, target):
    """Return the step of three parts; `y`: labels of the source that were mixed."""
    aside = aimed = None
    if labelled is not None:
        labelled = RowFields(*labelled)
        aside = Batch(inputs[1], labelled.y, labelled.weight)
    if target is not None:
        target = RowFields(*target)
        aimed = TargetRows(inputs[2], target.weight, target.index)
    if source is None:  # what is recorded of a step is of its target rows then
        rows = aimed.inputs, aimed.index, aimed.weight
        return DomainStep(*rows, domain=None, labelled=None, target=aimed)
    source = RowFields(*source)
    y = source.y if y is None else y
    return DomainStep(inputs[0], y, source.weight, source.domain, aside, aimed)


def _gathered(tensors, numbers, block=BLOCK["table"]):
    """Yield the rows of `tensors` with the `numbers` of each step, or None.

    One gather serves a `block` of steps.
    """
    if numbers[0] is None:
        yield from repeat(None, len(numbers))
        return
    for first in range(0, len(numbers), block):
        some = numbers[first : first + block]
        rows, sizes = torch.from_numpy(np.concatenate(some)), [len(n) for n in some]
        pieces = [_pieces(tensor, rows, sizes) for tensor in tensors]
        yield from zip(*pieces, strict=True)


def _pieces(tensor, rows, sizes):
    """Return the `rows` of a tensor in pieces of these sizes."""
    if tensor is None:
        return repeat(None, len(sizes))
    return tensor[rows.to(tensor.device)].split(sizes)


def _fetcher(rows, backbone, augment, n_classes, config, seed):
    """Return the callable that turns a plan of row numbers into inputs."""
    inputs = rows.inputs
    check_augment(inputs, augment)
    if inputs.in_memory and augment is None:
        return _FromMemory(inputs, config)
    preprocessing = inputs.sized(backbone.preprocessing)
    recipe = resolve_augment(augment, preprocessing, inputs.channels, n_classes)
    changed = AugmentedBatches(inputs, preprocessing, recipe.per_image, seed)
    plain = AugmentedBatches(inputs, preprocessing)
    return _Loaded(
        _Parts((changed, changed, plain)), rows.y, config, per_batch=recipe.per_batch
    )


class _FromMemory:
    """Gathers rows of a tensor that lies on the device."""

    def __init__(self, inputs, config):
        self.tensor = inputs.tensor().to(torch.device(config.device))
        self.block = BLOCK[inputs.kind]

    def __call__(self, plan):
        parts = [
            _gathered([self.tensor], numbers, self.block)
            for numbers in zip(*plan, strict=True)
        ]
        for step in zip(*parts, strict=True):
            yield [None if part is None else part[0] for part in step], None


class _Loaded:
    """Decodes and augments all parts of a step in one loader."""

    def __init__(self, dataset, y, config, per_batch):
        self.dataset, self.y, self.per_batch = dataset, y, per_batch
        self.device = torch.device(config.device)
        self.num_workers = resolve_workers(config.num_workers, self.device)
        self.epoch = 0

    def __call__(self, plan):
        self.epoch += 1
        # of the step, not the epoch: rows of a small domain come again in an epoch
        first = self.epoch * len(plan)
        sampler = [(first + step, numbers) for step, numbers in enumerate(plan)]
        loader = load_ahead(self.dataset, sampler, self.num_workers, self.device)
        for numbers, parts in zip(plan, loader, strict=True):
            y = None
            if self.per_batch is not None and numbers[0] is not None:
                parts[0], y = self.per_batch(parts[0], self.y[numbers[0]])
                y = y.to(self.device)
            yield [None if p is None else self._move(p) for p in parts], y

    def _move(self, tensor):
        return tensor.to(self.device, non_blocking=True)


class _Parts(Dataset):
    """The parts of a step as a dataset: ``parts[(epoch, numbers)]``."""

    def __init__(self, datasets):
        self.datasets = datasets

    def __len__(self):
        return len(self.datasets[0])

    def __getitem__(self, epoch_and_numbers):
        epoch, numbers = epoch_and_numbers
        pairs = zip(self.datasets, numbers, strict=True)
        return [None if n is None else data[epoch, n][0] for data, n in pairs]
