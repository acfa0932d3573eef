"""Digits rendered from fonts, and real handwritten ones."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits
from sklearn.utils import Bunch, check_random_state

from .._utils.optional import import_optional

_SIZE = 16
_SCAN_SIZE = 8  # what scikit-learn's digits were scanned at
_ZOOM = 6  # digits are drawn that much larger than a scan, so that edges are smooth
_FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "DejaVuSerif-BoldItalic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
    "cmr10",
    "cmb10",
    "cmss10",
    "cmtt10",
)
_FONT_SIZE = 64  # pixels
_MAX_ANGLE = 10.0  # degrees
_MAX_SHIFT = 0.5  # pixels of the scan
_MAX_SHEAR = 0.2  # horizontal shift, relative to the height
# The handwritten digits were scaled to fill the height: so are the printed ones.
_HEIGHTS = (1.0, 1.1)  # of the ink, relative to the image
_WIDTHS = (0.65, 1.15)  # relative to the font's own proportion
_STROKES = (0, 1, 2)  # thickening, in pixels at the size of the font


def load_digit_domains(*, n_samples=3000, random_state=0):
    """Make images of printed digits, and load handwritten ones of the same size.

    The source is drawn from the fonts that matplotlib ships, each digit mildly turned,
    slanted, moved, stretched and thickened, and scaled to the height of the image, as
    the target was. The target is scikit-learn's `load_digits`. Both are enlarged from 8
    to 16 pixels in the same way. A model that reads every printed digit reads seven of
    ten handwritten ones.

    Parameters
    ----------
    n_samples : int, default=3000
        Number of source images; the digits take turns.
    random_state : int, RandomState instance or None, default=0
        Draws fonts and distortions. The default gives the same images on every call.

    Returns
    -------
    domains : Bunch
        With the attributes

        X_source : ndarray of uint8, shape (n_samples, 16, 16)
            Printed digits, white on black.
        y_source : ndarray of int64, shape (n_samples,)
            The digits, 0 to 9.
        X_target : ndarray of uint8, shape (1797, 16, 16)
            Handwritten digits, white on black.
        y_target : ndarray of int64, shape (1797,)
            The digits, 0 to 9.

    Raises
    ------
    MissingExtraError
        If matplotlib, whose fonts are used, is not installed.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine
    Learning Repository, 1998 (the target).

    Examples
    --------
    >>> from sktransfer.datasets import load_digit_domains
    >>> digits = load_digit_domains(n_samples=20)
    >>> digits.X_source.shape, digits.X_target.shape
    ((20, 16, 16), (1797, 16, 16))
    >>> digits.y_source[:5]
    array([0, 1, 2, 3, 4])
    """
    rng = check_random_state(random_state)
    y_source = np.arange(n_samples, dtype=np.int64) % 10
    glyphs = _glyphs()
    X_source = np.empty((n_samples, _SIZE, _SIZE), dtype=np.uint8)
    for image, digit in zip(X_source, y_source, strict=True):
        versions = glyphs[digit]
        image[...] = _enlarge(_scan(versions[rng.randint(len(versions))], rng))
    target = load_digits()
    scans = (target.images * (255 / target.images.max())).round().astype(np.uint8)
    return Bunch(
        X_source=X_source,
        y_source=y_source,
        X_target=np.stack([_enlarge(scan) for scan in scans]),
        y_target=target.target.astype(np.int64),
    )


def _glyphs():
    """Return, for each digit, large images of it in all fonts and strokes."""
    matplotlib = import_optional("matplotlib", "demo", "load_digit_domains")
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    fonts = [
        ImageFont.truetype(
            folder / f"{name}.ttf", _FONT_SIZE, layout_engine=ImageFont.Layout.BASIC
        )
        for name in _FONTS
    ]
    return [
        [_draw(str(digit), font, stroke) for font in fonts for stroke in _STROKES]
        for digit in range(10)
    ]


def _draw(text, font, stroke):
    """Return `text` white on black, its ink filling the height of the image."""
    left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text(
        (-left, -top), text, fill=255, font=font, stroke_width=stroke
    )
    return image


def _scan(glyph, rng):
    """Return `glyph` at a random angle, size and place, in the pixels of a scan."""
    angle = np.deg2rad(rng.uniform(-_MAX_ANGLE, _MAX_ANGLE))
    side = _ZOOM * _SCAN_SIZE
    scale = side * rng.uniform(*_HEIGHTS) / glyph.height
    zoom = np.diag([scale * rng.uniform(*_WIDTHS), scale])
    rotation = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    shear = [[1, rng.uniform(-_MAX_SHEAR, _MAX_SHEAR)], [0, 1]]
    inverse = np.linalg.inv(rotation @ np.array(shear) @ zoom)
    middle = side / 2 + _ZOOM * rng.uniform(-_MAX_SHIFT, _MAX_SHIFT, size=2)
    offset = np.array(glyph.size) / 2 - inverse @ middle
    image = glyph.transform(
        (side, side),
        Image.Transform.AFFINE,
        (*inverse[0], offset[0], *inverse[1], offset[1]),
        Image.Resampling.BILINEAR,
    )
    scan = np.asarray(image.reduce(_ZOOM)).astype(float)
    return (scan * (255 / scan.max())).round().astype(np.uint8)


def _enlarge(scan):
    """Return the pixels of a scan at the common size."""
    image = Image.fromarray(scan)
    return np.asarray(image.resize((_SIZE, _SIZE), Image.Resampling.BILINEAR))
