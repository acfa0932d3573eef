"""The module that is trained: a backbone and a head."""

from typing import NamedTuple

import torch
from torch import nn

from ..backbones._norm import row_weights


class Output(NamedTuple):
    """What the module returns; skorch takes the first entry for the prediction."""

    logits: torch.Tensor | None
    features: torch.Tensor
    maps: list | None = None


class TransferModule(nn.Module):
    """A backbone and a head on its features.

    Parameters
    ----------
    backbone : Backbone
    head : nn.Module
        From features (n, n_features) to logits (n, n_outputs).
    corrupt : callable, optional
        Applied to the inputs, prepared or not, in training.
    returns_maps : bool, default=False
        Whether the output has the feature maps of every stage.
    """

    def __init__(self, backbone, head, corrupt=None, returns_maps=False):
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.corrupt = corrupt
        self.returns_maps = returns_maps
        self.frozen = None

    def forward(self, inputs, weight=None, prepared=False, needs_logits=True):
        """Return the `Output` of raw `inputs`, (n, c, h, w) or (n, n_columns).

        `weight` (n,) enters the batch statistics of norm layers that know of it.
        `prepared` inputs have been through the preprocessing of the backbone. Without
        `needs_logits` these are None.
        """
        if weight is not None:
            with row_weights(self.backbone, weight):
                return self.forward(inputs, None, prepared, needs_logits)
        if self.corrupt is not None and self.training:
            inputs = self.corrupt(inputs)
        if self.returns_maps:
            maps = self.backbone.feature_maps(inputs, prepared)
            features = self.backbone.pooling(maps[-1])
        else:
            maps, features = None, self.backbone(inputs, prepared)
        return Output(self.head(features) if needs_logits else None, features, maps)

    def freeze(self, modules):
        """Keep `modules` as they are: no gradients, batch-norm statistics fixed.

        What was frozen before learns again; what a callback froze stays frozen.
        """
        modules = tuple(modules)
        if modules != self.frozen:
            for module in (self,) if self.frozen is None else self.frozen:
                module.requires_grad_(True)
            for module in modules:
                module.requires_grad_(False)
            self.frozen = modules
            self.train(self.training)
        return self

    def train(self, mode=True):
        """Switch to training; frozen parts stay in evaluation mode."""
        super().train(mode)
        for module in self.frozen or ():
            module.eval()
        return self
