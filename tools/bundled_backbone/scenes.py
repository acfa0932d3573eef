"""Scenes: an object before a background, both with texture, colour and light.

All is drawn anew for every batch, with tensors, from a `torch.Generator`: the same
seed gives the same batch, so that training resumes where it stopped.
"""

from typing import NamedTuple

import torch
from torch.nn import functional as F

IGNORED = -100  # the label of what a scene lacks
N_COLOURS = 6  # what is to be told of the colours: two means of red, green and blue


class Scenes(NamedTuple):
    """Images (n, 3, size, size) in 0-1, and what they show."""

    images: torch.Tensor
    object_classes: torch.Tensor
    texture_classes: torch.Tensor
    colours: torch.Tensor


class Painter:
    """Draws scenes from a bank, of which it keeps copies of several sizes."""

    def __init__(self, bank, sides=(96, 64, 32, 16)):
        self.object_classes = torch.from_numpy(bank.object_classes)
        self.texture_classes = torch.from_numpy(bank.texture_classes)
        self.objects = _pyramid(torch.from_numpy(bank.objects), sides)
        self.textures = _pyramid(torch.from_numpy(bank.textures)[:, None], sides)

    @property
    def n_classes(self):
        """Numbers of classes of objects and of textures."""
        return [int(c.max()) + 1 for c in (self.object_classes, self.texture_classes)]

    def paint(self, n, size, generator):
        """Return `n` scenes of `size` pixels."""
        draw = _Draw(n, generator)
        side = min(s for s in self.objects if s >= min(size, max(self.objects)))
        chosen = draw.rows(self.object_classes)
        below = draw.rows(self.texture_classes)
        objects = _warped(self.objects[side][chosen], size, draw, bend=0.035)
        below_grey = _warped(self.textures[side][below], size, draw, reflect=True)
        within_grey = below_grey.roll(1, 0)  # the object has that of another scene

        textured = draw.chance(0.5)
        present = draw.chance(0.6) | ~textured
        colours = draw.colours()
        background = _filled(below_grey * textured, colours[:, :2], size, draw)
        foreground = _filled(
            within_grey * draw.chance(0.25), colours[:, 2:], size, draw
        )
        opacity, shade = objects[:, :1] * present, objects[:, 1:]
        opacity = torch.where(
            draw.chance(0.4), _thickened(opacity, draw.uniform(0.1, 0.6)), opacity
        )
        shade = torch.where(opacity > 0.05, shade / opacity.clamp(0.05), 0.5)
        lit = foreground * (0.5 + shade.clamp(0, 1))
        images = opacity * lit + (1 - opacity) * _shadowed(background, opacity, draw)
        images = _photographed(images, draw)
        means = colours.unflatten(1, (2, 2)).mean(2)  # of background and foreground
        return Scenes(
            images,
            _labels(self.object_classes[chosen], present),
            _labels(self.texture_classes[below], textured),
            (means.flatten(1) - 0.5) / 0.25,
        )


class _Draw:
    """Random numbers for a batch of `n` images, of shapes that broadcast to them."""

    def __init__(self, n, generator):
        self.n, self.generator = n, generator

    def rows(self, labels):
        return torch.randint(len(labels), (self.n,), generator=self.generator)

    def uniform(self, low, high, *shape):
        shape = shape or (1, 1, 1)
        numbers = torch.rand(self.n, *shape, generator=self.generator)
        return low + (high - low) * numbers

    def normal(self, scale, *shape):
        return scale * torch.randn(self.n, *shape, generator=self.generator)

    def chance(self, probability):
        return (self.uniform(0, 1) < probability).float().bool()

    def colours(self):
        """Two colours of the background, two of the foreground: mostly muted."""
        grey = self.uniform(0.02, 0.98, 4, 1)
        vivid = torch.where(self.chance(0.3), 0.3, 0.1)
        pairs = grey + self.normal(1, 4, 3) * vivid[:, 0]
        for one, other in ((0, 1), (2, 3), (0, 2)):  # not to be mistaken for another
            alike = (pairs[:, one] - pairs[:, other]).mean(1).abs() < 0.3
            away = torch.where(pairs[:, one].mean(1) < 0.5, 0.5, -0.5)[:, None]
            pairs[:, other] += torch.where(alike[:, None], away, 0.0)
        return pairs.clamp(0, 1)


def _pyramid(pictures, sides):
    """Return the pictures at each side, shrunk by averaging."""
    return {
        side: torch.cat([_shrunk(part, side) for part in pictures.split(1024)])
        for side in sides
    }


def _shrunk(pictures, side):
    if pictures.shape[-1] == side:
        return pictures
    return F.adaptive_avg_pool2d(pictures.float(), side).round().byte()


def _warped(pictures, size, draw, bend=0.0, reflect=False):
    """Turn, scale, stretch, move and bend; return floats in 0-1."""
    angle = draw.normal(0.25).squeeze()
    scale = torch.exp(draw.normal(0.15).squeeze()) * 1.05
    stretch = torch.exp(draw.normal(0.12).squeeze())
    move = draw.normal(0.1, 2)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cos, -sin * stretch, move[:, 0]], 1),
        torch.stack([sin, cos * stretch, move[:, 1]], 1),
    ]
    shape = (draw.n, 1, size, size)
    grid = F.affine_grid(torch.stack(rows, 1), shape, align_corners=False)
    if bend:
        field = draw.normal(bend, 2, 4, 4)
        field = F.interpolate(field, size, mode="bicubic", align_corners=True)
        grid = grid + field.permute(0, 2, 3, 1)
    padding = "reflection" if reflect else "zeros"
    return F.grid_sample(
        pictures.float() / 255, grid, padding_mode=padding, align_corners=False
    )


def _filled(grey, pairs, size, draw):
    """Colour a grey texture from the first to the second colour, with a drift."""
    first, second = pairs[:, 0, :, None, None], pairs[:, 1, :, None, None]
    drift = F.interpolate(draw.normal(0.1, 3, 3, 3), size, mode="bilinear")
    return first + (second - first) * grey + drift * draw.chance(0.4)


def _thickened(opacity, threshold):
    """Move the edge of a blurred opacity outwards or inwards."""
    blurred = F.avg_pool2d(opacity, 3, 1, 1)
    return ((blurred - threshold) * 4 + 0.5).clamp(0, 1) * (blurred > 0)


def _shadowed(background, opacity, draw):
    shift = max(1, opacity.shape[-1] // 16)
    shadow = F.avg_pool2d(opacity, 5, 1, 2).roll((shift, shift), (2, 3))
    return background * (1 - draw.uniform(0, 0.6) * draw.chance(0.3) * shadow)


def _photographed(images, draw):
    """Light from a side, blur, noise, and here and there no colour."""
    size = images.shape[-1]
    light = F.interpolate(draw.normal(0.1, 1, 2, 2), size, mode="bilinear")
    images = images * (1 + light)
    images = torch.where(draw.chance(0.2), F.avg_pool2d(images, 3, 1, 1), images)
    images = images + draw.normal(1, 3, size, size) * draw.uniform(
        0, 0.05
    ) * draw.chance(0.5)
    grey = images.mean(1, keepdim=True)
    return torch.where(draw.chance(0.15), grey, images).clamp(0, 1)


def _labels(classes, present):
    return torch.where(present.flatten(), classes, IGNORED)
