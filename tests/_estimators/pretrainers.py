"""Small data to pretrain on, and pretrainers that are fast."""

import numpy as np

from sktransfer import SelfSupervisedPretrainer

from ..nets import images, table, tiny_backbone

X, Y = table(80)
PIXELS, LABELS = images()
DECODING = ["autoencoder", "denoising", "contractive", "masked"]


def small_pretrainer(objective="denoising", **parameters):
    parameters = {"max_epochs": 3, "random_state": 0, **parameters}
    return SelfSupervisedPretrainer(objective, **parameters)


def pretrainer_of_images(objective="denoising", **parameters):
    return small_pretrainer(objective, backbone=tiny_backbone(), **parameters)


def low_rank_table(n=300):
    """Return a table of 12 columns, on scales of their own, that are 3 in truth."""
    rng = np.random.default_rng(0)
    scale, mean = rng.uniform(1, 100, 12), rng.uniform(-50, 50, 12)
    return rng.normal(size=(n, 3)) @ rng.normal(size=(3, 12)) * scale + mean
