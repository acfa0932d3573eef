"""Where in a file of word vectors each word is."""

import hashlib
import mmap
import re
from array import array
from functools import lru_cache

import numpy as np

_MAX_LINE = 2**20  # bytes
_WORDS_KEPT = 50_000
_HEADER = re.compile(rb"\d+ \d+\s*")
_TOO_MANY = re.compile(rb".* [-+]?\d+\.\d+(?:e[-+]?\d+)?")


def open_index(path):
    """Return the index of the file `path`, made once for as long as it is the same."""
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file of word vectors {str(path)!r}. A backbone of word "
            "vectors reads from its file whenever it meets a word: keep it there."
        )
    stat = path.stat()
    return _index(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _index(path, changed, size):
    return VectorsIndex(path)


class VectorsIndex:
    """The place of every word in a file, and the vectors of words met of late.

    A line is a word and its numbers, apart by single spaces; a first line of two
    counts, as word2vec writes it, is passed over. In memory a word takes 20 bytes,
    whatever the length of its vector.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    width : int
        Length of a vector.
    digest : str
        Of the contents of the file.

    Raises
    ------
    ValueError
        If a line is malformed, with its number. Whether its numbers are numbers is
        seen when the word is met.
    """

    def __init__(self, path):
        self.path, self.width, self._first = path, None, 1
        with open(path, "rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            keys, starts = self._read(file)
            self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # stable: of a word that comes twice, the first line counts
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._keys, self._starts = keys[self._order], starts[self._order]
        self._vector = lru_cache(_WORDS_KEPT)(self._find)

    def _read(self, file):
        """Return the key of the word in each line, and where the line begins."""
        keys, starts, start = array("Q"), array("q"), 0
        while line := file.readline(_MAX_LINE):
            number = self._first + len(keys)
            if number == 1 and _HEADER.fullmatch(line):
                self._first = 2
            else:
                keys.append(_key(self._split(line, number)[0]))
                starts.append(start)
            start += len(line)
        if not keys:
            raise ValueError(f"The file of word vectors {str(self.path)!r} is empty.")
        return np.array(keys), np.array(starts)

    def _split(self, line, number):
        """Return the word in a line, bytes that may have spaces, and the rest."""
        line = line.rstrip()
        if self.width is None:
            self.width = line.count(b" ")
            _numbers(line.split(b" ")[1:], self._line(number))
        word, *rest = line.rsplit(b" ", self.width)
        if len(rest) != self.width or _TOO_MANY.fullmatch(word):
            raise ValueError(
                f"{self._line(number)} has {line.count(b' ')} numbers behind its word, "
                f"where line {self._first} has {self.width}: fetch the file anew."
            )
        return word, rest

    def vector_of(self, word):
        """Return the vector of a word (str) or its lower case, None if it has none."""
        vector = self._vector(word)
        return self._vector(word.lower()) if vector is None else vector

    def _find(self, word):
        word = word.encode()
        key = _key(word)
        place = np.searchsorted(self._keys, np.uint64(key))  # else it casts them all
        while place < len(self._keys) and self._keys[place] == key:
            start = int(self._starts[place])
            end = self._content.find(b"\n", start)
            line = self._content[start : None if end < 0 else end]
            number = self._first + int(self._order[place])
            found, rest = self._split(line, number)
            if found == word:
                return _numbers(rest, self._line(number))
            place += 1
        return None

    def _line(self, number):
        return f"Line {number} of the word vectors {str(self.path)!r}"


def _key(word):
    return int.from_bytes(hashlib.blake2b(word, digest_size=8).digest(), "little")


def _numbers(fields, where):
    try:
        vector = np.array([float(field) for field in fields], dtype=np.float32)
    except ValueError:
        vector = np.array([])
    if not len(vector) or not np.isfinite(vector).all():
        raise ValueError(
            f"{where} is no word with finite numbers behind it, apart by single "
            "spaces, as in GloVe's text files (unpacked)."
        )
    return vector
