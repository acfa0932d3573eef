"""Time of a grid search over a pretrained network, whose features are cached.

Run ``python benchmarks/search.py``; it needs SKTRANSFER_DATA. Eight strengths by five
folds over an extractor (SqueezeNet at 224 x 224 pixels), StandardScaler and
LogisticRegression, on 244 photographs. The cost of the features is the time that the
search spends in the extractor, so that the heads' own fits are left out.
Ours and its rivals are interleaved; the table shows the median and the range of the
ratios over the rounds.
"""

import gc
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from _tables import median_and_range, seconds
from features import WEIGHTS, features_of_files, without_classifier
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision.models import squeezenet1_1

from sktransfer import PretrainedFeatureExtractor
from sktransfer.cache import clear_cache
from sktransfer.datasets import load_image_folder

FOLDER = Path(os.environ.get("SKTRANSFER_DATA", "data"))
STRENGTHS = np.logspace(-4, 3, 8)
N_FOLDS, ROUNDS = 5, 3


def photographs():
    """Return the paths and labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one of the files is no image
        return load_image_folder(FOLDER / "hymenoptera_data/train", return_X_y=True)


class TimedExtractor(PretrainedFeatureExtractor):
    """Adds up the time that all extractors of a process take."""

    seconds = 0.0

    def fit_transform(self, X, y=None):
        """Note the time, that of the `transform` within it once."""
        before = TimedExtractor.seconds
        start = time.perf_counter()
        features = super().fit_transform(X, y)
        TimedExtractor.seconds = before + time.perf_counter() - start
        return features

    def transform(self, X):
        """Note the time."""
        start = time.perf_counter()
        features = super().transform(X)
        TimedExtractor.seconds += time.perf_counter() - start
        return features


def extractor(cache):
    """Return an extractor that is not fitted."""
    return TimedExtractor(
        "squeezenet1_1", weights=FOLDER / WEIGHTS, cache=cache, device="cpu"
    )


def search(*steps, **options):
    """Return a grid search over the head that follows the steps."""
    model = make_pipeline(*steps, StandardScaler(), LogisticRegression(max_iter=1000))
    grid = {"logisticregression__C": STRENGTHS}
    return GridSearchCV(model, grid, cv=N_FOLDS, **options)


def uncached(paths, y):
    """Return the time for features in a search without cache, from one of its folds.

    All 40 fits read and compute the same number of images, and the refit all of them.
    """
    train, test = next(StratifiedKFold(N_FOLDS).split(paths, y))

    def fold():
        fitted = extractor(None).fit(paths[train])
        fitted.transform(paths[train])
        fitted.transform(paths[test])

    n_fits = len(STRENGTHS) * N_FOLDS
    of_a_fold = np.median([seconds(fold) for _ in range(3)])
    return n_fits * of_a_fold + seconds(extractor(None).fit_transform, paths)


def in_one_process(paths, y):
    """Return, round by round, our time over that of one eager pass and of no cache."""
    net = squeezenet1_1()
    net.load_state_dict(load_file(FOLDER / WEIGHTS))
    loop = without_classifier(net.eval())
    search(extractor(True)).fit(paths, y)  # each is warm when it is timed
    features_of_files(loop, paths)
    for _ in range(ROUNDS):
        clear_cache(True)
        TimedExtractor.seconds = 0.0
        search(extractor(True)).fit(paths, y)
        ours = TimedExtractor.seconds
        one_pass = seconds(features_of_files, loop, paths)
        yield ours / one_pass, ours / uncached(paths, y)


def in_two_processes(paths, y, folder):
    """Return, round by round, the time of two processes over that of one."""
    names = iter(range(1000))

    def run(n_jobs):
        path = folder / f"{next(names)}.db"
        return seconds(search(extractor(path), n_jobs=n_jobs).fit, paths, y)

    run(2)  # starts the processes, which live on
    for _ in range(ROUNDS):
        yield run(2) / run(1)


def again(folder):
    """Return, round by round, the time for features of a second process to a first."""
    for number in range(ROUNDS):
        command = [sys.executable, __file__, str(folder / f"again-{number}.db")]
        outputs = [
            subprocess.run(command, capture_output=True, check=True).stdout
            for _ in range(2)
        ]
        first, second = map(json.loads, outputs)
        yield second / first


def print_seconds_for_features(path):
    """Print how long it takes to compute all features, or to find them in the file."""
    paths, _ = photographs()
    fitted = extractor(path).fit(paths)
    gc.collect()  # what the imports left: it would come some time, and take as long
    print(json.dumps(seconds(fitted.transform, paths)))


def line(ours, rival, ratios):
    """Return one line of the table."""
    return f"| {ours} | {rival} | {median_and_range(ratios)} |"


def table():
    """Return the lines of the table."""
    if not (FOLDER / WEIGHTS).exists():
        yield "No photographs in SKTRANSFER_DATA."
        return
    paths, y = photographs()
    yield f"torch {torch.__version__}, {torch.get_num_threads()} threads\n"
    yield "| search | rival | our time / its time, median | range |"
    yield "|---|---|---|---|"
    to_pass, to_none = zip(*in_one_process(paths, y), strict=True)
    yield line("cache=True", "one eager pass, images opened by PIL", to_pass)
    yield line("cache=True", "cache=None (one fold, times 40, and the refit)", to_none)
    with TemporaryDirectory() as folder:
        folder = Path(folder)
        two = list(in_two_processes(paths, y, folder))
        yield line("SQLite file, n_jobs=2", "SQLite file, n_jobs=1; as a whole", two)
        second = list(again(folder))
        yield line("features in a second process", "in the first, file empty", second)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print_seconds_for_features(sys.argv[1])
    else:
        for row in table():
            print(row, flush=True)
