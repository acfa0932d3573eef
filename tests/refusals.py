"""Small data to be spoilt, and what an error must be like."""

import re

import numpy as np
import pytest
import torch

from .nets import images, state_of, table

X, Y = table(30, 5)
PIXELS, LABELS = images(12)
ERRORS = (ValueError, TypeError, FileNotFoundError, OSError)


def with_value(array, index, value):
    changed = np.array(array, dtype=np.result_type(array, type(value)))
    changed[index] = value
    return changed


def call_of_fit(model, *args, **kwargs):
    return lambda: model.fit(*args, **kwargs)


def _snapshot(model):
    fitted = {
        k: v for k, v in vars(model).items() if k.endswith("_") or k.startswith("_")
    }
    net = getattr(model, "net_", None)
    return fitted.keys(), fitted, None if net is None else state_of(net.module_)


def assert_refused(model, match, call):
    """Assert one clear error, after which `model` is what it was."""
    names, before, net = _snapshot(model)
    with pytest.raises(ERRORS) as info:
        call()
    message = str(info.value)
    assert re.search(match, message, re.DOTALL), message
    assert "Traceback" not in message
    assert not message.startswith(("mat1", "size mismatch", "Error(s)", "Expected all"))
    names_after, after, net_after = _snapshot(model)
    assert names_after == names
    assert all(after[name] is before[name] for name in names)
    if net is not None:
        assert all(torch.equal(net[k], net_after[k]) for k in net)
