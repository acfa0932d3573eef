"""Every bad input gets one error that names what is wrong and the cure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.sparse import csr_array

from sktransfer._inputs import kind_of, read_images

GREY = np.full((4, 6, 6), 0.5)
COLOUR = np.zeros((4, 6, 6, 3), dtype=np.uint8)
PIL = Image.new("RGB", (4, 5))


def with_value(array, row, value):
    array = array.copy()
    array[row].flat[0] = value
    return array


BAD_ARRAYS = {
    "no row": (np.zeros((0, 6, 6)), ValueError, r"shape \(0, 6, 6\).*at least one"),
    "no pixel": (np.zeros((4, 0, 6)), ValueError, r"at least one"),
    "no row in 4-D": (COLOUR[:0], ValueError, r"shape \(0, 6, 6, 3\)"),
    "empty list": ([], ValueError, "empty: at least one image"),
    "empty DataFrame": (pd.DataFrame({"path": []}), ValueError, "images"),
    "NaN": (with_value(GREY, 2, np.nan), ValueError, "Row 2 of X contains NaN"),
    "infinity": (with_value(GREY, 3, np.inf), ValueError, "Row 3 of X contains .*inf"),
    "floats to 255": (GREY * 510, ValueError, "to 255, first in row 0.*divide by 255"),
    "one float above": (with_value(GREY, 1, 1.5), ValueError, "to 1.5, first in row 1"),
    "negative floats": (with_value(GREY, 1, -1), ValueError, "from -1 .*do not normal"),
    "16 bits": (COLOUR + np.uint16(999), ValueError, "0 to 255.*to 999.*// 256"),
    "negative int": (with_value(COLOUR.astype(int), 2, -3), ValueError, "-3.*row 2"),
    "two channels": (np.zeros((4, 6, 6, 2)), ValueError, "length 1, 3 or 4"),
    "five channels": (np.zeros((4, 5, 6, 6)), ValueError, r"shape \(4, 5, 6, 6\)"),
    "5-D": (
        np.zeros((2, 3, 4, 5, 3)),
        ValueError,
        r"\(2, 3, 4, 5, 3\).*\(n, h, w, c\)",
    ),
    "complex": (GREY.astype(complex), TypeError, "complex128.*astype"),
    "dates": (np.zeros((2, 3, 3), "datetime64[s]"), TypeError, "datetime64.*astype"),
    "objects": (COLOUR.astype(object), TypeError, "dtype object.*astype"),
    "strings in 3-D": (np.full((2, 3, 3), "a"), TypeError, "Images must be numbers"),
    "1-D": (np.zeros(36), ValueError, r"\(36,\).*Reshape your data"),
    "a number": (3.5, ValueError, "Reshape your data"),
    "None": (None, ValueError, "Expected images"),
    "a dict": ({"a": 1}, ValueError, "Expected images"),
    "2-D": (np.zeros((4, 36)), ValueError, r"\(4, 36\).*input_shape=\(h, w\)"),
    "sparse": (csr_array((4, 36)), TypeError, r"Sparse X.*X.toarray\(\)"),
    "DataFrame": (pd.DataFrame(np.zeros((4, 3))), ValueError, "3 columns.*one column"),
    "sizes differ": (
        [np.zeros((3, 3)), np.zeros((4, 4))],
        ValueError,
        "differ in shape",
    ),
}

BAD_ROWS = {
    "a path": ("a.jpg", TypeError, r"single str.*pass \[X\]"),
    "a Path": (Path("a.jpg"), TypeError, r"single .*Path.*pass \[X\]"),
    "a folder": (".", TypeError, r"X is the folder '\.'.*load_image_folder"),
    "a folder's Path": (Path("."), TypeError, "X is the folder.*load_image_folder"),
    "an image": (PIL, TypeError, r"single Image.*pass \[X\]"),
    "bytes": (b"\xff\xd8", TypeError, r"single bytes.*pass \[X\]"),
    "str, PIL": (["a.jpg", PIL], TypeError, r"paths .*\(row 0\) and PIL .*\(row 1\)"),
    "PIL, str": ([PIL, PIL, "a"], TypeError, r"PIL .*\(row 0\) and paths .*\(row 2\)"),
    "rows of bytes": ([b"\xff\xd8"], TypeError, "Row 0 of X holds bytes.*BytesIO"),
    "array of bytes": (np.array([b"a.jpg"]), TypeError, "Row 0 of X holds bytes"),
    "None row": (["a.jpg", None], ValueError, "Row 1 of X is missing .*drop the row"),
    "NaN row": (pd.Series(["a.jpg", None]), ValueError, "Row 1 of X is missing"),
    "NA row": ([pd.NA, "a.jpg"], ValueError, "Row 0 of X is missing"),
    "missing image": ([PIL, None], ValueError, "Row 1 of X is missing"),
    "number row": (["a.jpg", 3], TypeError, "Row 1 of X is 3 of type int"),
    "array row": (["a.jpg", np.zeros(2)], TypeError, "Row 1 of X .*ndarray"),
    "image array row": ([PIL, np.zeros((5, 4))], TypeError, "Row 1 of X .*ndarray"),
    "list row": (["a.jpg", ["b.jpg"]], TypeError, "Row 1 of X .*list"),
    "empty path": (["a.jpg", ""], ValueError, "Row 1 of X is ''.*non-empty str"),
    "text column": (pd.DataFrame({"p": ["a"], "q": ["b"]}), ValueError, "2 columns"),
}


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [*BAD_ARRAYS.values(), *BAD_ROWS.values()],
    ids=[*BAD_ARRAYS, *BAD_ROWS],
)
def test_bad_X(X, error, message):
    with pytest.raises(error, match=message):
        read_images(X)


FLAT = np.full((4, 36), 0.5)

BAD_INPUT_SHAPES = {
    "too small": (FLAT, (5, 6), "30 columns, but X has 36"),
    "negative": (FLAT, (-6, -6), "positive integers"),
    "float": (FLAT, (6.0, 6.0), "positive integers"),
    "a number": (FLAT, 36, r"\(h, w\) or \(h, w, c\)"),
    "one side": (FLAT, (36,), r"\(h, w\) or \(h, w, c\)"),
    "two channels": (FLAT, (6, 3, 2), "c 1, 3 or 4"),
    "images": (GREY, (6, 6), r"for flat images.*\(4, 6, 6\).*input_shape=None"),
    "paths": (["a.jpg"], (6, 6), "for flat images.*X holds paths"),
    "PIL": ([PIL], (6, 6), "for flat images.*X holds PIL images"),
    "NaN": (with_value(FLAT, 3, np.nan), (6, 6), "Row 3 of X contains NaN"),
    "1-D": (FLAT[0], (6, 6), "Reshape your data"),
    "no row": (FLAT[:0], (6, 6), "at least one"),
}


@pytest.mark.parametrize(
    ("X", "input_shape", "message"), BAD_INPUT_SHAPES.values(), ids=BAD_INPUT_SHAPES
)
def test_bad_input_shape(X, input_shape, message):
    with pytest.raises(ValueError, match=message):
        read_images(X, input_shape)


def test_sparse_flat_images():
    with pytest.raises(TypeError, match="Sparse X"):
        read_images(csr_array((4, 36)), input_shape=(6, 6))


@pytest.mark.parametrize(
    ("X", "what"),
    [(COLOUR, "an array of images"), (["a.jpg"], "paths"), ([PIL], "PIL images")],
)
def test_images_for_a_table_backbone(X, what):
    with pytest.raises(ValueError, match=f"X holds {what}.*backbone takes tables"):
        kind_of(X, modality="table")


BAD_FILES = {
    "text": (b"no image at all", "no format read"),
    "html named jpg": (b"<html><body>404</body></html>", "no format read"),
    "zeros": (bytes(1000), "no format read"),
    "empty": (b"", "empty file"),
    "jpeg header alone": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "cannot be read"),
    "png header alone": (b"\x89PNG\r\n\x1a\n", "cannot be read"),
    "pickle": (b"\x80\x04\x95\x00", "no format read"),
}


@pytest.mark.parametrize(("data", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_file(write, data, message):
    path = write(data, "bad.jpg")
    images = read_images(["other.jpg", path])
    with pytest.raises(ValueError, match=rf"Row 1 of X, '.*bad\.jpg'.*{message}"):
        images.sample(1)


BAD_PATHS = {
    "missing": ("gone.jpg", FileNotFoundError, "does not exist.*relative ones start"),
    "in no folder": ("gone/a.jpg", FileNotFoundError, "does not exist"),
    "below a file": ("file.txt/a.jpg", FileNotFoundError, "does not exist"),
    "directory": (".", ValueError, "is a directory: pass paths of image files"),
    "null byte": ("a\0b.jpg", ValueError, "no usable path"),
    "too long": ("a" * 5000, ValueError, "no usable path"),
}


@pytest.mark.parametrize(
    ("path", "error", "message"), BAD_PATHS.values(), ids=BAD_PATHS
)
def test_bad_path(tmp_path, monkeypatch, path, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("text")
    with pytest.raises(error, match=f"Row 0 of X, .*{message}"):
        read_images([path]).sample(0)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_range_of_pixels_unknown(write, mode):
    path = write(Image.new(mode, (3, 2), 7), "wide.tif")
    with pytest.raises(ValueError, match=f"wide.tif.*mode '{mode}'.*scale it"):
        read_images([path]).sample(0)
    with pytest.raises(ValueError, match=f"Row 0 of X.*mode '{mode}'.*scale it"):
        read_images([Image.open(path)]).sample(0)


def test_pil_image_without_pixels():
    with pytest.raises(ValueError, match=r"Row 0 of X.*no pixels"):
        read_images([Image.new("RGB", (0, 3))]).sample(0)
