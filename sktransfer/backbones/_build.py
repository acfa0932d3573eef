"""From the name of an architecture to a network."""

import torch

from .._utils.seeds import isolated_rng
from ._backbone import Backbone
from ._bundled import LABEL, bundled_state
from ._modules import wrap_module
from ._registry import build_registered, registered_names, takes_table
from ._sources import build_sourced, is_sourced
from ._torchvision import shapes_only, torchvision_backbone
from ._weights import load_state, read_state


def build(name, weights, n_inputs=None):
    """Return the network `name` with `weights`, as `load_backbone` takes them."""
    if is_sourced(name):
        return build_sourced(name, weights)
    if name in registered_names():
        return _registered_backbone(name, weights, n_inputs)
    return torchvision_backbone(name, weights)


def build_skeleton(name, n_inputs=None):
    """Return the network `name` for its shapes alone: weights are to follow."""
    if name in registered_names():
        with isolated_rng(0):
            return _registered_backbone(name, None, n_inputs)
    with shapes_only():
        return torchvision_backbone(name, None)


def _registered_backbone(name, weights, n_inputs):
    network = build_registered(name, n_inputs)
    label, state = _labelled_state(name, weights)
    if state is not None:
        load_state(network, state, f"weights {label!r}")
    if not isinstance(network, Backbone):
        network = _wrapped(name, network, n_inputs)
    network.name = name
    if state is not None:
        network.weights, network.pretrained = label, True
    return network


def _labelled_state(name, weights):
    """Return what is to be loaded and its label; no state if nothing is."""
    if weights is None:
        return None, None
    if isinstance(weights, str) and weights == "auto":
        return LABEL, bundled_state(name)
    return read_state(weights)


def _wrapped(name, module, n_inputs):
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"The builder of the backbone {name!r} returned {module!r}. It must return "
            "an nn.Module or a Backbone."
        )
    modality = "table" if takes_table(name) else "image"
    shape = (1, n_inputs) if modality == "table" else (1, 3, 224, 224)
    return wrap_module(module, torch.zeros(shape), name=name, modality=modality)
