"""Features that SqueezeNet finds in photographs, clean and corrupted.

The folder SKTRANSFER_DATA holds ``hymenoptera_data``, ``cifar10_subset.npz`` and the
ImageNet weights. Every corruption hits at one strength, and no photograph is both in
the source and in the target.
"""

import os
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from sktransfer import PretrainedFeatureExtractor
from sktransfer.backbones import load_backbone
from sktransfer.datasets import load_image_folder

WEIGHTS = "squeezenet1_1_imagenet.safetensors"
ANTS_SIZE, CIFAR_SIZE = 224, 160  # pixels that the net sees
N_CIFAR = 4000  # photographs that are trained on, one half clean, the other corrupted
NOISE = 0.07  # standard deviation, relative to white
BLUR = 0.025  # standard deviation, relative to the size of the image
CONTRAST = 0.25  # what is left of it


def noise(images, rng):
    """Add Gaussian noise."""
    return as_bytes(images + rng.normal(0, NOISE * 255, images.shape))


def blur(images, rng):
    """Blur by a Gaussian."""
    sigma = BLUR * images.shape[1]
    return as_bytes(gaussian_filter(images.astype(float), (0, sigma, sigma, 0)))


def contrast(images, rng):
    """Take contrast away."""
    middle = images.mean(axis=(1, 2, 3), keepdims=True)
    return as_bytes(middle + CONTRAST * (images - middle))


CORRUPTIONS = {function.__name__: function for function in (noise, blur, contrast)}


def as_bytes(images):
    """Return images as uint8."""
    return images.round().clip(0, 255).astype(np.uint8)


def data_folder():
    """Return the folder of the real data."""
    return Path(os.environ.get("SKTRANSFER_DATA", "data"))


def ants_and_bees():
    """Return clean images and labels: to train on, held out."""
    folder = data_folder() / "hymenoptera_data"
    return square(folder / "train"), square(folder / "val")


def square(folder):
    """Return the photographs below `folder` in one size, and which are bees."""
    paths, names = load_image_folder(folder, return_X_y=True)
    images = [Image.open(path).convert("RGB") for path in paths]
    size = (ANTS_SIZE, ANTS_SIZE)
    X = np.stack([np.asarray(image.resize(size)) for image in images])
    return X, (names == "bees").astype(np.int64)


def cifar():
    """Return clean images and labels: to train on, held out."""
    arrays = np.load(data_folder() / "cifar10_subset.npz")
    y = arrays["y_train"].astype(np.int64)
    rows = np.random.default_rng(0).permutation(len(y))[:N_CIFAR]  # sorted by class
    held_out = arrays["X_test"], arrays["y_test"].astype(np.int64)
    return (arrays["X_train"][rows], y[rows]), held_out


PICTURES = {"ants and bees": ants_and_bees, "cifar": cifar}
SIZES = {"ants and bees": ANTS_SIZE, "cifar": CIFAR_SIZE}


def features(pictures, corruption):
    """Return features and labels of source, unlabelled and held-out rows."""
    (X, y), held_out = PICTURES[pictures]()
    source, target = halves(len(y))
    columns = [source_features(pictures), y[source]]
    rng = np.random.default_rng(1)
    for clean, labels in ((X[target], y[target]), held_out):
        images = CORRUPTIONS[corruption](clean, rng)
        columns += [extractor(pictures).fit_transform(images), labels]
    return columns


def halves(n_rows):
    """Return the rows of the source, and those of the target."""
    return np.array_split(np.random.default_rng(0).permutation(n_rows), 2)


@cache
def source_features(pictures):
    """Return the features of the clean photographs of the source."""
    (X, y), _ = PICTURES[pictures]()
    return extractor(pictures).fit_transform(X[halves(len(y))[0]])


def extractor(pictures):
    """Return SqueezeNet with the ImageNet weights of the folder, at the right size."""
    weights = data_folder() / WEIGHTS
    return PretrainedFeatureExtractor(
        load_backbone("squeezenet1_1", weights, image_size=SIZES[pictures])
    )
