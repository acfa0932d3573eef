"""Weights that come with the package."""

from importlib import resources

import safetensors.torch

LABEL = "bundled (synthetic images, version 1)"


def bundled_state(name):
    """Return the weights that are bundled for the network `name`, or None."""
    file = resources.files(__package__) / "data" / f"{name}.safetensors"
    return safetensors.torch.load(file.read_bytes()) if file.is_file() else None


def is_bundled(backbone):
    """Whether a backbone has such weights, or learnt on from them."""
    return backbone.weights == LABEL
