"""From the parameter `backbone` of an estimator to a network of its own."""

import copy
from pathlib import Path

from torch import nn

from ._backbone import Backbone
from ._files import is_backbone_file
from ._layout import lay_out
from ._load import check_known
from ._modules import as_they_are, looks_trained, wrap_module
from ._recent import load_anew
from ._registry import modality_of

_AUTO = {"table": "mlp", "image": "synthnet"}


def as_backbone(
    backbone,
    *,
    weights="auto",
    kind,
    sample,
    image_size=None,
    pooling="auto",
    dtype=None,
):
    """Return a backbone to train, laid out, which shares nothing with the argument.

    Parameters
    ----------
    backbone : "auto", str, Path, Backbone or nn.Module
        As every estimator takes it.
    weights, image_size, pooling, dtype
        As `load_backbone` takes them.
    kind : str
        Of the input: "table", "text", or anything else for images.
    sample : Tensor or None
        Some raw rows of the input, for the width of modules and number of columns;
        None for texts, and for images if `backbone` is a name or a file.
    """
    modality = kind if kind in ("table", "text") else "image"
    if isinstance(backbone, str) and backbone == "auto":
        backbone = _AUTO[modality]
    if isinstance(backbone, nn.Module):
        own = _own_copy(backbone, weights, modality, sample, image_size, dtype)
        if pooling != "auto":
            own._set_pooling(pooling)
        own = lay_out(own._set_image_size(image_size))
    elif isinstance(backbone, (str, Path)):
        own = _named(backbone, weights, modality, sample, image_size, pooling, dtype)
    else:
        raise TypeError(
            f"backbone={backbone!r} must be 'auto', the name of a backbone (see "
            "sktransfer.backbones.list_backbones), a Backbone, an nn.Module that "
            "returns features, or a file of save_backbone."
        )
    _check_input(own.modality, own.n_inputs, modality, sample, own.name)
    return own


def _own_copy(module, weights, modality, sample, image_size, dtype):
    if not (isinstance(weights, str) and weights == "auto"):
        raise ValueError(
            "weights: a backbone given as an object has weights of its own. Leave "
            "weights='auto', or name an architecture."
        )
    own = copy.deepcopy(module)
    own.to(dtype=dtype) if sample is None else own.to(sample.device, dtype)
    if isinstance(own, Backbone):
        if own.modality == "image" and own.preprocessing is None:
            own.preprocessing = as_they_are()
        return own
    return wrap_module(
        own,
        sample,
        image_size,
        name=type(module).__name__,
        modality=modality,
        weights="module",
        # without a sign of the contrary, what is handed over is worth keeping
        pretrained=looks_trained(module) is not False,
    )


def _named(name, weights, modality, sample, image_size, pooling, dtype):
    columns = None
    if not is_backbone_file(name):
        check_known(name)
        _check_input(modality_of(name), None, modality, sample, name)
        columns = sample.shape[1] if modality == "table" else None
    return load_anew(
        name,
        weights,
        pooling=pooling,
        image_size=image_size,
        n_inputs=columns,
        dtype=dtype,
    )


def _check_input(takes, n_inputs, modality, sample, name):
    if takes == "image" and modality == "table":
        raise ValueError(
            f"backbone={name!r} takes images, but X is a table of {sample.shape[1]} "
            "columns. If its rows are flat images, give input_shape=(height, width); "
            "for a table, backbone='mlp'."
        )
    if "text" in (takes, modality) and takes != modality:
        raise ValueError(
            f"backbone={name!r} takes {takes}s, but X holds {modality}s. For texts, "
            "name a backbone such as 'text:all-MiniLM-L6-v2'."
        )
    if takes == "table" and modality == "image":
        raise ValueError(
            f"backbone={name!r} takes tables, but X holds images. Name a backbone for "
            "images, such as 'resnet18', or backbone='auto'."
        )
    if n_inputs is not None and n_inputs != sample.shape[1]:
        raise ValueError(
            f"backbone={name!r} takes {n_inputs} columns, but X has {sample.shape[1]}."
        )
