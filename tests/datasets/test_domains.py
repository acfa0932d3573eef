from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from PIL import Image
from sklearn.model_selection import StratifiedKFold

from sktransfer.datasets import pack_domains

X3 = np.arange(6.0).reshape(3, 2)
X2 = X3[:2] + 10


def test_source_comes_first_and_domains_are_signed():
    X, y, sample_domain = pack_domains(X3, [0, 1, 0], X2, [None, 1])
    np.testing.assert_array_equal(X, np.r_[X3, X2])
    assert y.tolist() == [0, 1, 0, -1, 1]
    assert sample_domain.tolist() == [1, 1, 1, -2, 2]
    assert sample_domain.dtype == np.int64


def test_a_target_without_labels_is_unlabelled():
    _, y, sample_domain = pack_domains(X3, [0, 1, 0], X2)
    assert sample_domain.tolist() == [1, 1, 1, -2, -2]
    assert y[3:].tolist() == [-1, -1]


def test_a_target_with_all_labels():
    _, y, sample_domain = pack_domains(X3, [0, 1, 0], X2, [1, 2])
    assert y.tolist() == [0, 1, 0, 1, 2]
    assert sample_domain.tolist() == [1, 1, 1, 2, 2]


# Labels


@pytest.mark.parametrize(
    ("y_source", "y_target", "expected", "dtype"),
    [
        (np.array([1, -1, 1]), None, [1, -1, 1, -2, -2], "int64"),
        (np.array([1, 2, 1], "int8"), [2, None], [1, 2, 1, 2, -1], "int8"),
        (np.array([0, 1, 2], "uint8"), None, [0, 1, 2, 3, 3], "uint8"),
        (np.array([1.0, 2.0, 1.0]), [np.nan, 2], [1, 2, 1, -1, 2], "float64"),
        (np.array([1, 0, 1], "float32"), None, [1, 0, 1, -1, -1], "float32"),
        ([3, 1, 1], np.array([np.nan, 3.0]), [3, 1, 1, -1, 3], "int64"),
        ([3, 1, 1], pd.Series([pd.NA, 3], dtype="Int64"), [3, 1, 1, -1, 3], "int64"),
        (pd.Series([0, 1, 2]), pd.Series([1, None]), [0, 1, 2, 1, -1], "int64"),
        (["a", "b", "a"], None, ["a", "b", "a"] + ["unlabelled"] * 2, "<U10"),
        (["a", "b", "a"], ["b", np.nan], ["a", "b", "a", "b", "unlabelled"], "<U10"),
        (
            np.array(["a", "unlabelled", "a"]),
            ["c" * 12, None],
            ["a", "unlabelled", "a", "c" * 12, "unlabelled_"],
            "<U12",
        ),
        (
            np.array(["a", "b", "a"], dtype=object),
            ["b", None],
            ["a", "b", "a", "b", "unlabelled"],
            "object",
        ),
        (np.array([2, 1, 1], dtype=object), None, [2, 1, 1, -1, -1], "int64"),
        (pd.Series(["a", "b", "a"], dtype="category"), None, None, "object"),
        (np.array([[0], [1], [1]]), None, [0, 1, 1, -1, -1], "int64"),
    ],
)
def test_the_sentinel_keeps_the_kind_of_y(y_source, y_target, expected, dtype):
    _, y, sample_domain = pack_domains(X3, y_source, X2, y_target)
    assert y.dtype == dtype
    if expected is not None:
        assert y.tolist() == expected
    assert not set(y[sample_domain < 0]) & set(y[sample_domain > 0])


def test_small_integers_make_room_for_the_sentinel():
    X = np.zeros((256, 1))
    for dtype, wider in (("uint8", "uint16"), ("int8", "int16")):
        _, y, _ = pack_domains(X, np.arange(256).astype(dtype), X2[:, :1])
        assert y.dtype == wider
        assert y[-1] not in y[:256]


@pytest.mark.parametrize("labels", [["a", "b"] * 10, [0, 1] * 10, [0.0, 1.0] * 10])
def test_splitters_take_the_result(labels):
    X, y, sample_domain = pack_domains(
        np.zeros((20, 2)), labels, np.zeros((10, 2)), [None] * 5 + labels[:5]
    )
    folds = list(StratifiedKFold(2).split(X, y))
    assert {domain for _, test in folds for domain in sample_domain[test]} == {1, 2, -2}


@pytest.mark.parametrize("name", ["y_source", "y_target"])
@pytest.mark.parametrize(
    "booleans", [[True, False, True], np.array([True, False, True])]
)
def test_booleans_leave_no_room_for_a_sentinel(name, booleans):
    labels = {"y_source": [0, 1, 0], "y_target": [0, 1, 0]} | {name: booleans}
    with pytest.raises(TypeError, match=rf"{name} is boolean.*{name}\.astype\(int\)"):
        pack_domains(X3, labels["y_source"], X3, labels["y_target"])


def test_a_partly_labelled_boolean_target():
    with pytest.raises(TypeError, match="y_target is boolean"):
        pack_domains(X3, [0, 1, 0], X2, [True, None])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_every_source_row_needs_a_label(missing):
    with pytest.raises(ValueError, match="y_source has no label in row 1"):
        pack_domains(X3, [0, missing, 1], X2)


def test_no_source_label_at_all():
    with pytest.raises(ValueError, match=r"y_source has no label in row 0 \(3 in all"):
        pack_domains(X3, [None] * 3, X2)


