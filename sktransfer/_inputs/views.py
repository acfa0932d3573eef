"""Strongly changed views of a batch, each row by random numbers of its own.

Transforms of torchvision draw once for a batch. Here a batch is changed in a few
tensor operations on the device where it lies, which costs less than the pass through
the net that follows.
"""

import math

import torch
from torch.nn import functional as F

from .loading import check_augmented

# Half widths of the uniform distributions from which an image draws.
_ROTATION = math.radians(15)
_SCALE, _SHEAR, _SHIFT = 0.2, 0.25, 0.19
# Standard deviation of the displacement of a 4 x 4 grid, in half sides of the image.
_ELASTIC = 0.1
_STROKE, _NOISE, _COLOUR = 0.5, 0.05, 0.3

# So fast do the waves turn that make up the noise: two rows that differ by a hundredth
# of a column's scale have other noise.
_FREQUENCY = 100.0


class ImageViews:
    """Rotated, sheared, shifted and bent images of other brightness, with noise.

    Grey images, often digits or letters, also get thicker or thinner strokes; colour
    images are mirrored half of the time.

    Parameters
    ----------
    preprocessing : ImagePreprocessing
        Images of another size than it asks for are brought to that size first.
    """

    def __init__(self, preprocessing):
        self.preprocessing = preprocessing

    def __call__(self, images):
        """Return floats in 0-1 for `images` (n, c, h, w), uint8 or float in 0-1."""
        if not self.preprocessing.fits(images):
            (images,) = self.preprocessing.views(images)
        if not images.is_floating_point():
            images = images.float() / 255
        images = _bent(images)
        if images.shape[1] == 1:
            images = _restroked(images) * _uniform(images, 0.7, 1.4)
        else:
            images = _mirrored(_recoloured(images))
        amount = _NOISE * _uniform(images, 0, 1)
        return (images + amount * torch.randn_like(images)).clamp(0, 1)


class TableViews:
    """Rows with noise in every column.

    The noise is a sum of random waves over the space of rows, drawn anew at each call:
    unrelated from row to row, but the same for equal rows, so that a repeated row
    stays equal to a row of weight two.

    Parameters
    ----------
    rows : Tensor (n, n_columns)
        Rows whose mean and scale are those of the columns.
    strength : float
        Standard deviation of the noise, in units of the scale of a column.
    weight : Tensor (n,), optional
        How much each row counts.
    """

    def __init__(self, rows, strength, weight=None):
        weight = rows.new_ones(len(rows)) if weight is None else weight.to(rows)
        weight = weight / weight.sum()
        self.mean = weight @ rows
        scale = (weight @ (rows - self.mean).square()).sqrt()
        # of a constant column rounding alone is left
        rounding = 100 * torch.finfo(rows.dtype).eps * self.mean.abs()
        self.scale = torch.where(scale > rounding, scale, 0)
        self.strength = strength

    def __call__(self, rows):
        """Return `rows` (n, n_columns) with noise."""
        safe = torch.where(self.scale > 0, self.scale, 1)
        waves = torch.randn(2 * [rows.shape[1]], dtype=rows.dtype, device=rows.device)
        phases = 2 * math.pi * torch.rand_like(self.scale)
        angles = _FREQUENCY * ((rows - self.mean) / safe) @ waves + phases
        return rows + self.strength * self.scale * math.sqrt(2) * torch.cos(angles)


class RepeatedViews:
    """Several changed versions of an image by one transform, one after the other.

    Parameters
    ----------
    transform : callable
        From an image (c, h, w) to a changed one.
    preprocessing : ImagePreprocessing
        Brings views to the size of the crop.
    n_views : int
    """

    def __init__(self, transform, preprocessing, n_views):
        self.transform, self.preprocessing = transform, preprocessing
        self.n_views = n_views

    def __call__(self, image):
        """Return the views as the channels of one image, (n_views * c, h, w)."""
        return torch.cat([self._view(image) for _ in range(self.n_views)])

    def _view(self, image):
        view = self.transform(image)
        check_augmented(view)
        fits = self.preprocessing.fits(view)
        return view if fits else self.preprocessing.views(view)[0]


def _uniform(images, low, high):
    """Return one random number for each image, (n, 1, 1, 1)."""
    return low + (high - low) * torch.rand(len(images), 1, 1, 1, device=images.device)


def _bent(images):
    """Return the images after a random affine map and a random elastic one."""
    n, _, height, width = images.shape
    grid = F.affine_grid(_affine(images), images.shape, align_corners=False)
    bend = _ELASTIC * torch.randn(n, 2, 4, 4, device=images.device)
    bend = F.interpolate(bend, (height, width), mode="bicubic", align_corners=False)
    grid = grid + bend.permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _affine(images):
    """Return random affine maps (n, 2, 3)."""

    def draw(half_width):
        return (2 * torch.rand(len(images), device=images.device) - 1) * half_width

    angle, shear = draw(_ROTATION), draw(_SHEAR)
    cos, sin = angle.cos(), angle.sin()
    wide, high = 1 + draw(_SCALE), 1 + draw(_SCALE)
    first = torch.stack([cos * wide, cos * shear - sin * high, draw(_SHIFT)], dim=1)
    second = torch.stack([sin * wide, sin * shear + cos * high, draw(_SHIFT)], dim=1)
    return torch.stack([first, second], dim=1)


def _restroked(images):
    """Return images with their strokes made thicker, thinner or softer, or as is."""
    kind, amount = _uniform(images, 0, 1), _uniform(images, 0, _STROKE)
    thick = F.max_pool2d(images, 3, 1, 1)
    thin = -F.max_pool2d(-images, 3, 1, 1)
    soft = 1.5 * F.avg_pool2d(images, 3, 1, 1)
    aim = torch.where(kind < 0.3, thick, torch.where(kind < 0.6, thin, soft))
    return torch.where(kind < 0.8, images + amount * (aim - images), images)


def _recoloured(images):
    """Return images of other brightness, contrast and saturation."""
    draw = (1 - _COLOUR, 1 + _COLOUR)
    images = images * _uniform(images, *draw)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = mean + (images - mean) * _uniform(images, *draw)
    grey = images[:, :3].mean(1, keepdim=True)
    return grey + (images - grey) * _uniform(images, *draw)


def _mirrored(images):
    return torch.where(_uniform(images, 0, 1) < 0.5, images, images.flip(-1))
