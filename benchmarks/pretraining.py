"""Self-supervised pretraining: what five labels per class are worth after it.

``python benchmarks/pretraining.py`` trains the small image net on 3000 printed and 1000
handwritten digits without labels, by every objective, and prints in Markdown what a
linear probe reaches that gets five labels of each handwritten digit: on 797 digits that
took part in nothing ("test"), and on the rest of the thousand ("choice"), by which
settings, and what "auto" stands for, were chosen. All have the same net, rows, number
of epochs, labels and probe, and the settings that are the defaults.
"""

import argparse
import sys
import time
import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import PretrainedFeatureExtractor, SelfSupervisedPretrainer
from sktransfer.datasets import load_digit_domains

OBJECTIVES = ["autoencoder", "denoising", "contractive", "masked", "simclr", "vicreg"]
N_UNLABELLED, N_LABELS = 1000, 5
HEADER = (
    "| features | choice % | test % | sd | over random, points | CPU s |",
    "|---|---|---|---|---|---|",
)


class Digits:
    """Printed and handwritten digits, the first of which have no labels in training."""

    def __init__(self):
        digits = load_digit_domains()
        order = np.random.default_rng(0).permutation(len(digits.X_target))
        self.X, self.y = digits.X_target[order], digits.y_target[order]
        self.unlabelled = np.concatenate([digits.X_source, self.X[:N_UNLABELLED]])

    def accuracies(self, features, draw):
        """Return what a linear probe on a draw of labels reaches, choice and test."""
        rng, pool = np.random.default_rng(draw), self.y[:N_UNLABELLED]
        labelled = np.concatenate(
            [rng.permutation(np.flatnonzero(pool == c))[:N_LABELS] for c in range(10)]
        )
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.02))
        probe.fit(features[labelled], self.y[labelled])
        rest = np.setdiff1d(np.arange(N_UNLABELLED), labelled)
        test = np.arange(N_UNLABELLED, len(self.y))
        return [100 * probe.score(features[i], self.y[i]) for i in (rest, test)]


def features_of(name, digits, seed, epochs):
    """Return features of the handwritten digits and the CPU time of the training."""
    if name == "pixels":
        return digits.X.reshape(len(digits.X), -1) / 255, 0.0
    if name == "random init":
        net = PretrainedFeatureExtractor("smallnet", weights=None, random_state=seed)
        return net.fit_transform(digits.X), 0.0
    before = time.process_time()
    net = SelfSupervisedPretrainer(
        name, backbone="smallnet", weights=None, max_epochs=epochs, random_state=seed
    ).fit(digits.unlabelled)
    return net.transform(digits.X), time.process_time() - before


def run(options):
    """Return accuracies (n_seeds * n_draws, 2) and the mean CPU time, by name."""
    digits, results = Digits(), {}
    for name in ["random init", "pixels", *options.objectives]:
        rows, seconds = [], []
        for seed in range(options.seeds):
            features, spent = features_of(name, digits, seed, options.epochs)
            rows += [digits.accuracies(features, d) for d in range(options.draws)]
            seconds.append(spent)
            print(name, seed, *np.mean(rows, axis=0), file=sys.stderr, flush=True)
        results[name] = np.array(rows), np.mean(seconds)
    return results


def report(results):
    """Return the results as a table in Markdown."""
    random = results["random init"][0][:, 1].mean()
    lines = []
    for name, (values, seconds) in results.items():
        choice, test = values.mean(axis=0)
        lines.append(
            f"| {name} | {choice:.1f} | {test:.1f} | {values[:, 1].std():.1f} | "
            f"{test - random:+.1f} | {seconds:.0f} |"
        )
    return "\n".join([*HEADER, *lines])


def parsed():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objectives", nargs="+", default=OBJECTIVES)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=6)
    return parser.parse_args()


def main():
    """Do what the command line asks for."""
    warnings.simplefilter("ignore")  # of random weights, which are what is asked for
    torch.set_num_threads(1)
    print(report(run(parsed())))


if __name__ == "__main__":
    main()
