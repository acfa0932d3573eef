"""What X is taken for."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array

from sktransfer._inputs import (
    ImageArray,
    ImagePaths,
    PILImages,
    kind_of,
    read_images,
)

NAMES = ["a.jpg", "b.png", "c.gif"]
PIL = [Image.new("RGB", (4, 5)), Image.new("L", (6, 7)), Image.new("1", (4, 5))]


def objects(rows):
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        array[index] = row
    return array


PATHS = {
    "list of str": NAMES,
    "tuple of str": tuple(NAMES),
    "list of Path": [Path(name) for name in NAMES],
    "list of both": [Path(NAMES[0]), *NAMES[1:]],
    "array of str": np.array(NAMES),
    "array of objects": np.array(NAMES, dtype=object),
    "(n, 1) array of objects": np.array(NAMES, dtype=object)[:, None],
    "(n, 1) array of str": np.array(NAMES)[:, None],
    "(n, 1) list": [[name] for name in NAMES],
    "Series": pd.Series(NAMES, index=[5, 3, 9]),
    "Series of objects": pd.Series(NAMES, dtype=object),
    "categorical Series": pd.Series(NAMES, dtype="category"),
    "Series of Path": pd.Series([Path(name) for name in NAMES]),
    "one-column DataFrame": pd.DataFrame({"path": NAMES}),
    "np.str_ rows": list(np.array(NAMES)),
}


@pytest.mark.parametrize("X", PATHS.values(), ids=PATHS.keys())
@pytest.mark.parametrize("modality", [None, "image"])
def test_paths(X, modality):
    assert kind_of(X, modality=modality) == "paths"
    images = read_images(X)
    assert isinstance(images, ImagePaths)
    assert images.paths.dtype.kind == "U"
    assert images.paths.tolist() == NAMES


@pytest.mark.parametrize(
    "X", [PIL, tuple(PIL), objects(PIL), objects(PIL)[:, None], pd.Series(PIL)]
)
def test_pil_images(X):
    assert kind_of(X) == "pil"
    images = read_images(X)
    assert isinstance(images, PILImages)
    assert [image.size for image in images.images] == [(4, 5), (6, 7), (4, 5)]


def test_pil_images_of_one_size_stay_images():
    images = read_images([PIL[0], PIL[2]])
    assert isinstance(images, PILImages)
    assert images.images.shape == (2,)


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((5, 64)),
        np.zeros((5, 1)),
        np.zeros((5, 64)).tolist(),
        np.zeros((5, 64), dtype=bool),
        np.zeros((5, 64), dtype=object),
        pd.DataFrame(np.zeros((5, 64))),
        pd.DataFrame({"x": [1.0, 2.0]}),
        torch.zeros(5, 64),
        # Wrong tables: scikit-learn's validation says so.
        np.zeros(5),
        np.zeros((5, 3), dtype=complex),
        np.empty((0, 3)),
        np.array([["a", "b"]]),
        [],
        None,
        csr_array((5, 3)),
    ],
    ids=str,
)
@pytest.mark.parametrize("modality", [None, "table"])
def test_tables(X, modality):
    assert kind_of(X, modality=modality) == "table"


@pytest.mark.parametrize(
    "shape", [(5, 8, 9), (5, 8, 9, 1), (5, 8, 9, 3), (5, 8, 9, 4), (5, 3, 8, 9)]
)
def test_arrays_of_images(shape):
    X = np.zeros(shape, dtype=np.uint8)
    for form in (X, X.tolist(), list(X), torch.from_numpy(X)):
        assert kind_of(form) == kind_of(form, modality="image") == "images"
        assert isinstance(read_images(form), ImageArray)


@pytest.mark.parametrize("as_form", [np.asarray, np.ndarray.tolist, pd.DataFrame])
def test_flat_images(as_form):
    X = as_form(np.linspace(0, 1, 5 * 12).reshape(5, 12))
    assert kind_of(X) == "table"
    assert kind_of(X, input_shape=(3, 4)) == "images"
    assert read_images(X, input_shape=(3, 4)).images.shape == (5, 1, 3, 4)
    assert read_images(X, input_shape=(2, 2, 3)).images.shape == (5, 3, 2, 2)


def test_no_file_is_opened():
    assert len(read_images(["does", "not", "exist"])) == 3
