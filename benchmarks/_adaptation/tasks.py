"""Small problems with a labelled source and an unlabelled target."""

import pickle
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.ndimage import rotate
from sklearn.datasets import (
    load_digits,
    load_sample_images,
    make_classification,
)
from sklearn.model_selection import train_test_split

from sktransfer.datasets import load_digit_domains, make_shifted_classification

from . import photographs

N_UNLABELLED = 1200  # target rows that are trained on; the others are held out
ANGLE = 25  # degrees, of the turned digits
SHIFT = {"n_samples": 4000, "n_informative": 5, "n_classes": 5, "strength": 1.5}
DRIFT = 0.8  # of scales and of offsets, relative to those of the columns


@dataclass(frozen=True)
class Task:
    """A problem; images are uint8, tables float32 and standardised by the source.

    `y_target` are the labels of the rows that are unlabelled in training: they tell
    what a net trained on them reaches, and no contestant sees them.
    """

    X_source: np.ndarray
    y_source: np.ndarray
    X_target: np.ndarray
    y_target: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def n_classes(self):
        """Number of classes, which are 0 to ``n_classes - 1``."""
        return int(self.y_source.max()) + 1

    @property
    def is_table(self):
        """Whether the rows are those of a table."""
        return self.X_source.ndim == 2


def split_target(X_source, y_source, X, y, n_unlabelled=N_UNLABELLED):
    """Return the task whose target rows, X and y, are split by a fixed seed."""
    X_target, X_test, y_target, y_test = train_test_split(
        X, y, train_size=n_unlabelled, stratify=y, random_state=0
    )
    return Task(X_source, y_source, X_target, y_target, X_test, y_test)


def standardised(task):
    """Return a task of tables, standardised by the source, constant columns zero."""
    mean, scale = task.X_source.mean(0), task.X_source.std(0)
    scale[scale == 0] = np.inf

    def scaled(X):
        return ((X - mean) / scale).astype(np.float32)

    tables = scaled(task.X_source), scaled(task.X_target), scaled(task.X_test)
    return Task(
        tables[0], task.y_source, tables[1], task.y_target, tables[2], task.y_test
    )


def fonts_to_digits():
    """Take printed digits as source, handwritten ones as target."""
    d = load_digit_domains()
    return split_target(d.X_source, d.y_source, d.X_target, d.y_target)


def digits_to_fonts():
    """Take handwritten digits as source, printed ones as target."""
    d = load_digit_domains(n_samples=1800)
    return split_target(d.X_target, d.y_target, d.X_source, d.y_source)


def fonts_to_colour():
    """Take printed digits, and as target others, inverting pieces of photographs."""
    source = load_digit_domains()
    target = load_digit_domains(n_samples=1800, random_state=1)
    X_source = np.repeat(source.X_source[..., None], 3, axis=-1)
    X = on_photographs(target.X_source, np.random.default_rng(0))
    return split_target(X_source, source.y_source, X, target.y_source)


def on_photographs(images, rng):
    """Return |piece of a photograph - image| for each of `images`, in colour."""
    photos = [photo[::2, ::2].astype(int) for photo in load_sample_images().images]
    height, width = images.shape[1:]
    blends = np.empty((*images.shape, 3), dtype=np.uint8)
    for blend, image in zip(blends, images, strict=True):
        photo = photos[rng.integers(len(photos))]
        row = rng.integers(photo.shape[0] - height)
        column = rng.integers(photo.shape[1] - width)
        piece = photo[row : row + height, column : column + width]
        blend[...] = np.abs(piece - image[..., None].astype(int))
    return blends


def turned_digits():
    """Take pixels of handwritten digits as a table, and as target others, turned."""
    digits = load_digits()
    X, X_turned, y, y_turned = train_test_split(
        digits.images / 16, digits.target, train_size=900, random_state=0
    )
    X_turned = rotate(X_turned, ANGLE, axes=(2, 1), reshape=False, order=1)
    flat, flat_turned = (part.reshape(len(part), -1) for part in (X, X_turned))
    return split_target(
        flat.astype(np.float32), y, flat_turned.astype(np.float32), y_turned, 600
    )


def drifted_sensors():
    """Take measurements, and as target others by sensors that mix and have drifted."""
    X, y = make_classification(
        6000,
        n_features=30,
        n_informative=12,
        n_redundant=6,
        n_classes=5,
        class_sep=1.5,
        random_state=0,
    )
    rng = np.random.default_rng(0)
    n = X.shape[1]
    mixing = np.eye(n) + DRIFT * rng.normal(size=(n, n)) / np.sqrt(n)
    zeros = DRIFT * X.std(axis=0) * rng.normal(size=n)
    half = len(X) // 2
    drifted = X[half:] @ mixing + zeros
    return standardised(split_target(X[:half], y[:half], drifted, y[half:], 2000))


def shifted():
    """Take rows, and as target others with another mean and the same p(y | x).

    The mean tells about the class, so that methods which take it for a mere difference
    of domains lose by it.
    """
    d = make_shifted_classification(**SHIFT, random_state=0)
    return standardised(
        split_target(d.X_source, d.y_source, d.X_target, d.y_target, 3000)
    )


def corrupted(pictures, corruption):
    """Take features of photographs, and as target those of corrupted others."""
    task = Task(*photographs.features(pictures, corruption))
    return standardised(task)


IMAGES = {
    "fonts to digits": fonts_to_digits,
    "digits to fonts": digits_to_fonts,
    "fonts to colour": fonts_to_colour,
}
TABLES = {
    "turned digits": turned_digits,
    "drifted sensors": drifted_sensors,
    "shifted table": shifted,
}
PHOTOGRAPHS = {
    f"{pictures}, {corruption}": partial(corrupted, pictures, corruption)
    for pictures in photographs.PICTURES
    for corruption in photographs.CORRUPTIONS
}
NAMES = (*IMAGES, *TABLES, *PHOTOGRAPHS)


def load_task(name, folder):
    """Return the task called `name`, made once and kept in `folder`."""
    path = folder / f"{name.replace(', ', ' ').replace(' ', '_')}.pickle"
    if path.exists():
        return pickle.loads(path.read_bytes())
    task = {**IMAGES, **TABLES, **PHOTOGRAPHS}[name]()
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(task))
    return task
