"""What computes the features of a batch."""

from contextlib import contextmanager

import torch


class Network:
    """The forward pass of a backbone.

    Parameters
    ----------
    backbone : Backbone
        In eval mode.
    in_streams : bool, default=False
        Whether threads may compute batches of their own with it, and gain by it.
    """

    def __init__(self, backbone, in_streams=False):
        self.backbone = backbone
        self.in_streams = in_streams

    # Whether it computes batches of one length faster than those of many.
    compiled = False

    def features(self, x, layers=None, n_rows=None):
        """Return the features of a raw batch, of some stages or the last.

        A compiled network computes `n_rows`, of which those of the batch are returned.
        """
        batch = _padded(x, n_rows) if self.compiled and n_rows is not None else x
        return self._forward(self.backbone.prepare(batch), layers)[: len(x)]

    def _forward(self, prepared, layers):
        if layers is None:
            return self.backbone(prepared, prepared=True)
        stages = self.backbone.forward_stages(prepared, layers, prepared=True)
        return torch.cat(stages, dim=1)


def _padded(batch, n_rows):
    """Return the batch with its last row repeated, so that it has `n_rows` of them."""
    if len(batch) == n_rows:
        return batch
    filling = batch[-1:].expand(n_rows - len(batch), *batch.shape[1:])
    return torch.cat([batch, filling])


@contextmanager
def network_in_eval_mode(backbone):
    """Let `backbone` itself compute, in eval mode inside the block."""
    training = [module for module in backbone.modules() if module.training]
    backbone.eval()
    try:
        yield Network(backbone)
    finally:
        for module in training:
            module.training = True
