"""Optimizers and their parameter groups."""

import inspect
from collections import defaultdict
from functools import partial

import numpy as np
import torch

from ..backbones._bundled import is_bundled

# Fused kernels update all parameters in one call.
OPTIMIZERS = {
    "adamw": partial(torch.optim.AdamW, fused=True),
    "adam": partial(torch.optim.Adam, fused=True),
    "sgd": partial(torch.optim.SGD, fused=True, momentum=0.9, nesterov=True),
    "rmsprop": torch.optim.RMSprop,
}


def build_optimizer(module, config):
    """Return the optimizer of `module`, a group for each learning rate and decay."""
    named = isinstance(config.optimizer, str)
    factory = OPTIMIZERS[config.optimizer] if named else config.optimizer
    decay = config.weight_decay
    if decay is None and named and module.backbone.modality == "table":
        decay = 0.0
    try:
        if decay is None:
            decay = _own_default(factory, "weight_decay")
        groups = parameter_groups(module, config, decays=bool(decay))
        options = {} if decay is None else {"weight_decay": decay}
        optimizer = factory(groups, lr=groups[0]["lr"], **options)
    except (TypeError, ValueError) as error:
        _raise_unusable(config.optimizer, error)
    if not isinstance(optimizer, torch.optim.Optimizer):
        _raise_unusable(config.optimizer, f"it returned {type(optimizer).__name__}")
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        _raise_unusable(config.optimizer, "its step needs a closure")
    return optimizer


def parameter_groups(module, config, decays=True):
    """Group the parameters by learning rate; norm layers and biases do not decay."""
    groups = defaultdict(list)
    seen = set()
    for part, lr in _learning_rates(module, config):
        for parameter in part.parameters():
            if parameter not in seen:
                groups[lr, not decays or parameter.ndim > 1].append(parameter)
                seen.add(parameter)
    return [
        {"params": parameters, "lr": lr, **({} if plain else {"weight_decay": 0.0})}
        for (lr, plain), parameters in groups.items()
    ]


def peak_lr(config, backbone):
    """Return the peak learning rate; "auto" is larger for small nets that bear it."""
    if config.lr != "auto":
        return config.lr
    knows_little = is_bundled(backbone) and not config.from_scratch
    return 1e-2 if backbone.modality == "table" or knows_little else 1e-3


def _raise_unusable(optimizer, reason):
    raise ValueError(
        f"optimizer={optimizer!r} cannot be built from parameter groups, lr and "
        f"weight_decay ({reason}). Use one of {sorted(OPTIMIZERS)}, or a first-order "
        "class of torch.optim or a functools.partial of one."
    )


def _own_default(factory, name):
    """Return the default that an optimizer class or partial has for a parameter."""
    parameter = inspect.signature(factory).parameters.get(name)
    return None if parameter is None else parameter.default


def _learning_rates(module, config):
    """Pair the head and each stage with its peak learning rate."""
    backbone = module.backbone
    lr = peak_lr(config, backbone)
    ratios = _ratios(config, len(backbone.stages))
    yield module.head, lr
    for stage, ratio in zip(backbone.stages, ratios, strict=True):
        yield stage, lr * float(ratio)
    if len(ratios):
        yield backbone, lr * float(ratios[-1])  # what belongs to no stage


def _ratios(config, n_stages):
    """Return the learning rate of each stage as a multiple of that of the head."""
    if config.from_scratch:
        return np.ones(n_stages)
    if isinstance(config.backbone_lr_ratio, tuple):
        return np.geomspace(*config.backbone_lr_ratio, n_stages)
    return np.full(n_stages, config.backbone_lr_ratio)
