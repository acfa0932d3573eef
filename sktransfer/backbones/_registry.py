"""Architectures known by name beside those of torchvision."""

import inspect

from torchvision import models

from ._smallnet import smallnet, smallnet_wide
from ._sources import is_sourced
from ._synthnet import synthnet
from ._tables import mlp, mlp_wide

_BUILDERS = {
    "mlp": mlp,
    "mlp_wide": mlp_wide,
    "smallnet": smallnet,
    "smallnet_wide": smallnet_wide,
    "synthnet": synthnet,
}
_OURS = frozenset(_BUILDERS)


def register_backbone(name):
    """Make `load_backbone` know the network that a function builds.

    A registered network can be named wherever an estimator takes a backbone, and
    `save_backbone` can write it to a file.

    Parameters
    ----------
    name : str
        A name that is not taken; without slashes, colon and dot.

    Returns
    -------
    decorator
        Of a function `builder()`, for images, or `builder(n_inputs)`, for tables of
        `n_inputs` columns. It returns a `Backbone`, or an `nn.Module` that maps
        floats (images in 0-1) to features (n, d) or maps (n, c, h, w); the children
        of an `nn.Sequential` become its stages.

    Raises
    ------
    ValueError
        If the name is taken or unfit.

    See Also
    --------
    load_backbone : Make a backbone by name.

    Examples
    --------
    >>> from torch import nn
    >>> from sktransfer.backbones import load_backbone, register_backbone
    >>> @register_backbone("wide-table-net")
    ... def wide_table_net(n_inputs):
    ...     return nn.Sequential(nn.Linear(n_inputs, 256), nn.ReLU())
    >>> load_backbone("wide-table-net", n_inputs=10)
    Backbone('wide-table-net', weights='random', n_features=256)
    """
    _check_name(name)

    def register(builder):
        taken = name in _BUILDERS and not _same(_BUILDERS[name], builder)
        if taken or name in torchvision_names():
            raise ValueError(f"The backbone name {name!r} is taken. Choose another.")
        _BUILDERS[name] = builder
        return builder

    return register


def registered_names():
    """Return the names of the registered networks."""
    return list(_BUILDERS)


def is_of_user(name):
    """Whether a user registered the network of that name, and may do so again."""
    return name in _BUILDERS.keys() - _OURS


def torchvision_names():
    """Return the names of the classification networks of torchvision."""
    return models.list_models(module=models)


def takes_table(name):
    """Whether the network registered under `name` is one for tables."""
    return "n_inputs" in inspect.signature(_BUILDERS[name]).parameters


def modality_of(name):
    """Return "table", "image" or "text", what the network of that name takes."""
    if is_sourced(name):
        return "text"
    return "table" if name in _BUILDERS and takes_table(name) else "image"


def build_registered(name, n_inputs=None):
    """Return what the builder registered under `name` returns."""
    builder = _BUILDERS[name]
    return builder(n_inputs) if takes_table(name) else builder()


def _same(old, new):
    """Whether `new` is `old` defined again, as when a notebook cell is rerun."""
    return (old.__module__, old.__qualname__) == (new.__module__, new.__qualname__)


def _check_name(name):
    if not isinstance(name, str):
        raise TypeError(
            f"register_backbone takes a name (str), not {type(name).__name__}: write "
            "@register_backbone('my-net') above the function that builds the net."
        )
    if name in ("", "auto") or set(name) & set("/\\:."):
        raise ValueError(
            f"The backbone name {name!r} is empty, reserved, or has one of '/', '\\', "
            "':' and '.' in it. Choose another."
        )
