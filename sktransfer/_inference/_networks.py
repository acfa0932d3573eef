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

    def features(self, x, layers=None):
        """Return the features (n, n_features) of a raw batch, of some stages or all."""
        return self._features(self.backbone.prepare(x), layers)

    def _features(self, prepared, layers):
        if layers is None:
            return self.backbone(prepared, prepared=True)
        stages = self.backbone.forward_stages(prepared, layers, prepared=True)
        return torch.cat(stages, dim=1)


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
