"""The bank: every object and texture drawn once, as bytes, for scenes to draw from."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import objects
import textures

SEED = 0
# Classes of each kind, and members of each class
_OBJECTS = {
    objects.fractal: (100, 32),
    objects.strokes: (50, 48),
    objects.closed_curve: (40, 32),
    objects.creature: (60, 48),
}
_GLYPH_MEMBERS = 64
_TEXTURES = (12, 32)


class Bank(NamedTuple):
    """Pictures and their classes.

    `objects` (n, 2, SIDE, SIDE) and `textures` (m, SIDE, SIDE) hold bytes.
    """

    objects: np.ndarray
    object_classes: np.ndarray
    textures: np.ndarray
    texture_classes: np.ndarray


def load(path):
    """Return the bank in the file `path`, drawn now if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **draw()._asdict())
    with np.load(path) as file:
        return Bank(**file)


def draw(workers=2):
    """Draw all classes. Each has a random generator of its own."""
    with ProcessPoolExecutor(workers) as pool:
        drawn = list(pool.map(_drawn, *zip(*_object_tasks(), strict=True), chunksize=4))
        grey = list(pool.map(_drawn, *zip(*_texture_tasks(), strict=True), chunksize=4))
    return Bank(*_labelled(drawn), *_labelled(grey))


def _object_tasks():
    for character in objects.CHARACTERS:
        glyph = partial(objects.glyph, n=_GLYPH_MEMBERS, character=character)
        yield glyph, (SEED, ord(character))
    for place, (family, (n_classes, members)) in enumerate(_OBJECTS.items()):
        for number in range(n_classes):
            yield partial(family, n=members), (SEED, place, number)


def _texture_tasks():
    n_classes, members = _TEXTURES
    for place, family in enumerate(textures.FAMILIES):
        for number in range(n_classes):
            yield partial(_fields, family, members), (SEED, 100 + place, number)


def _fields(family, members, rng):
    return textures.stretched(family(rng, members))


def _drawn(task, seed):
    pictures = task(np.random.default_rng(seed))
    return (np.clip(pictures, 0, 1) * 255).round().astype(np.uint8)


def _labelled(drawn):
    labels = np.repeat(np.arange(len(drawn)), [len(d) for d in drawn])
    return np.concatenate(drawn), labels
