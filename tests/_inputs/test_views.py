"""Strongly changed views: their range, one draw for each row, noise on tables."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer._inputs.views import ImageViews, TableViews
from sktransfer._utils.preprocessing import ImagePreprocessing

FLEXIBLE = ImagePreprocessing(
    resize=16, crop=(16, 16), mean=(0.5,) * 3, std=(0.25,) * 3, flexible=True
)
FIXED = ImagePreprocessing(
    resize=16, crop=(16, 16), mean=(0.5,) * 3, std=(0.25,) * 3, flexible=False
)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _images(n=40, channels=3, side=16, as_float=False):
    """Return images of a bright rectangle on a dark ground."""
    images = torch.full((n, channels, side, side), 30, dtype=torch.uint8)
    images[:, :, side // 4 : side // 2, side // 4 : 3 * side // 4] = 200
    return images / 255 if as_float else images


# --- images


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("as_float", [False, True])
def test_views_are_floats_from_zero_to_one(channels, as_float):
    images = _images(channels=channels, as_float=as_float)
    before = images.clone()
    views = ImageViews(FLEXIBLE)(images)
    assert views.shape == images.shape
    assert views.dtype == torch.float32
    assert views.min() >= 0
    assert views.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_and_floats_make_the_same_views(channels):
    views = []
    for as_float in (False, True):
        torch.manual_seed(1)
        images = _images(channels=channels, as_float=as_float)
        views.append(ImageViews(FLEXIBLE)(images))
    assert_allclose(*views, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_draws_for_itself(channels):
    views = ImageViews(FLEXIBLE)(_images(channels=channels))
    centres = _centres(views)
    assert len(torch.unique(centres[:, 0])) == len(views)
    # moved and turned, in both directions and not only a little
    assert (centres - centres.mean(0)).abs().amax(0).min() > 1.0
    brightness = views.amax((1, 2, 3)) - views.amin((1, 2, 3))
    assert brightness.std() > 0.02


def _centres(images):
    """Return the centre of brightness of each image, (n, 2), in pixels."""
    mass = (images.mean(1) - images.mean(1).amin((1, 2), keepdim=True)).clamp_min(0)
    mass = mass * (mass > 0.5 * mass.amax((1, 2), keepdim=True))
    side = torch.arange(images.shape[-1], dtype=images.dtype)
    total = mass.sum((1, 2))
    rows, columns = (mass.sum(2) @ side) / total, (mass.sum(1) @ side) / total
    return torch.stack([rows, columns], dim=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_call_draws_anew(channels):
    images, views = _images(channels=channels), ImageViews(FLEXIBLE)
    assert not torch.allclose(views(images), views(images), atol=0.01)


def test_a_view_still_shows_what_it_shows():
    views = ImageViews(FLEXIBLE)(_images(channels=1))
    correlation = torch.corrcoef(
        torch.stack([_images(channels=1)[0].float().ravel(), views.mean(0).ravel()])
    )
    assert correlation[0, 1] > 0.7


def test_colour_images_are_mirrored_half_of_the_time():
    images = torch.zeros(200, 3, 16, 16)
    images[..., :6] = 1.0
    views = ImageViews(FLEXIBLE)(images)
    left = views[..., :6].mean((1, 2, 3)) > views[..., -6:].mean((1, 2, 3))
    assert 0.35 < left.float().mean() < 0.65


def test_grey_images_are_not_mirrored():
    images = torch.zeros(100, 1, 16, 16)
    images[..., :6] = 1.0
    views = ImageViews(FLEXIBLE)(images)
    assert (views[..., :6].mean((1, 2, 3)) > views[..., -6:].mean((1, 2, 3))).all()


@pytest.mark.parametrize("preprocessing", [FLEXIBLE, FIXED])
def test_views_have_the_size_that_the_backbone_takes(preprocessing):
    views = ImageViews(preprocessing)(_images(n=3, side=24))
    side = 24 if preprocessing.flexible else 16
    assert views.shape == (3, 3, side, side)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("side", [1, 2, 5])
def test_tiny_images_and_batches(n, side):
    for channels in (1, 3):
        views = ImageViews(FLEXIBLE)(_images(n, channels, side))
        assert views.shape == (n, channels, side, side)
        assert torch.isfinite(views).all()


# --- tables


def _table(n=3000, dtype=torch.float64):
    rows = torch.randn(n, 4, dtype=dtype)
    return rows * torch.tensor([1.0, 10.0, 0.01, 0.0]) + 5


@pytest.mark.parametrize("strength", [0.1, 0.3])
def test_noise_has_the_standard_deviation_asked_for(strength):
    rows = _table()
    noise = TableViews(rows, strength)(rows) - rows
    scale = rows.std(0, correction=0)
    assert_allclose(noise.std(0)[:3] / scale[:3], strength, rtol=0.1)
    assert (noise.mean(0).abs()[:3] < 0.1 * strength * scale[:3]).all()


def test_a_constant_column_stays_constant():
    rows = _table()
    assert torch.equal(TableViews(rows, 0.3)(rows)[:, 3], rows[:, 3])


def test_noise_of_columns_and_rows_is_unrelated():
    rows = _table()
    noise = (TableViews(rows, 0.3)(rows) - rows)[:, :3]
    between_columns = torch.corrcoef(noise.T) - torch.eye(3)
    assert between_columns.abs().max() < 0.1
    with_the_next_row = torch.corrcoef(torch.stack([noise[:-1, 0], noise[1:, 0]]))
    assert with_the_next_row[0, 1].abs() < 0.1
    with_the_row = torch.corrcoef(torch.stack([noise[:, 0], rows[:, 0]]))
    assert with_the_row[0, 1].abs() < 0.1


def test_equal_rows_get_equal_noise_and_near_ones_other_noise():
    rows = _table(500)
    views = TableViews(rows, 0.3)
    pair = torch.stack([rows[7], rows[3], rows[7]])
    noisy = views(pair)
    assert torch.equal(noisy[0], noisy[2])
    assert not torch.equal(noisy[0], noisy[1])
    near = rows + 0.05 * rows.std(0) * torch.randn_like(rows)
    noise = views(torch.cat([rows, near])) - torch.cat([rows, near])
    together = torch.corrcoef(torch.stack([noise[:500, 0], noise[500:, 0]]))
    assert together[0, 1].abs() < 0.2


def test_every_call_makes_other_noise():
    rows = _table(100)
    views = TableViews(rows, 0.3)
    one, other = (views(rows)[:, 0] - rows[:, 0] for _ in range(2))
    assert torch.corrcoef(torch.stack([one, other]))[0, 1].abs() < 0.4


def test_the_scale_counts_rows_by_weight():
    rows = _table(20)
    counts = torch.arange(20) % 3
    weighted = TableViews(rows, 0.3, counts.float())
    repeated = TableViews(rows.repeat_interleave(counts, 0), 0.3)
    assert_allclose(weighted.scale, repeated.scale, rtol=1e-10)
    assert_allclose(weighted.mean, repeated.mean, rtol=1e-10)


def test_noise_comes_in_the_precision_of_the_rows():
    for dtype in (torch.float32, torch.float64):
        rows = _table(10, dtype)
        assert TableViews(rows, 0.3)(rows).dtype == dtype


def test_one_row_has_no_scale_and_so_no_noise():
    rows = _table(1)
    assert torch.equal(TableViews(rows, 0.3)(rows), rows)


def test_strength_zero_is_no_change():
    rows = _table(10)
    assert np.array_equal(TableViews(rows, 0.0)(rows), rows)
