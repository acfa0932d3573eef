"""Where and in which precision a net computes."""

import os
from contextlib import contextmanager, nullcontext

import torch

from .messages import first_line

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_device(device):
    """Return the torch device of `device`; "auto" prefers CUDA, then MPS."""
    if device != "auto":
        try:
            return torch.empty(0, device=device).device
        except (RuntimeError, AssertionError, TypeError) as error:
            raise ValueError(
                f"device={device!r} cannot be used here ({first_line(error)}). "
                "Use device='auto' or 'cpu'."
            ) from error
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def autocast(precision, device, modality):
    """Return the context in which a net computes in `precision`, inside any other."""
    dtype = autocast_dtype(precision, device, modality)
    if dtype is not None:
        return torch.autocast(device.type, dtype=dtype)
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def autocast_dtype(precision, device, modality):
    """Return the dtype of `precision`; None is that of the weights.

    "auto" is bf16 for images and texts on CUDA cards that have it (its range needs no
    loss scaling) and the precision of the weights elsewhere.
    """
    if precision == "auto":
        large = modality != "table"
        precision = "bf16" if large and _has_bf16(device) else "float32"
    return _AUTOCAST.get(precision)


def resolve_workers(num_workers, device):
    """Return the number of loader processes; None is 0 on CPU, up to 8 on CUDA."""
    if num_workers is not None:
        return num_workers
    return min(8, os.cpu_count() or 1) if device.type == "cuda" else 0


@contextmanager
def threads(number):
    """Compute with `number` torch threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _has_bf16(device):
    # Older cards emulate it, more slowly than they compute float32.
    return device.type == "cuda" and torch.cuda.is_bf16_supported(
        including_emulation=False
    )
