"""Texts to numbers of tokens."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from .._utils.optional import import_optional

# Lengths are multiples of this: fewer shapes, which matrix units like better.
_MULTIPLE = 8
_CHUNK = 1000  # texts
_SPECIAL = 8  # tokens that do not stand for text, at the most


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer of the package tokenizers, as plain data.

    Parameters
    ----------
    definition : str
        As `tokenizers.Tokenizer.to_str` returns it, without padding and truncation.
    max_length : int
        Number of tokens, special ones included, after which a text is cut off.
    """

    definition: str
    max_length: int

    def batch(self, texts):
        """Return the numbers of tokens (n, length), -1 behind the last of a text."""
        encodings = self._loaded().encode_batch_fast(list(texts))
        rows = [encoding.ids or [0] for encoding in encodings]
        longest = -(-max(map(len, rows)) // _MULTIPLE) * _MULTIPLE
        ids = np.full((len(rows), longest), -1)
        for row, numbers in zip(ids, rows, strict=True):
            row[: len(numbers)] = numbers
        return torch.from_numpy(ids)

    def count_truncated(self, texts):
        """Return how many of the texts are cut off."""
        # others have a token for each of their bytes at the most
        shortest = self.max_length - _SPECIAL
        long = [text for text in texts if len(text.encode()) > shortest]
        tokenizer = self._loaded()
        return sum(
            bool(encoding.overflowing)
            for start in range(0, len(long), _CHUNK)
            for encoding in tokenizer.encode_batch_fast(long[start : start + _CHUNK])
        )

    def _loaded(self):
        return _loaded(self.definition, self.max_length)

    def __repr__(self):
        """Leave the definition out: it lists a vocabulary."""
        return f"Tokenizer(max_length={self.max_length})"

    def __deepcopy__(self, memo):
        """Return the tokenizer itself, which nothing can change."""
        return self


@lru_cache(maxsize=8)
def _loaded(definition, max_length):
    tokenizers = import_optional("tokenizers", "text", "A text backbone")
    tokenizer = tokenizers.Tokenizer.from_str(definition)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer
