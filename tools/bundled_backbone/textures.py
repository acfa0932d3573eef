"""Textures drawn by program: fields of grey values without a border.

A class is a rule with fixed numbers; its members differ by a jitter of these. Every
function takes a random generator and the number of members, and returns an array
(n, SIDE, SIDE) of floats, whose range is up to `stretched`.
"""

import numpy as np
from objects import SIDE

_Y, _X = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5


def stretched(fields):
    """Map each field linearly to 0-1, but for 1 % of the pixels at either end."""
    low, high = np.percentile(fields, (1, 99), axis=(1, 2), keepdims=True)
    return np.clip((fields - low) / (high - low + 1e-9), 0, 1)


def spectral_noise(rng, n):
    """Noise with a power law, or with a band of frequencies, along any direction."""
    exponent, centre = rng.uniform(0.6, 2.2), rng.uniform(3, 20)
    width, stretch = rng.uniform(0.15, 0.6), rng.choice([1, 1, rng.uniform(2, 5)])
    power_law, fold = rng.random() < 0.5, rng.integers(3)
    fields = []
    for _ in range(n):
        u, v = _turned(rng, *np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
        r = np.hypot(u * stretch, v) * SIDE + 1e-6
        jitter = rng.uniform(0.85, 1.15)
        gain = (
            np.maximum(r, 1) ** -(exponent * jitter)
            if power_law
            else np.exp(-(np.log(r / (centre * jitter)) ** 2) / (2 * width**2))
        )
        field = np.real(np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * gain))
        field /= field.std() + 1e-9
        fields.append((field, -np.abs(field), np.tanh(4 * field))[fold])
    return np.stack(fields)


def waves(rng, n):
    """One wave or the product of two, warped by a smooth field."""
    count, frequency = rng.integers(1, 3), rng.uniform(2, 14)
    angle, warp = rng.uniform(0.5, np.pi - 0.5), rng.choice([0, 0.02, 0.06])
    profile, ratio = rng.integers(4), rng.uniform(0.5, 1.5)
    fields = []
    for _ in range(n):
        u, v = _turned(rng, _X, _Y)
        u = u + warp * _smooth(rng, 3)
        v = v + warp * _smooth(rng, 3)
        f = 2 * np.pi * frequency * rng.uniform(0.85, 1.15)
        wave = np.sin(f * u + rng.uniform(0, 6.3))
        if count == 2:
            second = np.cos(angle) * u + np.sin(angle) * v
            other = np.sin(f * ratio * second + rng.uniform(0, 6.3))
            wave = (wave * other, np.maximum(wave, other))[profile % 2]
        sharp = 1 / (1 + np.exp(-12 * wave))
        fields.append((wave, sharp, np.abs(wave), np.maximum(wave, 0.5))[profile])
    return np.stack(fields)


def cells(rng, n):
    """Voronoi cells [Worley 1996]: distances to the nearest points, or flat tiles."""
    count, kind = int(rng.integers(8, 90)), rng.integers(4)
    regular, stretch = rng.choice([0.0, 0.5, 0.85]), rng.choice([1, 1, 2.5])
    fields = []
    for _ in range(n):
        u, v = _turned(rng, _X, _Y)
        side = int(np.ceil(np.sqrt(count)))
        grid = np.stack(np.mgrid[:side, :side], -1).reshape(-1, 2) + 0.5
        points = (
            rng.uniform(-0.75, 0.75, grid.shape) * (1 - regular)
            + regular * (grid / side - 0.5) * 1.5
        )
        points[:, 0] /= stretch
        squared = (u.ravel()[:, None] * 1.0 - points[:, 0] * stretch) ** 2 + (
            (v.ravel()[:, None] - points[:, 1]) * stretch
        ) ** 2
        order = np.argpartition(squared, 1, axis=1)[:, :2]
        near = np.sqrt(np.take_along_axis(squared, order, 1))
        near.sort(axis=1)
        tiles = rng.random(len(points))[squared.argmin(1)]
        edge = np.clip((near[:, 1] - near[:, 0]) * side * 2, 0, 1)
        field = (near[:, 0], edge, tiles, tiles * (0.3 + 0.7 * (edge > 0.2)))[kind]
        fields.append(field.reshape(SIDE, SIDE))
    return np.stack(fields)


def dead_leaves(rng, n):
    """Leaves of many sizes lying over one another [Lee et al., IJCV 2001]."""
    corners, smallest = rng.choice([0, 3, 4, 6]), rng.uniform(0.02, 0.08)
    power, stretch = rng.uniform(1.5, 3), rng.choice([1, 1, rng.uniform(2, 5)])
    shaded, common_angle = rng.random() < 0.4, rng.random() < 0.5
    fields = []
    for _ in range(n):
        field = np.zeros((SIDE, SIDE))
        turn = rng.uniform(-np.pi, np.pi)
        for _ in range(int(rng.integers(90, 140))):
            size = smallest * (1 - rng.random()) ** (-1 / power)
            angle = turn + rng.normal(0, 0.15) if common_angle else rng.uniform(-4, 4)
            _drop_leaf(rng, field, min(size, 0.35), angle, corners, stretch, shaded)
        fields.append(field)
    return np.stack(fields)


