"""Small nets and data that several tests share."""

import copy
import re

import numpy as np
import torch
from PIL import Image
from torch import nn

from sktransfer.backbones import Backbone
from sktransfer.backbones._norm import WeightedBatchNorm2d


def table(n=60, n_columns=5, n_classes=2, seed=0):
    """Return a table and labels that depend on it."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_columns))
    scores = X @ rng.normal(size=(n_columns, n_classes))
    return X, scores.argmax(axis=1)


def images(n=24, side=8, seed=0):
    """Return uint8 images (n, side, side, 3) whose label is their bright half."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = rng.integers(0, 120, (n, side, side, 3))
    X[y == 1, : side // 2] += 120
    return X.astype(np.uint8), y


def write_images(X, folder):
    """Write images as PNG and return their paths."""
    paths = [folder / f"{number:03}.png" for number in range(len(X))]
    for pixels, path in zip(X, paths, strict=True):
        Image.fromarray(pixels).save(path)
    return np.array([str(path) for path in paths])


def tiny_backbone(pretrained=True, seed=0):
    """Return a convolutional backbone of three stages with batch norm in tune."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        widths = (3, 4, 6, 8)
        stages = [
            nn.Sequential(
                nn.Conv2d(widths[i], widths[i + 1], 3, padding=1),
                WeightedBatchNorm2d(widths[i + 1]),
                nn.ReLU(),
            )
            for i in range(3)
        ]
    from sktransfer.backbones import ImagePreprocessing

    preprocessing = ImagePreprocessing(
        resize=8, crop=(8, 8), mean=(0.5,) * 3, std=(0.25,) * 3, flexible=True
    )
    backbone = Backbone(
        stages,
        name="tiny",
        width=8,
        preprocessing=preprocessing,
        weights="made for tests",
        pretrained=pretrained,
    ).train()
    batch = torch.from_numpy(images()[0]).permute(0, 3, 1, 2)
    with torch.no_grad():
        for _ in range(100):
            backbone(batch)
    return backbone.eval()


def state_of(module):
    """Return a copy of everything a module knows."""
    return copy.deepcopy(module.state_dict())


def same_state(one, other):
    """Whether two state dicts are equal bit by bit."""
    return one.keys() == other.keys() and all(
        torch.equal(one[key], other[key]) for key in one
    )


def name_of(value):
    """Return what a test is called by: a text without addresses, the same each time."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))
