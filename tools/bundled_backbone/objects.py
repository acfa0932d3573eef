"""Objects drawn by program: each has an opacity and a shade, two planes of pixels.

A class is a rule with fixed numbers; its members differ by a jitter of these. Every
function takes a random generator and the number of members, and returns an array
(n, 2, SIDE, SIDE) of floats in 0-1.
"""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 96

_FONTS = (  # shipped with matplotlib, all of permissive licence
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
    "cmr10",
    "cmb10",
    "cmss10",
    "cmtt10",
    "cmti10",
)
# without the capital or small letter where both look alike
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabdefghikmnqrty"


def fractal(rng, n):
    """Attractors of random affine maps [Kataoka et al., ACCV 2020]."""
    while True:
        count = rng.integers(2, 6)
        maps = rng.uniform(-1, 1, (count, 2, 2))
        norms = np.linalg.svd(maps, compute_uv=False)[:, :1, None]
        maps *= rng.uniform(0.45, 0.9, (count, 1, 1)) / norms
        offsets = rng.uniform(-1, 1, (count, 2))
        planes = _attractors(rng, maps, offsets, n)
        if 0.1 < (planes[:, 0] > 0.2).mean() < 0.7:
            return planes


def _attractors(rng, maps, offsets, n, walkers=150, steps=60, burn_in=10):
    maps = maps * rng.uniform(0.85, 1.15, (n, len(maps), 1, 1))
    maps += rng.normal(0, 0.03, maps.shape)
    norms = np.linalg.svd(maps, compute_uv=False)[..., :1, None]
    maps = (maps * np.minimum(1, 0.95 / norms)).astype(np.float32)
    offsets = offsets + rng.normal(0, 0.05, (n, *offsets.shape))
    offsets = offsets.astype(np.float32)
    probability = np.abs(np.linalg.det(maps)).mean(0) + 0.05
    probability /= probability.sum()
    rows = np.arange(n)[:, None]
    x = np.zeros((n, walkers, 2), np.float32)
    points = []
    for step in range(burn_in + steps):
        choice = rng.choice(len(probability), (n, walkers), p=probability)
        x = np.matmul(maps[rows, choice], x[..., None])[..., 0] + offsets[rows, choice]
        if step >= burn_in:
            points.append(x)
    density = _histograms(np.concatenate(points, 1))
    return np.stack([np.clip(density / 1.5, 0, 1), np.clip(density / 8, 0, 1)], 1)


def _histograms(points):
    """Count points (n, p, 2) by pixel, the cloud scaled to fill the image."""
    low, high = np.percentile(points, (1, 99), axis=1, keepdims=True)
    points = (points - low) / (high - low + 1e-6) * (SIDE - 9) + 4
    pixels = np.clip(points, 0, SIDE - 1).astype(int)
    index = pixels[..., 0] * SIDE + pixels[..., 1]
    index += np.arange(len(points))[:, None] * SIDE**2
    counts = np.bincount(index.ravel(), minlength=len(points) * SIDE**2)
    return counts.reshape(-1, SIDE, SIDE)


def glyph(rng, n, character):
    """One character in many fonts, turned and slanted."""
    return np.stack([_glyph(rng, character, rng.choice(_FONTS)) for _ in range(n)])


