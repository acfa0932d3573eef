"""Classifiers adapted on small data."""

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator

from sktransfer import DomainAdaptClassifier

from ..nets import images, table, tiny_backbone

X, Y = table(40, 5)
DOMAIN = np.where(np.arange(40) < 24, 1, -2)
PIXELS, LABELS = images(24)
IMAGE_DOMAIN = np.where(np.arange(24) < 12, 1, -2)


def fitted(method, data=None, **parameters):
    """Return a classifier fitted on a small table, or on `data` with a net for it."""
    X_, y, domain = (X, Y, DOMAIN) if data is None else data
    backbone = "auto" if data is None else tiny_backbone()
    settings = {"max_epochs": 2, "random_state": 0, **parameters}
    return DomainAdaptClassifier(backbone, method=method, **settings).fit(X_, y, domain)


TABLE, IMAGES = None, (PIXELS, LABELS, IMAGE_DOMAIN)


def fitted_images(method, **parameters):
    """Return a classifier fitted on small images."""
    return fitted(method, IMAGES, **parameters)


def fitted_after(source, method, data=None):
    """Return a classifier that goes on from the fitted `source`."""
    X_, y, domain = (X, Y, DOMAIN) if data is None else data
    return DomainAdaptClassifier(
        method=method, source=FrozenEstimator(source), max_epochs=2, random_state=0
    ).fit(X_, y, domain)


def pixel_tensor():
    """Return the small images as the net takes them."""
    return torch.from_numpy(PIXELS).permute(0, 3, 1, 2)
