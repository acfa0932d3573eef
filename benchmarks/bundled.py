"""The bundled backbone by linear probe, beside random weights and raw pixels.

``SKTRANSFER_DATA=... python benchmarks/bundled.py`` prints a table in Markdown. A probe
is a logistic regression on standardised features, of the last stage or of all, whose
strength is chosen by three folds of the training rows. Random weights are those of the
same network, with three seeds. The folder has ``cifar10_subset.npz`` and
``hymenoptera_data``; what is not there is left out.

The handwritten digits are those that the choice of the recipe has not seen, as are the
test images of CIFAR-10 and the validation photographs of ants and bees.
"""

import os
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktransfer import PretrainedFeatureExtractor
from sktransfer.backbones import load_backbone
from sktransfer.datasets import load_digit_domains, load_image_folder

NETWORKS = [("auto", 0), (None, 0), (None, 1), (None, 2)]  # weights and their seed
LAYERS = {"last stage": None, "all stages": [0, 1, 2, 3]}
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
N_LABELS, N_DRAWS = 10, 10
N_SEEN = 900  # digits that the recipe was chosen with
SVC_GRID = {"C": [0.1, 1, 10, 100], "gamma": ["scale", 0.003, 0.01, 0.03, 0.1]}


def main():
    """Print two rows for each data set."""
    torch.set_num_threads(1)
    data = Path(os.environ.get("SKTRANSFER_DATA", "data"))
    print(
        f"loaded in {1e3 * loading_time():.0f} ms, "
        f"{sum(p.numel() for p in load_backbone('synthnet').parameters())} parameters\n"
    )
    print("| accuracy, % | features | bundled | random weights | gain | pixels |")
    print("|---|---|---|---|---|---|")
    compare_on_digits()
    if (data / "cifar10_subset.npz").exists():
        compare("CIFAR-10, 5000 labels", *cifar(data), flat)
    if (data / "hymenoptera_data").exists():
        compare("ants and bees, 244 labels", *ants_and_bees(data), small_and_flat)


def compare_on_digits():
    """Print accuracies, means over draws of the labelled digits."""
    domains = load_digit_domains(n_samples=10)
    X, y = domains.X_target[N_SEEN:], domains.y_target[N_SEEN:]
    draws = [labelled_rows(y, seed) for seed in range(N_DRAWS)]
    svc = over_draws(GridSearchCV(SVC(), SVC_GRID), flat(X), y, draws)
    pixels = over_draws(probe(), flat(X), y, draws)
    pixels = f"{100 * pixels:.1f}, SVC {100 * svc:.1f}"
    for stages, layers in LAYERS.items():
        scores = [
            over_draws(probe(), extractor(*network, layers).fit_transform(X), y, draws)
            for network in NETWORKS
        ]
        print_row("digits, 10 labels of each", stages, scores, pixels)


def compare(name, train, test, flatten):
    """Print accuracies on the test rows."""
    (X, y), (X_test, y_test) = train, test
    score = probe().fit(flatten(X), y).score(flatten(X_test), y_test)
    pixels = f"{100 * score:.1f}"
    for stages, layers in LAYERS.items():
        scores = []
        for network in NETWORKS:
            features = extractor(*network, layers).fit(X).transform
            model = probe().fit(features(X), y)
            scores.append(model.score(features(X_test), y_test))
        print_row(name, stages, scores, pixels)


def print_row(name, stages, scores, pixels):
    """Print percentages, random weights with the spread over seeds."""
    bundled, *random = (100 * score for score in scores)
    mean, spread = np.mean(random), np.std(random, ddof=1)
    figures = f"{bundled:.1f} | {mean:.1f} ± {spread:.1f} | {bundled - mean:+.1f}"
    print(f"| {name} | {stages} | {figures} | {pixels} |", flush=True)


def cifar(data):
    """Return 5000 training images and 1000 test images with their labels."""
    with np.load(data / "cifar10_subset.npz") as file:
        return [(file[f"X_{part}"], file[f"y_{part}"]) for part in ("train", "test")]


def ants_and_bees(data):
    """Return paths of training and of validation photographs with their labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file there is no photograph
        return [
            load_image_folder(data / "hymenoptera_data" / part, return_X_y=True)
            for part in ("train", "val")
        ]


def extractor(weights, seed, layers):
    """Return the network as a transformer."""
    return PretrainedFeatureExtractor(
        "synthnet", weights=weights, layers=layers, random_state=seed
    )


def probe():
    """Return a logistic regression that chooses its strength by folds."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, tol=1e-3))
    return GridSearchCV(model, {"logisticregression__C": STRENGTHS}, cv=3)


def over_draws(model, X, y, draws):
    """Return the mean accuracy on the rows that a draw leaves."""
    scores = [
        model.fit(X[rows], y[rows]).score(np.delete(X, rows, 0), np.delete(y, rows))
        for rows in draws
    ]
    return np.mean(scores)


def labelled_rows(y, seed):
    """Draw `N_LABELS` rows of each class."""
    rng = np.random.RandomState(seed)
    rows = [np.flatnonzero(y == label) for label in np.unique(y)]
    return np.concatenate([rng.choice(r, N_LABELS, replace=False) for r in rows])


def flat(images):
    """Return a row of pixels for each image."""
    return images.reshape(len(images), -1) / 255


def small_and_flat(paths):
    """Return the pixels of the central square of photographs, at 32."""
    images = (Image.open(path).convert("RGB") for path in paths)
    return flat(np.stack([np.asarray(ImageOps.fit(i, (32, 32))) for i in images]))


def loading_time(n=5):
    """Return the median time in seconds to load the backbone."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        load_backbone("synthnet")
        times.append(time.perf_counter() - start)
    return np.median(times)


if __name__ == "__main__":
    main()
