"""Images, paths and tables of several domains."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image

from sktransfer.metrics import get_adaptation_scorer

from ..nets import tiny_backbone, write_images
from .domains import DOMAIN, IMAGE_DOMAIN, LABELS, PIXELS, X, Y, adapt_images, new_model


@pytest.mark.parametrize(
    "method", [("mcc", "fixmatch"), "dann", "shot", "mcd", "adabn"], ids=str
)
def test_images_of_every_form_adapt_alike(method, tmp_path):
    expected = adapt_images(PIXELS, method).predict_proba(PIXELS)
    paths = write_images(PIXELS, tmp_path)
    pictures = [Image.fromarray(image) for image in PIXELS]
    forms = [paths, list(paths), pictures, np.moveaxis(PIXELS, 3, 1), PIXELS / 255]
    for data in forms:
        model = adapt_images(data, method)
        assert_allclose(model.predict_proba(data), expected, atol=1e-2)
        assert model.features(data[:3]).shape == (3, 8)


def test_flat_images_adapt_as_images():
    flat = PIXELS.reshape(24, -1)
    model = adapt_images(flat, "dann", input_shape=(8, 8, 3))
    expected = adapt_images(PIXELS, "dann").predict_proba(PIXELS)
    assert_allclose(model.predict_proba(flat), expected, rtol=1e-4, atol=1e-6)
    assert model.n_features_in_ == 192


@pytest.mark.parametrize("augment", ["light", "auto", "mixup", ["light", "cutmix"]])
@pytest.mark.parametrize("method", [("mcc", "fixmatch"), "deepjdot", "mcd"], ids=str)
def test_augmentation(augment, method):
    domain = np.where(np.arange(24) < 16, np.abs(IMAGE_DOMAIN), IMAGE_DOMAIN)
    model = new_model(method, backbone=tiny_backbone(), augment=augment)
    model.fit(PIXELS, LABELS, domain)
    assert np.isfinite(model.predict_proba(PIXELS)).all()


def test_grey_images_adapt_with_the_net_that_is_taken_by_default():
    model = new_model(("mcc", "fixmatch")).fit(PIXELS[..., 0], LABELS, IMAGE_DOMAIN)
    assert model.backbone_.name == "synthnet"
    assert model.predict(PIXELS[..., 0]).shape == (24,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_is_computed_in_its_precision(dtype):
    model = new_model(("mcc", "fixmatch", "dann")).fit(X.astype(dtype), Y, DOMAIN)
    assert model.features(X.astype(dtype)).dtype == dtype
    assert next(model.net_.module_.parameters()).dtype == getattr(
        torch, np.dtype(dtype).name
    )


def test_columns_have_names():
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = new_model().fit(frame, pd.Series(Y), pd.Series(DOMAIN))
    assert model.feature_names_in_.tolist() == list("abcde")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_files_are_decoded_for_scorers_that_change_pixels(tmp_path):
    paths = write_images(PIXELS, tmp_path)
    model = adapt_images(paths, "mcc")
    decoded = model.decoded(paths)
    assert decoded.dtype == np.uint8
    assert np.array_equal(model.predict_proba(decoded), model.predict_proba(paths))
    assert model.decoded(PIXELS) is PIXELS
    for name in ("consistency", "mixval"):
        scorer = get_adaptation_scorer(name)
        assert scorer(model, paths) == scorer(model, decoded)
