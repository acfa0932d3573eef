"""From any nn.Module that returns features to a Backbone."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from .._utils.messages import first_line
from .._utils.preprocessing import ImagePreprocessing
from ._backbone import Backbone


def wrap_module(module, sample, image_size=None, **attributes):
    """Return `module` as a Backbone whose width is found by running `sample`.

    `sample` is a raw batch, as `Backbone.forward` takes it; `image_size`, what images
    are brought to (None: they keep their size).
    """
    table = attributes["modality"] == "table"
    backbone = Backbone(
        split_into_stages(module),
        width=0,
        preprocessing=None if table else as_they_are(),
        n_inputs=sample.shape[1] if table else None,
        **attributes,
    )
    backbone._set_image_size(image_size)
    backbone.width = _width(backbone, sample)
    return backbone


def as_they_are():
    """Return what makes floats 0-1 of images: another normalisation is not known."""
    return ImagePreprocessing(mean=None, std=None, flexible=True)


def split_into_stages(module):
    """Return the children of a Sequential, each with parameters opening a stage."""
    if not isinstance(module, nn.Sequential) or not len(module):
        return [module]
    runs = [[]]
    for child in module:
        if has_parameters(child) and any(map(has_parameters, runs[-1])):
            runs.append([])
        runs[-1].append(child)
    return [nn.Sequential(*run) for run in runs]


def looks_trained(module):
    """Return whether batch norms of `module` have seen rows; None if it has none."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
    means = [norm.running_mean for norm in norms if norm.running_mean is not None]
    return any(bool(mean.any()) for mean in means) if means else None


def has_parameters(module):
    """Whether there is anything to train in `module`."""
    return next(module.parameters(), None) is not None


def _width(backbone, sample):
    takes = f"a batch of shape {tuple(sample.shape)}, {sample.dtype}"
    try:
        with torch.no_grad():
            maps = backbone.feature_maps(sample)[-1]
    except Exception as error:
        reason = first_line(error)
        raise ValueError(
            f"backbone: the module {backbone.name!r} cannot run {takes} ({reason}). It "
            "must map floats (images in 0-1, channels first) to features. Where images "
            "must have a size of its own, give that as image_size."
        ) from error
    if not isinstance(maps, torch.Tensor) or maps.ndim not in (2, 4):
        got = tuple(maps.shape) if isinstance(maps, torch.Tensor) else type(maps)
        raise ValueError(
            f"backbone: for {takes}, the module {backbone.name!r} returned {got}. It "
            "must return features (n, d) or feature maps (n, c, h, w): wrap it so."
        )
    return maps.shape[1]
