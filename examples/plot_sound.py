"""
Sounds, by way of their spectrograms
====================================

A spectrogram is an image: time from left to right, pitch from bottom to top. A small
transformer makes one of each sound, and everything for images follows in a pipeline.
Here a net that knows some kinds of calls learns others from five examples each.
"""

# %%
# Calls of half a second, as birds and machines make them: notes whose pitch stays,
# rises, falls, wavers or leaps, at random pitch and loudness, behind noise.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sktransfer import FineTuneClassifier

RATE, LENGTH = 8000, 4000
time = np.arange(LENGTH) / LENGTH

# Pitch over time, in octaves above the lowest.
CALLS = {
    "steady": lambda rng: 0 * time,
    "rising": lambda rng: rng.uniform(0.5, 1.2) * time,
    "falling": lambda rng: -rng.uniform(0.5, 1.2) * time,
    "wavering": lambda rng: 0.25 * np.sin(2 * np.pi * rng.uniform(4, 7) * time),
    "leaping up": lambda rng: 0.6 * (time > rng.uniform(0.35, 0.65)),
    "leaping down": lambda rng: -0.6 * (time > rng.uniform(0.35, 0.65)),
    "arch": lambda rng: rng.uniform(0.5, 1.0) * np.sin(np.pi * time),
    "valley": lambda rng: -rng.uniform(0.5, 1.0) * np.sin(np.pi * time),
}


def call(kind, rng):
    """Return a sound of LENGTH samples."""
    pitch = rng.uniform(1.2, 2.6) + CALLS[kind](rng)
    phase = 2 * np.pi * np.cumsum(200 * 2**pitch) / RATE
    loudness = rng.uniform(0.3, 1.0) * np.minimum(1, 10 * np.minimum(time, 1 - time))
    overtones = sum(np.sin(n * phase) / n**2 for n in (1, 2, 3))
    return loudness * overtones + rng.uniform(0.3, 0.8) * rng.normal(size=LENGTH)


def calls(kinds, n, seed):
    """Return `n` sounds of each kind, and their kinds."""
    rng = np.random.default_rng(seed)
    y = np.repeat(kinds, n)
    return np.stack([call(kind, rng) for kind in y]), y


# %%
# The transformer: power in overlapping windows, gathered in bands that are as wide as
# the ear's (the mel scale), in decibels, as an image with values from 0 to 1.


def mel_bands(n_bands, n_bins):
    """Return triangular filters (n_bands, n_bins) of equal width in mel."""
    hertz = np.linspace(0, RATE / 2, n_bins)
    mels = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), n_bands + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    sides = (hertz - low) / (mid - low), (high - hertz) / (high - mid)
    return np.maximum(0, np.minimum(*sides))


def log_mel(X, n_bands=32, window=512, step=128, floor=-60):
    """Return images (n, n_bands, n_frames) of sounds (n, n_samples)."""
    sounds = torch.as_tensor(X, dtype=torch.float32)
    spectra = torch.stft(
        sounds, window, step, window=torch.hann_window(window), return_complex=True
    )
    bands = torch.as_tensor(mel_bands(n_bands, window // 2 + 1), dtype=torch.float32)
    power = bands @ spectra.abs().square()
    decibels = 10 * torch.log10(power / power.amax((1, 2), keepdim=True) + 1e-12)
    return (1 - decibels.clamp(min=floor) / floor).flip(1).numpy()


spectrogram = FunctionTransformer(log_mel)

# %%
# A net learns four kinds of calls from 120 sounds each.

known, new = list(CALLS)[:4], list(CALLS)[4:]
source = make_pipeline(
    spectrogram,
    FineTuneClassifier("smallnet", weights=None, max_epochs=6, random_state=0),
)
source.fit(*calls(known, 120, seed=0))
print(f"known calls: {source.score(*calls(known, 50, seed=1)):.2f}")

# %%
# Four others have five examples each. The net that knows calls is compared to the same
# net from scratch, and to a linear model on the spectrograms.

flat = FunctionTransformer(lambda images: images.reshape(len(images), -1))
models = {
    "net that knows calls": make_pipeline(
        spectrogram, FineTuneClassifier(source[-1].backbone_, strategy="linear_probe")
    ),
    "net from scratch": make_pipeline(
        spectrogram,
        FineTuneClassifier("smallnet", weights=None, random_state=0),
    ),
    "linear on spectrograms": make_pipeline(
        spectrogram, flat, StandardScaler(), LogisticRegression(C=0.02)
    ),
}
test = calls(new, 50, seed=2)
scores = {name: [] for name in models}
for seed in (3, 4):
    few = calls(new, 5, seed)
    for name, model in models.items():
        scores[name].append(model.fit(*few).score(*test))
for name, values in scores.items():
    print(f"{name}: {np.mean(values):.2f}")

# %%
# One call of each kind, and what five examples of the lower ones were enough for.

figure = plt.figure(figsize=(8, 5.5), layout="constrained")
grid = figure.add_gridspec(3, 4)
rng = np.random.default_rng(6)
for place, kind in enumerate(CALLS):
    ax = figure.add_subplot(grid[divmod(place, 4)])
    ax.imshow(log_mel(call(kind, rng)[None])[0], aspect="auto", cmap="magma")
    ax.set(title=kind, xticks=[], yticks=[])
ax = figure.add_subplot(grid[2, :])
ax.barh(list(scores), [np.mean(values) for values in scores.values()], color="C0")
ax.invert_yaxis()
ax.axvline(1 / len(new), color="black", linestyle=":", label="chance")
ax.set(xlabel="accuracy on new calls, five examples each", xlim=(0, 1))
ax.legend()
plt.show()
