"""Texts as inputs."""

import numpy as np
import pandas as pd
import pytest

from sktransfer._inputs import kind_of, read_texts

ROWS = ["one", "two words", "three"]


@pytest.mark.parametrize(
    "X",
    [
        ROWS,
        tuple(ROWS),
        np.array(ROWS),
        np.array(ROWS, dtype=object),
        np.array(ROWS, dtype=np.dtypes.StringDType()),
        np.array(ROWS)[:, None],
        pd.Series(ROWS, index=[7, 8, 9]),
        pd.Series(ROWS, dtype="string"),
        pd.Series(ROWS, dtype="category"),
        pd.DataFrame({"text": ROWS}),
        pytest.importorskip("polars").Series(ROWS),
        pytest.importorskip("polars").DataFrame({"text": ROWS}),
    ],
    ids=lambda X: type(X).__name__,
)
def test_forms_of_texts(X):
    assert kind_of(X, modality="text") == "text"
    texts = read_texts(X)
    assert texts.texts.tolist() == ROWS
    assert all(type(text) is str for text in texts.texts)
    assert texts.take(np.array([2, 0])).texts.tolist() == ["three", "one"]


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ("", ValueError, r"Row 1 of X is an empty text \(''\): drop the row"),
        (" \n\t", ValueError, r"Row 1 of X is an empty text \(' \\n\\t'\)"),
        (None, ValueError, r"Row 1 of X is missing \(None\): drop the row or fill"),
        (float("nan"), ValueError, r"Row 1 of X is missing \(nan\)"),
        (pd.NA, ValueError, r"Row 1 of X is missing \(<NA>\)"),
        (3, TypeError, r"Row 1 of X is 3 of type int, .* str\(row\)"),
        (b"two", TypeError, "Row 1 of X is b'two' of type bytes"),
        (["two"], TypeError, r"Row 1 of X is \['two'\] of type list"),
    ],
)
def test_bad_rows_are_named(row, kind, message):
    with pytest.raises(kind, match=message):
        read_texts(["one", row, "three"])
    column = pd.DataFrame({"text": pd.Series(["one", row, "three"], dtype=object)})
    with pytest.raises(kind, match=message):
        read_texts(column)


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        ("one text", TypeError, r"X is a single str.* pass \[X\]"),
        ([], ValueError, r"X has shape \(0,\), but the backbone takes texts"),
        ([1.5, 2.5], TypeError, "Row 0 of X is .*1.5.* every row must be a str"),
        ([None, None], ValueError, "Row 0 of X is missing"),
        (np.zeros((2, 3)), ValueError, r"X has shape \(2, 3\), .* takes texts"),
        (np.array([ROWS, ROWS]), ValueError, r"X has shape \(2, 3\), .* takes texts"),
        (pd.DataFrame({"a": ROWS, "b": ROWS}), ValueError, r"2 columns, .*X\['text'\]"),
    ],
)
def test_what_is_no_column_of_texts_is_refused(X, kind, message):
    with pytest.raises(kind, match=message):
        read_texts(X)


def test_texts_have_no_shape_of_an_image():
    with pytest.raises(ValueError, match="the backbone takes texts"):
        kind_of(ROWS, input_shape=(2, 2), modality="text")


def test_long_texts_come_first():
    texts = read_texts(["aa", "a", "aaaa", "bb"])
    assert texts.by_length().tolist() == [2, 0, 3, 1]
