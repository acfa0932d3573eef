"""Texts, one a row."""

import numpy as np
from scipy.sparse import issparse

from .._utils.describe import digest
from .kinds import as_array, column_of, is_missing


class Texts:
    """Texts in memory, which become tensors batch by batch.

    Parameters
    ----------
    texts : ndarray of str objects, of shape (n,)
    """

    kind = "text"
    in_memory = False
    channels = None

    def __init__(self, texts):
        self.texts = texts

    def __len__(self):
        return len(self.texts)

    def take(self, indices):
        """Return the texts of the rows `indices`."""
        return Texts(self.texts[indices])

    def parts(self):
        """Yield the texts, at once: they are in memory."""
        yield self

    def digest(self, index):
        """Return what tells text `index` from others, bytes."""
        return digest("text", self.texts[index].encode("utf8", "surrogatepass"))

    def sized(self, preprocessing):
        """Return `preprocessing`: texts have no size to be brought to."""
        return preprocessing

    def by_length(self):
        """Return the rows from the longest text to the shortest.

        A batch of texts of about one length has little padding.
        """
        return np.argsort([-len(text) for text in self.texts], kind="stable")

    def batch(self, indices, preprocessing, n_views=1):
        """Return what `preprocessing` makes of the texts, as the only view."""
        return [preprocessing.batch(self.texts[indices])]


def read_texts(X):
    """Return `X` as `Texts`.

    Parameters
    ----------
    X : list, array, Series or DataFrame of one column, of str

    Raises
    ------
    TypeError or ValueError
        If a row is no text, or has nothing in it but space.
    """
    rows = _rows(X)
    texts = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        texts[index] = _checked(row, index)
    return Texts(texts)


def _rows(X):
    """Return the rows of `X`, be they texts or not."""
    rows = column_of(X)
    if rows is not None:
        return rows
    if issparse(X) or (hasattr(X, "columns") and X.shape[1] != 1):
        raise ValueError(
            f"X has {X.shape[1]} columns, but the backbone takes texts: pass the one "
            "column of texts, such as X['text'] (see ColumnTransformer for the others)."
        )
    array = as_array(X)
    if array.size == 0 or array.size != len(array):
        raise ValueError(
            f"X has shape {array.shape}, but the backbone takes texts, at least one: "
            "pass a list, an array (n,), a Series or a one-column DataFrame of str."
        )
    return array.ravel()


def _checked(row, index):
    if is_missing(row):
        raise ValueError(
            f"Row {index} of X is missing ({row!r}): drop the row or fill in a text."
        )
    if not isinstance(row, str):
        value = " ".join(repr(row).split())[:40]
        raise TypeError(
            f"Row {index} of X is {value} of type {type(row).__name__}, but the "
            "backbone takes texts: every row must be a str, such as str(row)."
        )
    if not row.strip():
        raise ValueError(
            f"Row {index} of X is an empty text ({row[:40]!r}): drop the row or fill "
            "in a word that says so, such as 'nothing'."
        )
    return str(row)
