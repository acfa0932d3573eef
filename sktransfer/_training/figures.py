"""Loss and accuracy of an epoch, without waiting for the device at every batch."""

import torch

_FLUSH = 256


class EpochFigures:
    """Collect what the batches of an epoch gave; sum up on the device now and then."""

    def __init__(self, classification):
        self.classification = classification
        self._pending = []
        self._sums = 0.0

    def add(self, loss, logits, batch):
        """Take the (detached) results of one batch."""
        self._pending.append((loss, logits, batch.y, batch.weight))
        if len(self._pending) == _FLUSH:
            self._flush()

    def result(self):
        """Return the mean loss and the accuracy (None for regression)."""
        self._flush()
        loss, hits, total = self._sums.tolist()
        return loss / total, (hits / total if self.classification else None)

    def _flush(self):
        if not self._pending:
            return
        losses, logits, y, weights = zip(*self._pending, strict=True)
        self._pending = []
        sizes = torch.tensor([rows.shape[0] for rows in y], dtype=torch.float64)
        if weights[0] is not None:
            totals = torch.stack([weight.sum() for weight in weights]).cpu().double()
        else:
            totals = sizes
        # Summed up on the CPU: not every device has float64.
        loss = (torch.stack(losses).cpu().double() * totals).sum()
        hits = self._hits(logits, y, weights) if self.classification else loss * 0
        self._sums = self._sums + torch.stack([loss, hits, totals.sum()])

    def _hits(self, logits, y, weights):
        labels = torch.cat([rows if rows.ndim == 1 else rows.argmax(1) for rows in y])
        hits = (torch.cat(logits).argmax(1) == labels).cpu().double()
        if weights[0] is not None:
            hits = hits * torch.cat(weights).cpu()
        return hits.sum()
