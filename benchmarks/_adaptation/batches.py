"""Batches of tensors in memory, source beside target."""

import torch

from . import nets


def paired_batches(task, epochs):
    """Yield source rows, their labels and target rows, batch by batch."""
    source, target = nets.as_tensor(task.X_source), nets.as_tensor(task.X_target)
    labels = torch.from_numpy(task.y_source)
    source_rows, target_rows = endless_rows(len(source)), endless_rows(len(target))
    for _ in range(epochs * nets.steps_per_epoch(task)):
        rows = next(source_rows)
        yield source[rows], labels[rows], target[next(target_rows)]


def endless_rows(n_rows):
    """Yield the rows of one full batch after the other, shuffled in every pass."""
    if n_rows < nets.BATCH:
        raise ValueError(f"{n_rows} rows are fewer than a batch of {nets.BATCH}.")
    while True:
        order = torch.randperm(n_rows)
        yield from order[: n_rows - n_rows % nets.BATCH].split(nets.BATCH)
