"""Image files to RGB tensors, as Pillow sees them."""

import os
import stat
from io import BytesIO

import numpy as np
import torch
from PIL import ExifTags, Image, UnidentifiedImageError
from torchvision.io import ImageReadMode

from .._utils.files import settled_state
from .._utils.messages import first_line

# Only what has a bounded decoder in Pillow itself: EPS, say, would start Ghostscript.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")

_LARGE_FILE = 2**26  # bytes

# Orientation -> (swap height and width, then flip these axes).
_TURNS = {
    2: (False, (-1,)),
    3: (False, (-2, -1)),
    4: (False, (-2,)),
    5: (True, ()),
    6: (True, (-1,)),
    7: (True, (-2, -1)),
    8: (True, (-2,)),
}


def decode(path, row, content=None):
    """Return the image file `path` as uint8 tensor (3, h, w).

    It equals ``ImageOps.exif_transpose(image).convert("RGB")`` of Pillow: upright, grey
    repeated, alpha dropped. The first frame is taken, and of 16 bits the upper 8.

    Parameters
    ----------
    path : str
    row : int
        Row of `X`, for error messages.
    content : bytes, optional
        What is in the file, if that is known.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no regular file, no image, damaged, or larger than
        ``PIL.Image.MAX_IMAGE_PIXELS``.
    """
    where = _where(path, row)
    if content is None:
        _check_regular_file(path, where)
    try:
        with _opened(path, content) as file, _open_header(file) as image:
            if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
                pixels = _decode_jpeg(file, image)
                if pixels is not None:
                    return pixels
            return rgb_tensor(image)
    # Damaged files raise nearly anything in Pillow: SyntaxError, struct.error, ...
    except Exception as error:
        raise _unreadable(where, error) from error


def read_content(path, row):
    """Return what is in the image file `path`, bytes, and the state of that file.

    As of `settled_state`, after reading; it raises as `decode` does.
    """
    where = _where(path, row)
    _check_regular_file(path, where)
    try:
        if os.path.getsize(path) > _LARGE_FILE:
            decode(path, row)  # anything but an image is not worth the memory
        with open(path, "rb") as file:
            # of what was opened: by now `path` may lead to another file
            return file.read(), settled_state(file.fileno())
    except OSError as error:
        raise _unreadable(where, error) from error


def rgb_tensor(image):
    """Return a PIL image as uint8 tensor (3, h, w), upright."""
    if 0 in image.size:
        raise ValueError(f"it has no pixels, size={image.size}")
    if image.mode in ("I", "F"):
        raise ValueError(
            f"mode {image.mode!r}, whose range is unknown: scale it to 8 bits, or pass "
            "an array of floats in 0 to 1"
        )
    if image.mode.startswith("I;16"):
        upper_bits = (np.asarray(image) >> 8).astype(np.uint8)
        pixels = np.repeat(upper_bits[..., None], 3, axis=2)
    else:
        # Pillow warns where a palette with alpha becomes RGB in one step.
        opaque = image.convert("RGBA") if image.mode == "P" else image
        pixels = np.array(opaque.convert("RGB"))
    return _upright(torch.from_numpy(pixels).permute(2, 0, 1), image)


def _opened(path, content):
    return open(path, "rb") if content is None else BytesIO(content)


def _where(path, row):
    return f"Row {row} of X, {path!r},"


def _unreadable(where, error):
    return ValueError(
        f"{where} cannot be read as an image ({_reason(error)}). Replace the file or "
        f"drop the row; formats read: {', '.join(FORMATS)}."
    )


def _hint_at_texts(path):
    if os.path.splitext(path)[1]:
        return ""
    return " If X holds texts, name a backbone such as 'text:all-MiniLM-L6-v2'."


def _check_regular_file(path, where):
    """Raise for what must not be opened: reading a pipe would wait for ever."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(
            f"{where} does not exist. Check the path; relative ones start at "
            f"{os.getcwd()!r}.{_hint_at_texts(path)}"
        ) from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{where} is no usable path: {error}.") from error
    if not stat.S_ISREG(status.st_mode):
        if stat.S_ISDIR(status.st_mode):
            raise ValueError(
                f"{where} is a directory: pass paths of image files, such as "
                "load_image_folder of sktransfer.datasets lists."
            )
        raise ValueError(f"{where} is no regular file: pass paths of image files.")
    if status.st_size == 0:
        raise ValueError(f"{where} is an empty file: replace it or drop the row.")


def _open_header(file):
    """Return the image, not yet decoded, once its size is known to be bounded."""
    image = Image.open(file, formats=FORMATS)
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise ValueError(
            f"it has {image.width} x {image.height} pixels, more than "
            f"PIL.Image.MAX_IMAGE_PIXELS={limit}: shrink it or raise that limit"
        )
    return image


def _decode_jpeg(file, image):
    """Return the JPEG `file` by torchvision, faster than by Pillow, or None.

    The operator is called without its Python face, which warns at every call that it
    will be removed (torchvision 0.29); where it is gone or refuses, Pillow takes over.
    """
    file.seek(0)
    data = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
    try:
        pixels = torch.ops.image.decode_jpeg(data, ImageReadMode.RGB.value, False)
    except (AttributeError, RuntimeError):
        return None
    return _upright(pixels, image)


def _upright(pixels, image):
    """Turn the `pixels` of `image` as its metadata, complete once loaded, want it.

    Not by torchvision, which looks into the first APP1 segment alone, EXIF or not.
    """
    swap, flips = _TURNS.get(_orientation(image), (False, ()))
    if swap:
        pixels = pixels.transpose(-2, -1)
    return pixels.flip(flips) if flips else pixels


def _orientation(image):
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    # Damaged metadata do not make the pixels unreadable.
    except Exception:
        return None


def _reason(error):
    """Return why an image cannot be decoded."""
    if isinstance(error, UnidentifiedImageError):
        return "its content is of no format read"
    return first_line(error)