def _glyph(rng, character, font):
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    font = ImageFont.truetype(folder / f"{font}.ttf", 120)
    stroke = int(rng.integers(0, 5))
    box = font.getbbox(character, stroke_width=stroke)
    large = Image.new("L", (box[2] - box[0] + 8, box[3] - box[1] + 8))
    ImageDraw.Draw(large).text(
        (4 - box[0], 4 - box[1]), character, 255, font, stroke_width=stroke
    )
    height = rng.uniform(0.6, 0.95) * SIDE
    width = height * large.width / large.height * rng.uniform(0.7, 1.2)
    size = (max(8, min(SIDE, round(width))), round(height))
    small = large.resize(size, Image.Resampling.BILINEAR, reducing_gap=2)
    image = Image.new("L", (SIDE, SIDE))
    image.paste(small, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    slant = np.clip(rng.normal(0, 0.12), -0.3, 0.3)
    image = image.transform(
        image.size,
        Image.Transform.AFFINE,
        (1, slant, -slant * SIDE / 2, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    return _flat(np.asarray(image) / 255)


def strokes(rng, n):
    """Made-up characters: a few curves drawn with a pen of varying width."""
    curves = [rng.uniform(0.12, 0.88, (4, 2)) for _ in range(rng.integers(1, 5))]
    return np.stack([_flat(_drawn(rng, curves)) for _ in range(n)])


def _drawn(rng, curves, zoom=2):
    image = Image.new("L", (zoom * SIDE, zoom * SIDE))
    pen, width = ImageDraw.Draw(image), rng.uniform(0.03, 0.1) * zoom * SIDE
    t = np.linspace(0, 1, 24)[:, None]
    basis = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    for curve in curves:
        points = basis @ (curve + rng.normal(0, 0.05, curve.shape)) * zoom * SIDE
        pen.line([tuple(p) for p in points], 255, round(width), "curve")
        for x, y in (points[0], points[-1]):
            r = width / 2
            pen.ellipse((x - r, y - r, x + r, y + r), 255)
    return np.asarray(image.reduce(zoom)) / 255


def closed_curve(rng, n):
    """Superformula of Gielis, filled, hollow or in relief."""
    lobes = rng.integers(2, 9)
    exponents = rng.uniform(0.4, 4, 3)
    relief = rng.integers(3)
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE * 2 - 1
    planes = []
    for _ in range(n):
        a, b, c = exponents * rng.uniform(0.85, 1.15, 3)
        turned = np.arctan2(y, x * rng.uniform(0.6, 1.6)) * lobes / 4
        radius = (np.abs(np.cos(turned)) ** b + np.abs(np.sin(turned)) ** c + 1e-3) ** (
            -1 / a
        )
        distance = np.hypot(x, y) / (radius / np.percentile(radius, 95) * 0.85)
        inside = np.clip((1 - distance) * 16 + 0.5, 0, 1)
        if relief == 0:
            inside *= np.clip((distance - rng.uniform(0.5, 0.75)) * 16, 0, 1)
        shade = np.sqrt(np.clip(1 - distance**2, 0, 1)) if relief == 2 else 0.5
        planes.append(np.stack([inside, shade * np.ones_like(x)]))
    return np.stack(planes)


def creature(rng, n):
    """Bodies of several ellipsoids, seen from many sides in a slanted light."""
    parts = rng.integers(2, 6)
    centres = rng.normal(0, 0.38, (parts, 3))
    radii = rng.uniform(0.08, 0.4, (parts, 3))
    frames = np.linalg.qr(rng.normal(size=(parts, 3, 3)))[0]
    albedo = rng.uniform(0.25, 1, parts)
    if rng.random() < 0.6:  # symmetry of left and right
        mirror = np.array([-1, 1, 1])
        centres = np.concatenate([centres, centres * mirror])
        radii, albedo = np.tile(radii, (2, 1)), np.tile(albedo, 2)
        frames = np.concatenate([frames, frames * mirror[:, None]])
    planes = []
    for _ in range(n):
        view = _view(rng)
        jitter = rng.normal(0, 0.03, centres.shape)
        sizes = radii * rng.uniform(0.85, 1.15, radii.shape)
        seen = (centres + jitter) @ view.T
        planes.append(_rendered(rng, seen, view @ frames, sizes, albedo))
    return np.stack(planes)


def _view(rng):
    """Turn about the vertical axis by any angle, and tilt."""
    a, b = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.4)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return tilt @ turn


def _rendered(rng, centres, frames, radii, albedo):
    """Nearest ellipsoid at each pixel, in parallel projection, in Lambert's shade."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE * 2 - 1
    reach = radii.max(1)[:, None]
    low, high = (centres - reach)[:, :2].min(0), (centres + reach)[:, :2].max(0)
    scale, middle = (high - low).max() / 1.75, (high + low) / 2
    x, y = x * scale + middle[0], y * scale + middle[1]
    light = rng.normal((0, -0.6, 1), 0.5)
    light /= np.linalg.norm(light)
    depth = np.full(x.shape, -np.inf)
    shade = np.zeros(x.shape)
    for centre, frame, radius, grey in zip(centres, frames, radii, albedo, strict=True):
        q = (frame / radius**2) @ frame.T
        u, v = x - centre[0], y - centre[1]
        half = q[0, 2] * u + q[1, 2] * v
        rest = q[0, 0] * u * u + 2 * q[0, 1] * u * v + q[1, 1] * v * v - 1
        root = half * half - q[2, 2] * rest
        w = (-half + np.sqrt(np.maximum(root, 0))) / q[2, 2]
        normal = np.stack([u, v, w], -1) @ q
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
        nearer = (root > 0) & (w + centre[2] > depth)
        depth = np.where(nearer, w + centre[2], depth)
        lit = grey * (0.25 + 0.75 * np.clip(normal @ light, 0, 1))
        shade = np.where(nearer, lit, shade)
    return np.stack([np.isfinite(depth).astype(float), shade])


def _flat(opacity):
    return np.stack([opacity, np.full_like(opacity, 0.5)])
