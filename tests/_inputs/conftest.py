"""Images to encode, and a way to do it."""

import io

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photo():
    """A smooth colour image of 56 x 40 pixels without any symmetry."""
    rows, columns = np.mgrid[0:40, 0:56]
    red = 255 * columns / 55
    green = 255 * (rows / 39) ** 2
    blue = 127 + 120 * np.sin(rows / 9 + columns / 7)
    pixels = np.stack([red, green, blue], axis=-1).round().astype(np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def write(tmp_path):
    """Return a function that saves an image, or bytes, and returns the path."""

    def write(image, name, **options):
        path = tmp_path / name
        if isinstance(image, bytes):
            path.write_bytes(image)
        else:
            image.save(path, **options)
        return str(path)

    return write


@pytest.fixture
def encoded():
    """Return a function that encodes an image to bytes."""

    def encoded(image, image_format, **options):
        buffer = io.BytesIO()
        image.save(buffer, image_format, **options)
        return buffer.getvalue()

    return encoded
