"""Word vectors in GloVe's text format, read word by word as they are needed."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ._vectors_index import open_index

# Clitics apart, as in the corpora of GloVe: do n't, it 's.
_WORD = re.compile(
    r"\d+(?:[.,]\d+)+|\w+(?=n't)|n't|'(?:s|re|ve|ll|d|m)\b|\w+|[^\w\s]", re.IGNORECASE
)


@dataclass(frozen=True)
class WordVectors:
    """The vectors of the words of texts, from a file.

    What is not found as it stands is looked up in lower case; a word that is in the
    file in neither form is left out.

    Parameters
    ----------
    path : str
    width : int
        Length of a vector.
    digest : str
        Of the file: another one under that name is refused.
    """

    path: str
    width: int
    digest: str

    @classmethod
    def of(cls, path):
        """Return the vectors in the file `path`."""
        path = Path(path).expanduser().absolute()
        index = open_index(path)
        return cls(str(path), index.width, index.digest)

    def batch(self, texts):
        """Return vectors (n, longest, width), NaN behind the last one of a text."""
        rows = [self._vectors(text) for text in texts]
        longest = max(1, *map(len, rows))
        array = np.full((len(rows), longest, self.width), np.nan, np.float32)
        for place, vectors in zip(array, rows, strict=True):
            if vectors:
                place[: len(vectors)] = vectors
        return torch.from_numpy(array)

    def count_truncated(self, texts):
        """Return 0: texts of any length are taken."""
        return 0

    def _vectors(self, text):
        index = self._index()
        found = map(index.vector_of, _WORD.findall(text))
        return [vector for vector in found if vector is not None]

    def _index(self):
        index = open_index(Path(self.path))
        if index.digest != self.digest:
            raise ValueError(
                f"The word vectors {self.path!r} are not those that the backbone was "
                "loaded from: put the former file back, or load and fit anew."
            )
        return index
