"""Backbones in safetensors files, with what it takes to rebuild them as metadata."""

import json
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import nn

from .._utils.files import atomic_path
from ._backbone import Backbone
from ._build import build_skeleton
from ._metadata import parse_metadata
from ._registry import modality_of, registered_names, torchvision_names
from ._weights import load_state

_SUFFIX = ".safetensors"
_KEY = "sktransfer"


def is_backbone_file(name):
    """Whether `name` is meant as a file, not as the name of an architecture."""
    return isinstance(name, Path) or (isinstance(name, str) and name.endswith(_SUFFIX))


def save_backbone(backbone, path):
    """Write a backbone to a file that `load_backbone` and estimators take.

    The file holds tensors and the name of the architecture, nothing that is run.

    Parameters
    ----------
    backbone : Backbone
        Of an architecture known by name.
    path : str or Path
        Ending in ".safetensors". The file is replaced as a whole or not at all.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        If the architecture is not known by name, or no longer as it was built.

    See Also
    --------
    load_backbone : Read the file.
    register_backbone : Make a network of your own known by name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from sktransfer.backbones import load_backbone, save_backbone
    >>> backbone = load_backbone("mlp", n_inputs=5)
    >>> path = save_backbone(backbone, Path(mkdtemp()) / "mine.safetensors")
    >>> load_backbone(path)
    Backbone('mlp', weights='random', n_features=64)
    """
    path = _checked_path(path)
    state = {
        key: tensor.detach().to("cpu", copy=True).contiguous()
        for key, tensor in _checked_backbone(backbone).state_dict().items()
    }
    metadata = {_KEY: json.dumps(_describe(backbone))}
    parse_metadata(metadata[_KEY], f"The backbone {backbone.name!r}")
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(state, temporary, metadata)
    return path


def read_backbone(path):
    """Return the backbone that `save_backbone` wrote to `path`."""
    source = f"The backbone file {str(path)!r}"
    description, state = _read(path, source)
    fields = parse_metadata(description, source)
    _check_columns(fields["n_inputs"], state, source)
    backbone = _skeleton(fields["name"], fields["n_inputs"], source)
    backbone.to(_float_dtype(state, source))
    load_state(backbone, state, source)
    _set_preprocessing(backbone, fields["preprocessing"], source)
    backbone.weights, backbone.pretrained = fields["weights"], fields["pretrained"]
    return backbone._set_pooling(fields["pooling"])


def _read(path, source):
    if not path.is_file():
        raise FileNotFoundError(f"{source} does not exist.")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        state = safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{source} is no safetensors file, or damaged.") from error
    if _KEY not in metadata:
        raise ValueError(
            f"{source} holds weights only: pass it as weights, beside the name of its "
            "architecture."
        )
    return metadata[_KEY], state


def _set_preprocessing(backbone, preprocessing, source):
    if (preprocessing is None) != (_described_preprocessing(backbone) is None):
        raise ValueError(f"{source}: its preprocessing does not suit the architecture.")
    if preprocessing is not None:
        backbone.preprocessing = preprocessing


def _described_preprocessing(backbone):
    """Return the preprocessing, unless it is a module: that is among the tensors."""
    module = isinstance(backbone.preprocessing, nn.Module)
    return None if module else backbone.preprocessing


def _check_columns(n_inputs, state, source):
    """Refuse more columns than the tensors at hand can serve, before building."""
    lengths = [length for tensor in state.values() for length in tensor.shape]
    if n_inputs is not None and n_inputs > max(lengths, default=0):
        raise ValueError(
            f"{source} claims n_inputs={n_inputs}, but no tensor in it is that long."
        )


def _skeleton(name, n_inputs, source):
    """Return the architecture that `source` names, its weights to follow."""
    if name not in (*registered_names(), *torchvision_names()):
        raise ValueError(
            f"{source} is of the architecture {name!r}, which is not known here. Make "
            "it known with register_backbone, under this name."
        )
    if (modality_of(name) == "table") != (n_inputs is not None):
        raise ValueError(f"{source}: n_inputs={n_inputs} does not suit {name!r}.")
    return build_skeleton(name, n_inputs)


def _float_dtype(state, source):
    dtypes = {t.dtype for t in state.values() if t.is_floating_point()}
    if len(dtypes) != 1:
        raise ValueError(
            f"{source} must have floats of one dtype, not {sorted(map(str, dtypes))}."
        )
    return dtypes.pop()


def _describe(backbone):
    preprocessing = _described_preprocessing(backbone)
    return {
        "format": 1,
        "name": backbone.name,
        "n_inputs": backbone.n_inputs,
        "pooling": backbone.pooling.kind,
        "preprocessing": None if preprocessing is None else asdict(preprocessing),
        "weights": backbone.weights,
        "pretrained": backbone.pretrained,
    }


def _checked_path(path):
    path = Path(path)
    if path.suffix != _SUFFIX:
        raise ValueError(f"path={str(path)!r} must end in {_SUFFIX!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"path={str(path)!r}: there is no folder {str(path.parent)!r}. Create it."
        )
    return path


def _checked_backbone(backbone):
    """Return the backbone if a file of it could be read again."""
    if not isinstance(backbone, Backbone):
        raise TypeError(
            "save_backbone takes a Backbone, such as fitted.backbone_, not "
            f"{type(backbone).__name__}. Wrap a module with register_backbone."
        )
    source = f"The backbone {backbone.name!r}"
    if backbone.modality == "text":
        raise ValueError(
            f"{source} is of texts, which save_backbone does not write. Keep it in a "
            "pickle of the fitted estimator, or by the save_pretrained of "
            "transformers: backbone.encoder.network.save_pretrained(folder)."
        )
    skeleton = _skeleton(backbone.name, backbone.n_inputs, source)
    if _shapes(skeleton) != _shapes(backbone):
        raise ValueError(
            f"{source} is not as its builder makes it: layers were added or removed. "
            "Register a builder of the new network with register_backbone."
        )
    _float_dtype(backbone.state_dict(), source)
    return backbone


def _shapes(module):
    return {key: tensor.shape for key, tensor in module.state_dict().items()}
