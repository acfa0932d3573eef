"""What `X` may be: tables, arrays of images, paths to image files, PIL images, texts.

`kind_of` says which of them it is, `read_images` makes it rows of images that can be
counted, taken from and batched alike, whatever they were made of; `read_texts` does so
for texts.
"""

from .arrays import ImageArray, Table
from .augment import Augment, resolve_augment
from .decode import decode
from .kinds import kind_of
from .lazy import ImagePaths, PILImages
from .loading import AugmentedBatches
from .reading import read_images
from .texts import Texts, read_texts

__all__ = [
    "Augment",
    "AugmentedBatches",
    "ImageArray",
    "ImagePaths",
    "PILImages",
    "Table",
    "Texts",
    "decode",
    "kind_of",
    "read_images",
    "read_texts",
    "resolve_augment",
]
