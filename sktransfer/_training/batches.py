"""Batches of inputs, targets and weights, on the device that computes."""

from itertools import repeat, starmap
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader

from .._inputs import AugmentedBatches, resolve_augment
from .._utils.device import resolve_workers

# Rows are shuffled in blocks of this many batches: one gather serves many steps. Of
# images, whose steps take longer, a block would be a second copy of much of them all.
BLOCK = {"table": 64, "images": 1}


class Batch(NamedTuple):
    """One batch as the net gets it.

    `prepared`: the inputs as the backbone prepares them, where it was done ahead;
    `inputs` are None then, unless somebody asked for them. `numbers`: of the rows, by
    `number_rows` of the batches.
    """

    inputs: torch.Tensor | None
    y: torch.Tensor
    weight: torch.Tensor | None
    prepared: torch.Tensor | None = None
    numbers: torch.Tensor | None = None


def batch_slices(n_samples, batch_size):
    """Return the slices of the batches; a last batch of one joins the one before.

    Batch norm refuses a batch of one in training.
    """
    stops = [*range(batch_size, n_samples, batch_size), n_samples]
    if len(stops) > 1 and stops[-1] - stops[-2] == 1:
        del stops[-2]
    return [slice(a, b) for a, b in zip([0, *stops], stops, strict=False)]


class TensorBatches:
    """Slices of tensors that lie on the device already.

    `prepare`: what the backbone does to inputs, once for all epochs. The batches hold
    the inputs as they were beside the prepared ones only if `raw`.
    """

    def __init__(
        self, inputs, y, weight, config, generator=None, prepare=None, raw=True
    ):
        device = torch.device(config.device)
        self.inputs, self.prepared = inputs.tensor().to(device), None
        self.y = y.to(device)
        self.weight = None if weight is None else weight.to(device)
        self.generator, self.prepare, self.raw = generator, prepare, raw
        self.slices = batch_slices(len(y), config.batch_size)
        self.block = BLOCK[inputs.kind]
        self.numbers = None

    def __len__(self):
        return len(self.slices)

    def number_rows(self):
        """Give every batch the numbers of its rows."""
        self.numbers = torch.arange(len(self.y), device=self.y.device)

    def __iter__(self):
        if self.prepare is not None:
            self._prepare()
        order = self._order()
        for first in range(0, len(self.slices), self.block):
            slices = self.slices[first : first + self.block]
            rows = slice(slices[0].start, slices[-1].stop)
            block = self._rows(rows if order is None else order[rows])
            yield from _split(block, [part.stop - part.start for part in slices])

    @torch.no_grad()
    def _prepare(self):
        self.prepared, self.prepare = self.prepare(self.inputs), None
        if not self.raw:
            self.inputs = None

    def _rows(self, rows):
        tensors = (self.inputs, self.y, self.weight, self.prepared, self.numbers)
        return Batch(*(None if t is None else t[rows] for t in tensors))

    def _order(self):
        """Return the rows in the order of an epoch; None leaves them as they are."""
        if self.generator is None or len(self.slices) == 1:
            return None
        order = torch.randperm(len(self.y), generator=self.generator)
        return order.to(self.y.device)


def _split(block, sizes):
    """Return the batches of a block; of all at once, a view takes half the time."""
    fields = (repeat(None) if t is None else t.split(sizes) for t in block)
    return starmap(Batch, zip(*fields, strict=False))


class LoadedBatches:
    """Batches that are decoded or augmented on the CPU, in worker processes."""

    def __init__(self, dataset, y, weight, config, generator=None, per_batch=None):
        self.dataset, self.y, self.weight = dataset, y, weight
        self.device = torch.device(config.device)
        self.generator, self.per_batch = generator, per_batch
        self.slices = batch_slices(len(y), config.batch_size)
        self.num_workers = _n_workers(dataset.inputs, config.num_workers, self.device)
        self.epoch, self.numbered = 0, False

    def __len__(self):
        return len(self.slices)

    def number_rows(self):
        """Give every batch the numbers of its rows."""
        self.numbered = True

    def __iter__(self):
        self.epoch += 1
        for images, rows in self._loader():
            y, weight = self.y[rows], None if self.weight is None else self.weight[rows]
            if self.per_batch is not None:
                images, y = self.per_batch(images, y)
            parts = (images, y, weight, None, rows if self.numbered else None)
            yield Batch(*(None if t is None else self._move(t) for t in parts))

    def _loader(self):
        order = torch.arange(len(self.y))
        if self.generator is not None and len(self.slices) > 1:
            order = torch.randperm(len(self.y), generator=self.generator)
        order = order.numpy()
        sampler = [(self.epoch, order[rows]) for rows in self.slices]
        return load_ahead(self.dataset, sampler, self.num_workers, self.device)

    def _move(self, tensor):
        return tensor.to(self.device, non_blocking=True)


def _n_workers(inputs, num_workers, device):
    """Return the number of processes; by default none for texts, which read fast."""
    if inputs.kind == "text" and num_workers is None:
        return 0
    return resolve_workers(num_workers, device)


def load_ahead(dataset, sampler, num_workers, device):
    """Return a loader of the batches that are the items `sampler` of `dataset`."""
    return DataLoader(
        dataset,
        sampler=sampler,
        batch_size=None,
        num_workers=num_workers,
        pin_memory=device.type == "cuda",
    )


def check_augment(inputs, augment):
    """Refuse changes of images where there are none."""
    if inputs.kind == "table" and augment is not None:
        raise ValueError(
            f"augment={augment!r} is for images, but X is a table. Use augment=None."
        )


def training_batches(
    inputs, y, weight, *, backbone, augment, n_classes, config, seed, raw=True
):
    """Return shuffled batches for training.

    `raw`: whether somebody looks at inputs beside the net.
    """
    generator = torch.Generator().manual_seed(seed)
    check_augment(inputs, augment)
    if inputs.in_memory and augment is None:
        ahead = _ahead(inputs, backbone)
        return TensorBatches(inputs, y, weight, config, generator, ahead, raw)
    preprocessing = inputs.sized(backbone.preprocessing)
    recipe = resolve_augment(augment, preprocessing, inputs.channels, n_classes)
    dataset = AugmentedBatches(inputs, preprocessing, recipe.per_image, seed)
    return LoadedBatches(
        dataset, y, weight, config, generator, per_batch=recipe.per_batch
    )


def validation_batches(inputs, y, weight, *, backbone, config, raw=True):
    """Return batches in the order of the rows, without augmentation."""
    if inputs.in_memory:
        ahead = _ahead(inputs, backbone)
        return TensorBatches(inputs, y, weight, config, prepare=ahead, raw=raw)
    dataset = AugmentedBatches(inputs, backbone.preprocessing)
    return LoadedBatches(dataset, y, weight, config)


def _ahead(inputs, backbone):
    """Return how `backbone` prepares many rows ahead; None where it would not pay."""
    pays = inputs.kind == "table" and backbone.preprocessing is not None
    return backbone.prepare if pays else None
