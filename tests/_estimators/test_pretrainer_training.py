"""How a pretrainer trains: rows held out, going on, views of images."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn
from torchvision.transforms import v2

from sktransfer._inputs import AugmentedBatches, ImageArray
from sktransfer._inputs.views import RepeatedViews
from sktransfer.callbacks import ClipGradient, WeightAverage
from sktransfer.pretraining import Contractive
from sktransfer.pretraining._resolve import NAMES

from ..nets import same_state, state_of, tiny_backbone, write_images
from .pretrainers import (
    PIXELS,
    X,
    low_rank_table,
    pretrainer_of_images,
    small_pretrainer,
)

# The held-out objective


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("kind", ["table", "images", "augmented", "paths"])
def test_the_score_is_the_loss_on_validation_rows(objective, kind, tmp_path):
    parameters = {} if kind == "table" else {"backbone": tiny_backbone()}
    if kind == "augmented":
        parameters["augment"] = v2.RandomCrop(8, padding=2)
    data = X if kind == "table" else PIXELS
    if kind == "paths":
        data = write_images(PIXELS, tmp_path)
    fitted = small_pretrainer(objective, **parameters).fit(data, X_val=data[:20])
    score = fitted.score(data[:20])
    assert_allclose(score, -fitted.history_[-1]["valid_loss"], rtol=1e-6)
    assert fitted.score(data[:20]) == score
    assert fitted.score(data[20:]) != score


def test_the_score_of_an_autoencoder_by_formula():
    rows = low_rank_table()
    fitted = small_pretrainer("autoencoder").fit(rows[:200])
    decoded = fitted.inverse_transform(fitted.features(rows[200:]))
    errors = (decoded - rows[200:]) / rows[:200].std(0)
    assert_allclose(fitted.score(rows[200:]), -np.mean(errors**2), rtol=1e-6)


@pytest.mark.parametrize("objective", NAMES)
def test_training_improves_the_score_on_rows_held_out(objective):
    rows = low_rank_table()
    short, long = (
        small_pretrainer(objective, max_epochs=n).fit(rows[:200]).score(rows[200:])
        for n in (1, 40)
    )
    assert long > short


def test_early_stopping_returns_to_the_best_epoch():
    rows = np.random.default_rng(0).normal(size=(60, 40))
    fitted = small_pretrainer(
        "autoencoder", max_epochs=200, early_stopping=True, n_iter_no_change=3, lr=0.1
    )
    fitted.fit(rows[:30], X_val=rows[30:])
    losses = fitted.history_[:, "valid_loss"]
    assert fitted.n_epochs_ < 200
    assert_allclose(fitted.score(rows[30:]), -min(losses), rtol=1e-6)
    assert losses[-1] > min(losses)


def test_early_stopping_sets_rows_aside():
    fitted = small_pretrainer(early_stopping=True).fit(X)
    assert "valid_loss" in fitted.history_[-1]


# Going on


def test_warm_start_goes_on_from_a_copy():
    first = small_pretrainer(warm_start=True).fit(X)
    backbone, before = first.backbone_, state_of(first.backbone_)
    first.fit(X)
    assert first.n_epochs_ == 6
    assert first.backbone_ is not backbone
    assert same_state(backbone.state_dict(), before)
    assert not same_state(first.backbone_.state_dict(), before)


def test_warm_start_keeps_to_its_objective():
    fitted = small_pretrainer("simclr", warm_start=True).fit(X)
    net = fitted.net_
    fitted.set_params(objective="vicreg")
    with pytest.raises(ValueError, match=r"goes on with SimCLR.*backbone=fitted"):
        fitted.fit(X)
    assert fitted.net_ is net


def test_warm_start_keeps_to_the_size_of_the_images():
    fitted = pretrainer_of_images(warm_start=True).fit(PIXELS)
    with pytest.raises(ValueError, match="images of 8 x 8 pixels"):
        fitted.fit(np.repeat(PIXELS, 2, axis=1))


# Views


def test_views_by_a_transform_differ_and_come_again():
    transform = v2.RandomCrop(8, padding=3)
    inputs = ImageArray(np.moveaxis(PIXELS, 3, 1))
    preprocessing = tiny_backbone().preprocessing
    views = RepeatedViews(transform, preprocessing, 2)
    dataset = AugmentedBatches(inputs, preprocessing, views, seed=3)
    batch, _ = dataset[1, np.arange(24)]
    first, second = batch.chunk(2, dim=1)
    assert first.shape == (24, 3, 8, 8)
    assert (first != second).flatten(1).any(1).sum() > 20
    assert torch.equal(batch, dataset[1, np.arange(24)][0])
    assert not torch.equal(batch, dataset[2, np.arange(24)][0])


@pytest.mark.parametrize(
    ("objective", "times"), [("simclr", 2), ("vicreg", 2), ("denoising", 1)]
)
def test_a_transform_makes_as_many_views_as_are_compared(objective, times):
    seen = []

    def transform(image):
        seen.append(image.dtype)
        return image.flip(-1)

    pretrainer_of_images(objective, augment=transform, max_epochs=1).fit(PIXELS)
    assert seen == [torch.uint8] * (24 * times)


def test_named_changes_make_views_too():
    fitted = pretrainer_of_images("simclr", augment="auto", max_epochs=1).fit(PIXELS)
    assert np.isfinite(fitted.history_[-1]["train_loss"])


# Batches, precision and callbacks


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("n", [2, 5])
def test_batch_norm_and_a_last_batch_of_one_row(objective, n):
    fitted = pretrainer_of_images(objective, batch_size=4).fit(PIXELS[:n])
    assert np.isfinite(fitted.transform(PIXELS)).all()
    assert np.isfinite(fitted.score(PIXELS[:n]))


@pytest.mark.parametrize("objective", NAMES)
def test_half_precision(objective):
    fitted = pretrainer_of_images(objective, precision="bf16").fit(PIXELS)
    assert np.isfinite(fitted.score(PIXELS))
    assert next(fitted.backbone_.parameters()).dtype == torch.float32


def test_callbacks_of_ours():
    callbacks = [WeightAverage(), ClipGradient(0.5)]
    fitted = pretrainer_of_images("simclr", callbacks=callbacks).fit(PIXELS)
    assert np.isfinite(fitted.score(PIXELS))
    assert not hasattr(callbacks[0], "average_")


def test_a_contractive_net_of_attention_learns():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(5, 1, 8, batch_first=True)

        def forward(self, x):
            return self.layer(x[:, None]).mean(1)

    fitted = small_pretrainer(Contractive(), backbone=Attends())
    fitted.fit(X.astype(np.float32))
    assert np.isfinite(fitted.score(X.astype(np.float32)))
