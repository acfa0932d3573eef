"""Time of a linear probe whose strength is cross-validated, as a ratio to scikit-learn.

Run ``python benchmarks/probe.py``; it needs SKTRANSFER_DATA. 5000 features of 512
columns, of images of CIFAR-10 by a SqueezeNet, are computed once. Then `fit` of
``FineTuneClassifier(strategy="linear_probe", C="cv")`` on them, as a whole, is
interleaved with `fit` of `LogisticRegressionCV` on the same standardised features,
folds and strengths; its default way, which is slow, is timed once. The second table
shows how far, at every strength, the objective is above its optimum: the largest excess
over the folds.
"""

import os
import warnings
from pathlib import Path

import numpy as np
import torch
from _tables import median_and_range, seconds
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch import nn

from sktransfer import FineTuneClassifier, PretrainedFeatureExtractor
from sktransfer.finetuning import CrossEntropy
from sktransfer.finetuning._lbfgs import minimize
from sktransfer.finetuning._probe_cv import CV_GRID, path
from sktransfer.finetuning._probe_problem import ProbeProblem

WEIGHTS = "squeezenet1_1_imagenet.safetensors"
N_CLASSES, ROUNDS = 10, 2
RIVALS = {
    "float32, n_jobs=2": (np.float32, 2),
    "float32, default": (np.float32, None),
    "float64, default": (np.float64, None),
}


def features_and_labels():
    """Return features (5000, 512) of the training images, and labels."""
    data = Path(os.environ["SKTRANSFER_DATA"])
    arrays = np.load(data / "cifar10_subset.npz")
    extractor = PretrainedFeatureExtractor(
        "squeezenet1_1", weights=data / WEIGHTS, image_size=96
    )
    return extractor.fit_transform(arrays["X_train"]), arrays["y_train"].astype(int)


def folds(y):
    """Return the folds that a probe with ``random_state=0`` makes, as an array."""
    return list(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y))


def rival(dtype, n_jobs, Z, y):
    """Return scikit-learn's model, and its fit on standardised features."""
    model = LogisticRegressionCV(
        Cs=CV_GRID, cv=folds(y), scoring="neg_log_loss", n_jobs=n_jobs
    )
    Z = Z.astype(dtype)
    return model, lambda: model.fit(Z, y)


def ratios(ours, rivals):
    """Return our seconds and the ratios of ours to each rival's, round by round."""
    taken, found = [], {name: [] for name in rivals}
    for number in range(ROUNDS):
        taken.append(seconds(ours))
        for name, (_, fit) in rivals.items():
            if number == 0 or "default" not in name:  # that one is slow
                found[name].append(seconds(ours) / seconds(fit))
    return taken, found


def problem(Z, y):
    """Return the objectives of the five folds."""
    weight = np.ones((5, len(y)))
    for fold, (_, rows) in enumerate(folds(y)):
        weight[fold, rows] = 0
    counts = np.bincount(y).astype(float)
    return ProbeProblem(Z, y, weight, CrossEntropy(), counts, N_CLASSES)


def objective(double, C, W):
    """Return the objectives (5,) in double precision, and their gradients."""
    loss, slopes = double.summed(*double.losses(double.outputs(W)))
    gradient = double.penalty * W + C * double.pull_back(slopes)
    return (double.penalty * W * W).sum((1, 2)) / 2 + C * loss, gradient


def excesses(Z, y, solutions):
    """Yield, at each strength, the largest excess of each solver over the optimum.

    The objective is at most half the squared norm of its gradient above its optimum,
    since its penalty bends it at least that much; the bound of the reference is yielded
    last.
    """
    double = problem(Z, y)
    for number, C in enumerate(CV_GRID):
        ours = solutions["ours"][number]
        W = minimize(double, C, ours, 1e-13)
        optimum, gradient = objective(double, C, W)
        above = [
            ((objective(double, C, found[number])[0] - optimum) / optimum).max().item()
            for found in solutions.values()
        ]
        bound = gradient.square().sum((1, 2)) / 2 / optimum
        yield C, *above, bound.max().item()


def path_of(model):
    """Return the weights (strengths, folds, classes, d + 1) of a fitted rival."""
    weights = np.stack([model.coefs_paths_[c] for c in range(N_CLASSES)])
    return torch.from_numpy(weights.astype(float)).permute(2, 1, 0, 3)


def table():
    """Return the lines of the tables."""
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = features_and_labels()
    Z = StandardScaler().fit_transform(X.astype(float))
    probe = FineTuneClassifier(
        nn.Identity(), strategy="linear_probe", C="cv", random_state=0, device="cpu"
    )
    probe.fit(X, y)
    rivals = {name: rival(*how, Z, y) for name, how in RIVALS.items()}
    taken, found = ratios(lambda: probe.fit(X, y), rivals)
    threads = torch.get_num_threads()
    yield f"`fit` as a whole: {np.median(taken):.1f} s on {threads} threads\n"
    yield "| scikit-learn | our time / its time, median | range | times as fast |"
    yield "|---|---|---|---|"
    for name, values in found.items():
        times = 1 / np.median(values)
        yield f"| {name} | {median_and_range(values)} | {times:.1f} |"
    single = problem(Z.astype(np.float32), y)
    solutions = {
        "ours": [W.double() for W in path(single, CV_GRID)],
        "rival": path_of(rivals["float64, default"][0]),
    }
    yield "\n| C | ours | `LogisticRegressionCV` | bound of the reference |"
    yield "|---|---|---|---|"
    for row in excesses(Z, y, solutions):
        yield f"| {' | '.join(f'{value:.1e}' for value in row)} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