@pytest.mark.parametrize(
    ("y_source", "y_target", "match"),
    [
        ([0, 1, 0], ["a", "b"], "y_source holds numbers and y_target strings"),
        ([0, "a", 0], None, "y_source holds numbers and strings"),
        ([0, 1, (2,)], None, "numbers and tuple"),
        (np.array([b"a", b"b", b"a"]), None, "y_source holds bytes"),
        (np.array([0, 1, 1j]), None, "y_source holds complex"),
    ],
)
def test_labels_of_two_kinds(y_source, y_target, match):
    with pytest.raises(TypeError, match=match):
        pack_domains(X3, y_source, X2, y_target)


@pytest.mark.parametrize(
    ("y_source", "y_target", "match"),
    [
        ([0, 1], None, "y_source has 2 labels for the 3 rows of X_source"),
        ([0, 1, 0], [1], "y_target has 1 labels for the 2 rows of X_target"),
        (np.eye(3), None, r"y_source has the shape \(3, 3\).*argmax"),
    ],
)
def test_labels_that_do_not_fit_the_rows(y_source, y_target, match):
    with pytest.raises(ValueError, match=match):
        pack_domains(X3, y_source, X2, y_target)


# Rows


@pytest.mark.parametrize("shape", [(5,), (8, 8), (8, 8, 3)])
def test_arrays(shape):
    source = np.ones((3, *shape), dtype=np.uint8)
    X, _, _ = pack_domains(source, [0, 1, 0], np.zeros((2, *shape), dtype=np.uint8))
    assert X.shape == (5, *shape)
    assert X.dtype == np.uint8


def test_float32_stays_float32():
    X, _, _ = pack_domains(X3.astype("float32"), [0, 1, 0], X2.astype("float32"))
    assert X.dtype == np.float32


def test_tables_as_lists():
    X, _, _ = pack_domains(X3.tolist(), [0, 1, 0], X2)
    np.testing.assert_array_equal(X, np.r_[X3, X2])


@pytest.mark.parametrize(
    "target",
    [
        ["d.png", "e.png"],
        [Path("d.png"), "e.png"],
        np.array(["d.png", "e.png"]),
        pd.Series(["d.png", "e.png"]),
    ],
    ids=lambda paths: type(paths).__name__,
)
def test_paths(target):
    X, _, _ = pack_domains(["a.png", "b.png", Path("c.png")], [0, 1, 0], target)
    assert X.tolist() == ["a.png", "b.png", "c.png", "d.png", "e.png"]


def test_columns_of_paths():
    column = np.array([["a.png"], ["b.png"]], dtype=object)
    X, _, _ = pack_domains(column, [0, 1], column)
    assert X.shape == (4, 1)


def test_pil_images():
    images = [Image.new("RGB", (4 + n, 4)) for n in range(5)]
    X, _, _ = pack_domains(images[:3], [0, 1, 0], images[3:])
    assert all(a is b for a, b in zip(X, images, strict=True))


def test_dataframes_are_joined_by_column_names():
    source = pd.DataFrame(X3, columns=["a", "b"])
    X, _, _ = pack_domains(source, [0, 1, 0], pd.DataFrame(X2, columns=["b", "a"]))
    np.testing.assert_array_equal(X, np.r_[X3, X2[:, ::-1]])
    assert X.index.tolist() == [0, 1, 2, 3, 4]


def test_two_series_stay_a_series():
    X, _, _ = pack_domains(pd.Series(["a", "b", "c"]), [0, 1, 0], pd.Series(["d", "e"]))
    assert isinstance(X, pd.Series)
    assert X.index.tolist() == [0, 1, 2, 3, 4]


def test_polars_frames():
    polars = pytest.importorskip("polars")
    source = polars.DataFrame(X3, schema=["a", "b"])
    X, _, _ = pack_domains(source, [0, 1, 0], source[:2].select("b", "a"))
    assert X.columns == ["a", "b"]
    assert X["a"].to_list() == [0.0, 2.0, 4.0, 0.0, 2.0]


UINT8 = np.zeros((2, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize(
    ("source", "target", "match"),
    [
        (X2, ["a.png", "b.png"], "X_source holds a table and X_target holds strings"),
        (UINT8, UINT8 / 255, "images as integers and X_target holds images as floats"),
        (UINT8, UINT8 > 0, "images as booleans"),
        (X2, UINT8, "a table and X_target holds images"),
        (X2, pd.DataFrame(X2), "a pandas DataFrame. Pass both in the same form"),
        (["a.png", Image.new("L", (1, 1))], X2, "X_source mixes PIL images and str"),
        (UINT8, UINT8[:, :4], r"shape \(8, 8\), rows of X_target \(4, 8\)"),
        (X2, X2[:, :1], r"shape \(2,\), rows of X_target \(1,\)"),
        (X2, X2[:0], "X_target must hold at least one row"),
        (X2, 3, "X_target must hold at least one row; got 3"),
        (["a.png", "b.png"], "c.png", "X_target is a single string"),
        (
            pd.DataFrame(X2, columns=["a", "b"]),
            pd.DataFrame(X2, columns=["a", "c"]),
            "differ in the columns b, c",
        ),
    ],
)
def test_rows_that_do_not_go_together(source, target, match):
    with pytest.raises(ValueError, match=match):
        pack_domains(source, [0, 1], target)


def test_sparse_rows():
    with pytest.raises(TypeError, match=r"X_source is sparse; pass X_source\.toarray"):
        pack_domains(scipy.sparse.csr_array(X2), [0, 1], X2)
