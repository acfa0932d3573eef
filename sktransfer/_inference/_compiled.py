"""Networks that torch compiles."""

import threading
import warnings
from functools import partial

import torch
from torch._inductor import config as inductor
from torch._subclasses import FakeTensorMode

from .._utils.messages import first_line
from ._networks import Network

# On a machine without CUDA, torch 2.11 crashes once the thread has ended in which it
# did this first; the threads of `run_ahead` end.
with FakeTensorMode():
    pass


class CompiledNetwork(Network):
    """The forward pass of a backbone, compiled once for each shape of a batch.

    Where torch cannot compile it, a warning says so, and it computes as any other.

    Parameters
    ----------
    backbone : Backbone
        A copy for inference, not packed: the compiler does that itself.
    in_streams : bool
        As for `Network`.
    """

    compiled = True

    def __init__(self, backbone, in_streams):
        super().__init__(backbone, in_streams)
        self._functions = {}
        self._lock = threading.Lock()

    def _forward(self, prepared, layers):
        key = (layers and tuple(layers), prepared.shape)
        function = self._functions.get(key)
        if function is None:
            with self._lock:  # two threads would compile it twice
                function = self._functions.get(key)
                if function is None:
                    eager = partial(super()._forward, layers=layers)
                    function = self._functions[key] = _compiled(eager, prepared)
        return function(prepared)


def _compiled(forward, batch):
    """Return the function `forward`, compiled for batches like this one if possible."""

    def function(x):
        return forward(x)

    # Dynamo counts compilations by code object, and gives up after a few.
    function.__code__ = function.__code__.replace()
    compiled = torch.compile(function, dynamic=False)
    # Not by `options`, which only Inductor would see: Dynamo has to leave the weights
    # in the graph for it to pack them.
    frozen = inductor.patch(freezing=batch.device.type == "cpu")
    try:
        with frozen:
            compiled(batch)
    # Compilers fail in any way they like.
    except Exception as error:
        warnings.warn(
            f"compile=True: torch cannot compile the backbone ({first_line(error)}), "
            "which computes without; on the CPU, torch.compile needs a C++ compiler.",
            UserWarning,
            stacklevel=2,
        )
        return forward
    return compiled
