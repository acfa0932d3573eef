"""The way back of the pretrainer: from features to rows in their own units."""

import warnings

import numpy as np
import pytest
import torch

from sktransfer import SelfSupervisedPretrainer
from sktransfer.pretraining import SimCLR, VICReg

from ..nets import write_images
from .pretrainers import (
    DECODING,
    PIXELS,
    X,
    low_rank_table,
    pretrainer_of_images,
    small_pretrainer,
)

COMPARING = ["simclr", "vicreg"]


def _explained(decoded, truth):
    return 1 - np.mean((decoded - truth) ** 2) / truth.var(0).mean()


@pytest.mark.parametrize("objective", DECODING)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decoded_tables_are_in_the_units_of_the_rows(objective, dtype):
    rows = low_rank_table().astype(dtype)
    fitted = small_pretrainer(objective, max_epochs="auto").fit(rows)
    decoded = fitted.inverse_transform(fitted.transform(rows))
    assert decoded.dtype == dtype
    assert _explained(decoded, rows) > 0.9


def test_decoding_features_that_cannot_be_written_to():
    fitted = small_pretrainer().fit(X)
    features = fitted.transform(X)
    decoded = fitted.inverse_transform(features)
    features.flags.writeable = False  # as those of a DataFrame are
    warned_always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = fitted.inverse_transform(features)
    finally:
        torch.set_warn_always(warned_always)
    np.testing.assert_array_equal(again, decoded)


LAYOUTS = {
    "last": PIXELS,
    "first": np.moveaxis(PIXELS, 3, 1),
    "floats": (PIXELS / 255).astype(np.float32),
    "doubles": PIXELS / 255,
    "grey": PIXELS[..., 0],
    "grey, with an axis": PIXELS[..., :1],
    "alpha": np.concatenate([PIXELS, np.full((24, 8, 8, 1), 255, np.uint8)], axis=3),
    "integers": PIXELS.astype(np.int64),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_decoded_images_are_laid_out_as_the_images(layout):
    data = LAYOUTS[layout]
    fitted = pretrainer_of_images(
        "autoencoder", max_epochs=40, lr=0.01, backbone_lr_ratio=1.0
    )
    decoded = fitted.fit(data).inverse_transform(fitted.transform(data))
    assert decoded.shape == data.shape
    assert decoded.dtype == (np.float32 if data.dtype.kind == "f" else np.uint8)
    flat = (array.reshape(24, -1).astype(float) for array in (decoded, data))
    assert _explained(*flat) > 0.4  # all but the noise within the halves


def test_decoded_flat_images_have_the_columns_of_the_rows():
    flat = PIXELS.reshape(24, -1)
    fitted = pretrainer_of_images(input_shape=(8, 8, 3)).fit(flat)
    decoded = fitted.inverse_transform(fitted.transform(flat))
    assert decoded.shape == flat.shape


def test_decoded_files_have_the_size_that_the_net_gets(tmp_path):
    paths = write_images(np.repeat(PIXELS, 2, axis=1), tmp_path)
    fitted = pretrainer_of_images("masked").fit(paths)
    decoded = fitted.inverse_transform(fitted.transform(paths))
    assert decoded.shape == (24, 8, 8, 3)
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize("objective", [*COMPARING, SimCLR(), VICReg()])
def test_there_is_no_way_back_without_a_decoder(objective):
    pretrainer = small_pretrainer(objective)
    assert not hasattr(pretrainer, "inverse_transform")
    with pytest.raises(AttributeError) as error:
        pretrainer.inverse_transform(np.zeros((1, 64)))
    assert "needs a decoder" in str(error.value.__cause__ or error.value)


def test_auto_on_images_has_no_way_back():
    fitted = SelfSupervisedPretrainer(max_epochs=1)
    assert hasattr(fitted, "inverse_transform")
    assert not hasattr(fitted.fit(PIXELS), "inverse_transform")
