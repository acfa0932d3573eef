"""Weights from files, dicts and torchvision's servers, fitted into a network."""

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from .._utils.messages import first_line
from ..exceptions import WeightsNotAvailableError

_WRAPPER = "module."  # of torch's DataParallel


def read_state(weights):
    """Return the label and the tensors of a file or of a state dict."""
    if isinstance(weights, (str, Path)):
        path = Path(weights)
        return path.name, _checked(_read_file(path), f"weights={str(path)!r}")
    if isinstance(weights, Mapping):
        return "state dict", _checked(weights, "weights")
    raise TypeError(
        f"weights={weights!r} must be 'auto', None, the path of a file or a state dict."
    )


def download_state(name, published):
    """Return the published weights, from torch's cache or else the network."""
    try:
        return published.get_state_dict(check_hash=True, weights_only=True)
    except (OSError, HTTPException) as error:
        reason = f"could not be downloaded ({error})"
        raise _not_available(name, published, reason) from error
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = f"are damaged ({first_line(error)}): remove them from the cache"
        raise _not_available(name, published, reason) from error


def load_state(network, state, source, ignored=()):
    """Copy the tensors of `state` into `network`.

    `source` names the weights in errors. Keys that the network lacks are dropped if
    their first part is `ignored`; any other difference is an error listing it.
    """
    state = _without_wrapper(state)
    expected = network.state_dict()
    fitting = OrderedDict(
        (key, _copy(tensor, expected.get(key), f"{source}: {key!r}"))
        for key, tensor in state.items()
        if key in expected or key.partition(".")[0] not in ignored
    )
    # Modules without a version take older spellings of their keys, and batch norm
    # does without its counter; a network that demands a version finds its own.
    version = {"version": getattr(network, "_version", None)}
    fitting._metadata = {"": version}
    assign = any(tensor.is_meta for tensor in expected.values())
    try:
        network.load_state_dict(fitting, assign=assign)
    except RuntimeError as error:
        n_found = len(expected.keys() & fitting.keys())
        raise ValueError(
            f"{source} does not fit the backbone: of its {len(expected)} tensors, "
            f"{n_found} are there. Name the architecture that the weights are for. "
            f"{error}"
        ) from error


def _read_file(path):
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(
            f"weights={str(path)!r} must be 'auto', None, a state dict, the name of "
            f"published weights, or the path of a file {' or '.join(_READERS)}."
        )
    if not path.is_file():
        raise FileNotFoundError(f"weights={str(path)!r}: there is no such file.")
    return reader(path)


def _read_safetensors(path):
    try:
        with safe_open(path, "pt") as file:
            whole_backbone = "sktransfer" in (file.metadata() or {})
        state = safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"weights={str(path)!r} is no safetensors file, or damaged ({error})."
        ) from error
    if whole_backbone:
        raise ValueError(
            f"weights={str(path)!r} was written by save_backbone and is a backbone of "
            "its own: pass the path as backbone, with weights='auto'."
        )
    return state


def _read_torch(path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"weights={str(path)!r} was refused: it holds more than tensors, or is no "
            "file of torch.save. Nothing in it was run. Save the state_dict() alone, "
            "best as .safetensors."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ValueError(
            f"weights={str(path)!r} is no file of torch.save, or damaged "
            f"({first_line(error)})."
        ) from error


_READERS = {
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
}


def _checked(state, source):
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{source} holds a {type(state).__name__}, not a state dict: save "
            "module.state_dict()."
        )
    wrong = [
        f"{key!r}: {type(value).__name__}"
        for key, value in state.items()
        if not isinstance(key, str) or not isinstance(value, torch.Tensor)
    ]
    if wrong:
        raise ValueError(
            f"{source} must hold tensors by name, but holds {', '.join(wrong)}. If it "
            "is a training checkpoint, pass the state dict in it."
        )
    return state


def _without_wrapper(state):
    if all(key.startswith(_WRAPPER) for key in state):
        return {key.removeprefix(_WRAPPER): state[key] for key in state}
    return state


def _copy(tensor, expected, source):
    """Return a copy of `tensor` on the CPU, in the dtype that is expected."""
    dtype = tensor.dtype if expected is None else expected.dtype
    if dtype.is_floating_point != tensor.is_floating_point():
        raise ValueError(f"{source} is {tensor.dtype} where {dtype} is expected.")
    return tensor.detach().to("cpu", dtype, copy=True)


def _not_available(name, published, reason):
    file = Path(torch.hub.get_dir(), "checkpoints", Path(published.url).name)
    return WeightsNotAvailableError(
        f"The weights {published.name} of {name!r} {reason}. Fetch {published.url} on "
        f"a machine with network and place it at {file}, or pass weights='<its path>'; "
        "weights=None starts from random ones."
    )