def _drop_leaf(rng, field, size, angle, corners, stretch, shaded):
    x, y = rng.uniform(-0.55, 0.55, 2)
    reach = size * np.sqrt(stretch) * 1.5 + 0.02
    rows = slice(
        *(np.clip([(y - reach + 0.5), (y + reach + 0.5)], 0, 1) * SIDE).astype(int)
    )
    columns = slice(
        *(np.clip([(x - reach + 0.5), (x + reach + 0.5)], 0, 1) * SIDE).astype(int)
    )
    u, v = _X[rows, columns] - x, _Y[rows, columns] - y
    u, v = np.cos(angle) * u - np.sin(angle) * v, np.sin(angle) * u + np.cos(angle) * v
    u, v = u / np.sqrt(stretch), v * np.sqrt(stretch)
    r = np.hypot(u, v)
    if corners:
        sector = 2 * np.pi / corners
        r = r * np.cos((np.arctan2(v, u) % sector) - sector / 2) / np.cos(sector / 2)
    grey = rng.random()
    fill = grey * (1 - 0.6 * r / size) if shaded else grey
    field[rows, columns] = np.where(r < size, fill, field[rows, columns])


def marble(rng, n):
    """Noise whose coordinates are displaced by noise [Perlin 1985]."""
    frequency, warp = rng.uniform(1, 6), rng.uniform(0.1, 0.8)
    octaves, ridged = int(rng.integers(2, 5)), rng.random() < 0.5
    fields = []
    for _ in range(n):
        u, _ = _turned(rng, _X, _Y)
        turbulence = sum(
            np.abs(_smooth(rng, 3 * 2**k)) / 2**k
            if ridged
            else _smooth(rng, 3 * 2**k) / 2**k
            for k in range(octaves)
        )
        fields.append(np.sin(2 * np.pi * (frequency * u + warp * turbulence * 2)))
    return np.stack(fields)


def hatching(rng, n):
    """Many short strokes of one length, in one direction or several."""
    length, width = rng.uniform(0.03, 0.3), rng.uniform(0.004, 0.02)
    spread, count = rng.choice([0.05, 0.3, 3.0]), int(rng.integers(60, 200))
    fields = []
    for _ in range(n):
        field = np.zeros((SIDE, SIDE))
        turn = rng.uniform(-np.pi, np.pi)
        for _ in range(count):
            angle = turn + rng.normal(0, spread)
            _drop_leaf(
                rng, field, np.sqrt(length * width), angle, 4, length / width, False
            )
        fields.append(field)
    return np.stack(fields)


def tiling(rng, n):
    """Motif repeated on a lattice: bricks, rings, dots, scales, weaves."""
    columns, rows = rng.integers(3, 12, 2)
    shift, kind = rng.choice([0, 0.5, 0.33]), rng.integers(5)
    gap, uneven = rng.uniform(0.05, 0.3), rng.random() < 0.4
    fields = []
    for _ in range(n):
        u, v = _turned(rng, _X, _Y, rng.normal(0, 0.4))
        u = (u + 0.01 * _smooth(rng, 4) + 2) * columns * rng.uniform(0.85, 1.15)
        v = (v + 0.01 * _smooth(rng, 4) + 2) * rows * rng.uniform(0.85, 1.15)
        row = np.floor(v).astype(int)
        u = u + shift * row
        column = np.floor(u).astype(int)
        a, b = u % 1 - 0.5, v % 1 - 0.5
        r = np.hypot(a, b)
        motif = (
            (np.abs(a) < 0.5 - gap) & (np.abs(b) < 0.5 - gap),
            r < 0.5 - gap,
            np.abs(r - 0.35) < gap / 2,
            np.where(
                (row + column) % 2, np.abs(np.sin(6.3 * a)), np.abs(np.sin(6.3 * b))
            ),
            np.hypot(a, b + 0.5) % 0.5 * 2,
        )[kind].astype(float)
        if uneven:
            motif *= 0.4 + 0.6 * rng.random((64, 64))[row % 64, column % 64]
        fields.append(motif)
    return np.stack(fields)


FAMILIES = (spectral_noise, waves, cells, dead_leaves, marble, hatching, tiling)


def _turned(rng, x, y, angle=None):
    angle = rng.uniform(-np.pi, np.pi) if angle is None else angle
    return np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y


def _smooth(rng, frequency):
    """Noise of unit variance without frequencies above `frequency` per side."""
    spectrum = np.zeros((SIDE, SIDE), complex)
    k = np.abs(np.fft.fftfreq(SIDE, 1 / SIDE))
    low = np.hypot(*np.meshgrid(k, k)) <= frequency
    spectrum[low] = rng.normal(size=low.sum()) + 1j * rng.normal(size=low.sum())
    field = np.real(np.fft.ifft2(spectrum))
    return field / field.std()
