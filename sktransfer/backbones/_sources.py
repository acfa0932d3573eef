"""Backbones named by where they come from: "source:name"."""

from ._text_files import text_backbone
from ._words import lstm_backbone, vectors_backbone

_SOURCES = {
    "text": text_backbone,
    "vectors": vectors_backbone,
    "vectors+lstm": lstm_backbone,
}


def is_sourced(name):
    """Whether `name` begins with a source; all sources so far are of texts."""
    source, colon, _ = name.partition(":")
    return bool(colon) and source in _SOURCES


def build_sourced(name, weights):
    """Return the backbone of that name."""
    return _SOURCES[name.partition(":")[0]](name, weights)
