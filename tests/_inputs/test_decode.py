"""Every odd image file gives the pixels that Pillow gives."""

import os
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageOps

from sktransfer._inputs import decode as decode_file
from sktransfer._inputs.decode import _decode_jpeg, rgb_tensor
from tests.data import data_folder

# The first row of the upright image is this line of the stored one.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[:, ::-1],
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: a.transpose(1, 0, 2)[::-1],
}


def decoded(path):
    """The file as array (h, w, 3)."""
    pixels = decode_file(path, row=0)
    assert pixels.dtype == torch.uint8
    return pixels.permute(1, 2, 0).numpy()


def by_pillow(path):
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        image.info.pop("transparency", None)
        return np.array(image.convert("RGB"))


def with_alpha(image):
    ramp = np.linspace(0, 255, image.width * image.height).astype(np.uint8)
    image.putalpha(Image.fromarray(ramp.reshape(image.height, image.width)))
    return image


def quantized(image):
    return image.quantize(16)


MODES = {
    "colour": lambda image: image,
    "grey": lambda image: image.convert("L"),
    "1 bit": lambda image: image.convert("1"),
    "palette": quantized,
    "CMYK": lambda image: image.convert("CMYK"),
    "grey, alpha": lambda image: with_alpha(image.convert("L")),
    "colour, alpha": lambda image: with_alpha(image.copy()),
}
CASES = [
    ("jpg", "colour", {}),
    ("jpg", "colour", {"progressive": True}),
    ("jpg", "colour", {"subsampling": 0}),
    ("jpg", "colour", {"keep_rgb": True}),
    ("jpg", "grey", {}),
    ("jpg", "CMYK", {}),
    ("png", "colour", {}),
    ("png", "colour", {"transparency": (0, 0, 0)}),
    ("png", "grey", {}),
    ("png", "grey", {"transparency": 30}),
    ("png", "1 bit", {}),
    ("png", "palette", {}),
    ("png", "palette", {"bits": 4}),
    ("png", "palette", {"transparency": 3}),
    ("png", "palette", {"transparency": bytes(range(16))}),
    ("png", "grey, alpha", {}),
    ("png", "colour, alpha", {}),
    ("gif", "colour", {}),
    ("gif", "grey", {}),
    ("gif", "palette", {"transparency": 3}),
    ("webp", "colour", {}),
    ("webp", "colour", {"lossless": True}),
    ("webp", "colour, alpha", {"lossless": True, "exact": True}),
    ("bmp", "colour", {}),
    ("bmp", "grey", {}),
    ("bmp", "1 bit", {}),
    ("bmp", "palette", {}),
    ("tif", "colour", {}),
    ("tif", "colour", {"compression": "tiff_lzw"}),
    ("tif", "colour", {"compression": "jpeg"}),
    ("tif", "grey", {}),
    ("tif", "1 bit", {"compression": "group4"}),
    ("tif", "palette", {}),
    ("tif", "CMYK", {}),
    ("tif", "grey, alpha", {}),
    ("tif", "colour, alpha", {}),
    ("ppm", "colour", {}),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("suffix", "mode", "options"), CASES, ids=[f"{s}-{m}-{o}" for s, m, o in CASES]
)
def test_as_pillow(photo, write, suffix, mode, options):
    path = write(MODES[mode](photo), f"a.{suffix}", **options)
    # The same libjpeg on both sides would be exact, but the builds may differ.
    np.testing.assert_allclose(decoded(path), by_pillow(path), atol=2)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("jpg", {"quality": 100, "subsampling": 0}),
        ("png", {}),
        ("tif", {}),
        ("webp", {"lossless": True}),
    ],
)
def test_orientation(photo, write, suffix, options, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = write(photo, f"a.{suffix}", exif=exif, **options)
    expected = UPRIGHT[orientation](np.array(photo))
    np.testing.assert_allclose(decoded(path), expected, atol=4)


def test_orientation_of_jpeg_whose_first_app1_segment_is_no_exif(photo, write, encoded):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encoded(photo, "JPEG", exif=exif)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x/>"
    segment = b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp
    path = write(data[:2] + segment + data[2:], "a.jpg")
    assert decoded(path).shape == (56, 40, 3)
    np.testing.assert_allclose(decoded(path), by_pillow(path), atol=2)


def test_unknown_orientation_is_ignored(photo, write):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 99
    assert decoded(write(photo, "a.jpg", exif=exif)).shape == (40, 56, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_damaged_metadata_are_ignored(photo, write, suffix):
    path = write(photo, f"a.{suffix}", exif=b"Exif\0\0no TIFF header")
    with Image.open(path) as image:
        np.testing.assert_allclose(decoded(path), np.array(image), atol=2)


def test_ycck_jpeg(photo, write, encoded):
    data = bytearray(encoded(photo.convert("CMYK"), "JPEG", quality=95))
    # The last byte of Adobe's segment says how to read four components: 2 is YCCK.
    transform = data.index(b"Adobe") + 11
    assert data[transform] == 0
    data[transform] = 2
    path = write(bytes(data), "a.jpg")
    np.testing.assert_array_equal(decoded(path), by_pillow(path))


def png_of_16_bits(values, colour_type):
    """A PNG of (h, w) or (h, w, c) `values`, which Pillow writes for grey only."""

    def chunk(name, data):
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("channels", "colour_type"), [(1, 0), (3, 2), (2, 4), (4, 6)], ids=str
)
def test_16_bit_png(write, channels, colour_type):
    values = np.random.default_rng(0).integers(0, 65536, (9, 7, channels))
    values[0, :2, 0] = 0, 65535
    path = write(png_of_16_bits(values, colour_type), "a.png")
    expected = values[..., :3] if channels > 2 else values[..., :1]
    assert np.abs(decoded(path) - expected / 257).max() < 1
    np.testing.assert_array_equal(
        decoded(path), np.broadcast_to(expected >> 8, (9, 7, 3))
    )


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_16_bit_grey_tiff(write, byte_order):
    values = np.random.default_rng(0).integers(0, 65536, (9, 7)).astype(np.uint16)
    mode = "I;16" if byte_order == "<" else "I;16B"
    data = values.astype(f"{byte_order}u2").tobytes()
    path = write(Image.frombytes(mode, (7, 9), data), "a.tif")
    for channel in range(3):
        np.testing.assert_array_equal(decoded(path)[..., channel], values >> 8)


def test_16_bit_orientation(write):
    values = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = write(Image.fromarray(values), "a.png", exif=exif)
    np.testing.assert_array_equal(decoded(path)[..., 0], (values >> 8).T[:, ::-1])


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_first_frame(photo, write, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    frames = [photo.rotate(180), photo.rotate(90)]
    path = write(photo, f"a.{suffix}", save_all=True, append_images=frames, **options)
    assert getattr(Image.open(path), "n_frames", 1) == 3
    # A palette of 256 colours is what GIF has.
    atol = 60 if suffix == "gif" else 0
    np.testing.assert_allclose(decoded(path), np.array(photo), atol=atol)


def test_multi_picture_jpeg_of_a_telephone(photo, write):
    path = write(
        photo, "a.jpg", format="MPO", save_all=True, append_images=[photo.rotate(180)]
    )
    assert Image.open(path).format == "MPO"
    np.testing.assert_allclose(decoded(path), by_pillow(path), atol=2)


def test_suffix_does_not_matter(photo, write, encoded):
    path = write(encoded(photo, "PNG"), "a.jpg")
    np.testing.assert_array_equal(decoded(path), np.array(photo))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_goes_through_torchvision(photo, write, mode):
    path = write(photo.convert(mode), "a.jpg")
    with open(path, "rb") as file, Image.open(file) as image:
        assert _decode_jpeg(file, image) is not None


def test_jpeg_without_torchvision_decoder(photo, write, monkeypatch):
    path = write(photo, "a.jpg")
    expected = decoded(path)

    def refuse(*_):
        raise RuntimeError("image extension not loaded")

    monkeypatch.setattr(torch.ops.image, "decode_jpeg", refuse)
    np.testing.assert_allclose(decoded(path), expected, atol=2)


def test_photographs_as_pillow():
    folder = data_folder("hymenoptera_data") / "val" / "ants"
    for path in sorted(folder.iterdir())[:20]:
        np.testing.assert_allclose(decoded(str(path)), by_pillow(path), atol=2)


@pytest.mark.parametrize("mode", ["LAB", "HSV", "YCbCr", "PA", "La", "RGBa", "RGBX"])
def test_rare_modes_of_pillow_images(photo, mode):
    image = _in_mode(photo, mode)
    try:
        expected = np.array(image.convert("RGB"))
    except ValueError:
        with pytest.raises(ValueError, match="conversion"):
            rgb_tensor(image)
    else:
        pixels = rgb_tensor(image).permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(pixels, expected)


def _in_mode(photo, mode):
    if mode == "LAB":
        return Image.new("LAB", (3, 2))
    if mode == "PA":
        return photo.quantize(8).convert("PA")
    if mode in ("La", "RGBa"):
        return photo.convert({"La": "LA", "RGBa": "RGBA"}[mode]).convert(mode)
    return photo.convert(mode)


def test_pillow_image_is_not_changed(photo):
    image = photo.quantize(16)
    image.info["transparency"] = 3
    image.getexif()[ExifTags.Base.Orientation] = 6
    before = image.copy()
    assert rgb_tensor(image).shape == (3, 56, 40)
    assert image == before
    assert image.info["transparency"] == 3


def test_decoding_opens_no_other_format(write):
    """EPS, above all, would run another program."""
    path = write(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a.png")
    with pytest.raises(ValueError, match="no format read"):
        decode_file(path, row=0)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("limit", [100, 2239])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_size_is_bounded(photo, write, monkeypatch, limit, suffix):
    path = write(photo, f"a.{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match=r"Row 0 of X.*pixels"):
        decode_file(path, row=0)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2240)
    assert decoded(path).shape == (40, 56, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ValueError, match="no regular file"):
        decode_file(str(tmp_path / "pipe.jpg"), row=0)


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp", "tif"])
@pytest.mark.parametrize("part", [0.01, 0.3, 0.9])
def test_truncated_file(photo, write, suffix, part):
    path = write(photo, f"a.{suffix}")
    with open(path, "rb") as file:
        data = file.read()
    path = write(data[: int(part * len(data)) + 1], f"cut.{suffix}")
    with pytest.raises(ValueError, match=r"Row 7 of X, .*cut.*Replace"):
        decode_file(path, row=7)
