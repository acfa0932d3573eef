"""Bad images and files of them: one clear error, and nothing is broken.

Each case names what the message must hold: the parameter or row, the value, the cure.
"""

import numpy as np
import pytest
from PIL import Image

from sktransfer import FineTuneClassifier, PretrainedFeatureExtractor

from .nets import tiny_backbone, write_images
from .refusals import LABELS, PIXELS, X, assert_refused, call_of_fit, with_value

FLOATS = PIXELS / 255
ARRAYS = {
    "two_channels": (PIXELS[..., :2], r"shape \(12, 8, 8, 2\).*length 1, 3 or 4"),
    "five_axes": (PIXELS[None], "shape .*images are"),
    "no_images": (PIXELS[:0], "at least one image"),
    "no_pixels": (PIXELS[:, :0], "at least one image of at least one pixel"),
    "unscaled_floats": (FLOATS * 255, "values from .* to .*divide by 255"),
    "normalised": ((FLOATS - 0.5) / 0.25, "Float images must lie in 0 to 1"),
    "nan": (with_value(FLOATS, (4, 0, 0, 0), np.nan), "Row 4 of X contains NaN"),
    "sixteen_bits": (PIXELS.astype(int) * 257, "0 to 255.*row .*scale them"),
    "negative": (PIXELS.astype(int) - 1000, "0 to 255"),
    "complex": (FLOATS + 1j, "dtype complex"),
    "objects": (FLOATS.astype(object), "dtype object"),
    "a_table": (FLOATS[:, :, 0, 0], r"X is 2-D, of shape .*input_shape=\(h, w\)"),
    "one_image": (PIXELS[0], "inconsistent"),
    "one_path": ("photo.jpg", r"single str.*pass \[X\]"),
    "mixed": (["a.png"] * 11 + [Image.new("RGB", (4, 4))], r"mixes .*row 0.*row 11"),
    "missing_row": (["a.png"] * 11 + [None], "Row 11 of X is missing"),
    "number_among_paths": (["a.png"] * 11 + [3], "Row 11 of X is 3 of type int"),
    "bytes": ([b"\xff\xd8"] * 12, "Row 0 of X holds bytes"),
    "empty_path": ([""] * 12, "Row 0 .*non-empty"),
}


@pytest.mark.parametrize("case", ARRAYS)
@pytest.mark.parametrize("cls", [FineTuneClassifier, PretrainedFeatureExtractor])
def test_images(cls, case):
    data, match = ARRAYS[case]
    model = cls(tiny_backbone())
    y = LABELS
    if cls is PretrainedFeatureExtractor and case == "one_image":
        pytest.skip("Eight grey rows of images are images without labels too.")
    assert_refused(model, match, lambda: model.fit(data, y))


@pytest.fixture
def paths(tmp_path):
    return write_images(PIXELS, tmp_path)


def _break_missing(path):
    path.unlink()


def _break_directory(path):
    path.unlink()
    path.mkdir()


def _break_truncated(path):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format="JPEG")
    path.write_bytes(path.read_bytes()[:500])


def _break_text(path):
    path.write_text("This is no image.")


def _break_empty(path):
    path.write_bytes(b"")


BREAKS = {
    "missing": (_break_missing, "does not exist. Check the path"),
    "directory": (_break_directory, "is a directory: pass paths of image files"),
    "truncated": (_break_truncated, "cannot be read as an image.*Replace"),
    "text": (_break_text, "cannot be read as an image.*Replace"),
    "empty": (_break_empty, "is an empty file: replace"),
}


@pytest.mark.parametrize("case", BREAKS)
@pytest.mark.parametrize(
    "where", ["fit", "fit with workers", "X_val", "predict", "transform"]
)
def test_files(case, where, paths, tmp_path):
    damage, match = BREAKS[case]
    good = FineTuneClassifier(tiny_backbone(), max_epochs=1)
    fitted = good.fit(paths, LABELS)
    damage(tmp_path / "007.png")
    match = rf"(?is)row 7 .*007\.png.*{match}"
    if where == "predict":
        assert_refused(fitted, match, lambda: fitted.predict(paths))
        return
    model = FineTuneClassifier(tiny_backbone(), strategy="full", max_epochs=1)
    call = call_of_fit(model, paths, LABELS)
    if where == "fit with workers":
        model.set_params(num_workers=1)
    elif where == "X_val":
        call = call_of_fit(model, PIXELS, LABELS, X_val=paths, y_val=LABELS)
    elif where == "transform":
        model = PretrainedFeatureExtractor(tiny_backbone()).fit(PIXELS)
        call = lambda: model.transform(paths)  # noqa: E731
    assert_refused(model, match, call)


CHANGES = {
    "grey": (PIXELS[..., :1], "1 channels, but .* fitted on images of 3.*RGB"),
    "alpha": (np.concatenate([PIXELS, PIXELS[..., :1]], -1), "4 channels.*drops alpha"),
    "a_table": (X, "X is 2-D.*input_shape"),
    "paths_of_text": (["a"], "Row 0|row 0"),
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("cls", [FineTuneClassifier, PretrainedFeatureExtractor])
def test_other_images_than_in_fit(cls, case):
    data, match = CHANGES[case]
    model = cls(
        tiny_backbone(), **({"max_epochs": 1} if cls is FineTuneClassifier else {})
    )
    model.fit(PIXELS, LABELS)
    call = model.predict if cls is FineTuneClassifier else model.transform
    assert_refused(model, match, lambda: call(data))
