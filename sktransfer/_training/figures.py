"""Loss and accuracy of an epoch, without waiting for the device at every batch."""

import numpy as np
import torch

_FLUSH = 256


class EpochFigures:
    """Collect what the batches of an epoch gave; sum it up now and then."""

    def __init__(self, classification):
        self.classification = classification
        self._pending = []
        self._loss = self._hits = self._total = 0.0

    def add(self, loss, logits, batch):
        """Take the (detached) results of one batch."""
        self._pending.append((loss, logits, batch.y, batch.weight))
        if len(self._pending) == _FLUSH:
            self._flush()

    def result(self):
        """Return the mean loss and the accuracy (None for regression)."""
        self._flush()
        accuracy = self._hits / self._total if self.classification else None
        return self._loss / self._total, accuracy

    def _flush(self):
        if not self._pending:
            return
        losses, logits, y, weights = zip(*self._pending, strict=True)
        self._pending = []
        if weights[0] is None:
            totals = np.array([rows.shape[0] for rows in y], dtype=float)
        else:
            totals = _doubles(torch.stack([weight.sum() for weight in weights]))
        self._loss += float(_doubles(torch.stack(losses)) @ totals)
        self._total += float(totals.sum())
        if self.classification:
            self._hits += _count_hits(logits, y, weights)


def _count_hits(logits, y, weights):
    labels = torch.cat([rows if rows.ndim == 1 else rows.argmax(1) for rows in y])
    hits = torch.cat(logits).argmax(1) == labels
    if weights[0] is None:
        return hits.sum().item()
    return float(_doubles(hits) @ _doubles(torch.cat(weights)))


def _doubles(tensor):
    # On the CPU first: not every device has float64.
    return tensor.cpu().double().numpy()
