"""Encoders of texts from the package transformers."""

from contextlib import contextmanager
from threading import get_ident

import torch
from torch import nn
from torch.nn import functional as F

# On a CPU.
_ROWS_AT_ONCE = 16


class TransformerEncoder(nn.Module):
    """A network of transformers, from numbers of tokens to their states.

    Parameters
    ----------
    network : transformers.PreTrainedModel
        Without a pooler.

    Attributes
    ----------
    stages : tuple of nn.Module
        The embeddings and each layer; of a network without a list of its layers, the
        network.
    width : int
        Number of values in a state.
    """

    def __init__(self, network):
        super().__init__()
        network.config.use_cache = False
        self.network = network
        self.stages = _stages(network)
        self.width = network.config.hidden_size

    def forward(self, ids):
        """Return the last states (n, positions, c) and the mask of the tokens.

        `ids` (n, positions) are numbers of tokens, -1 where there is none.
        """
        mask = ids >= 0
        if ids.device.type != "cpu" or len(ids) <= _ROWS_AT_ONCE:
            return self._last_states(ids, mask), mask
        # short texts by themselves, without the padding that long ones would ask for
        lengths = mask.sum(1)
        order = lengths.argsort()
        parts = []
        for rows in order.split(_ROWS_AT_ONCE):
            longest = int(lengths[rows].max())
            states = self._last_states(ids[rows, :longest], mask[rows, :longest])
            parts.append(F.pad(states, (0, 0, 0, ids.shape[1] - longest)))
        return torch.cat(parts)[order.argsort()], mask

    def _last_states(self, ids, mask):
        padding = self.network.config.pad_token_id or 0
        ids = torch.where(mask, ids, padding)
        return self.network(ids, attention_mask=mask.long()).last_hidden_state

    def every(self, ids):
        """Return a list of the states after each stage, and the mask of the tokens."""
        mask = ids >= 0
        with _noted_states(_layers(self.network) or ()) as noted:
            last = self._last_states(ids, mask)
        if any(states.shape[:2] != ids.shape for states in noted):
            raise ValueError(
                f"{type(self.network).__name__} keeps the states of its layers in an "
                "order of its own: only its last stage has features."
            )
        return [*noted[:-1], last], mask


@contextmanager
def _noted_states(layers):
    """Yield a list that gets what enters the first layer and what each one returns.

    Asked by output_hidden_states=True, transformers would leave hooks in the network
    for good, which cannot be pickled.
    """
    states, thread = [], get_ident()

    def note_input(layer, args, kwargs):
        if get_ident() == thread:
            states.append(args[0] if args else kwargs["hidden_states"])

    def note_output(layer, args, output):
        if get_ident() == thread:
            states.append(output[0] if isinstance(output, tuple) else output)

    hooks = [layer.register_forward_hook(note_output) for layer in layers]
    for first in layers[:1]:
        hooks.append(first.register_forward_pre_hook(note_input, with_kwargs=True))
    try:
        yield states
    finally:
        for hook in hooks:
            hook.remove()


def _stages(network):
    """Return what comes before the layers, and the layers, the last with what follows.

    A layer that is run several times, as ALBERT's is, is no stage.
    """
    layers = _layers(network)
    if layers is None:
        return (network,)
    before, after = _around(network, layers)
    last = nn.ModuleList([layers[-1], *after]) if after else layers[-1]
    return (nn.ModuleList(before), *layers[:-1], last)


def _layers(network):
    number = network.config.num_hidden_layers
    for module in network.modules():
        if isinstance(module, nn.ModuleList) and len(module) == number:
            return module
    return None


def _around(module, layers):
    """Return the modules in `module` before and after `layers`."""
    before, after = [], []
    for child in module.children():
        if child is layers:
            before, after = after, []
        elif any(part is layers for part in child.modules()):
            inner_before, inner_after = _around(child, layers)
            before, after = after + inner_before, inner_after
        else:
            after.append(child)
    return before, after
