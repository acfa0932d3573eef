"""Aligners on printed and handwritten digits, beside those of skada.

``python benchmarks/alignment.py`` prints a table in Markdown, within some minutes on
one core. Of ``load_digit_domains``, 1500 printed digits have labels and 1000
handwritten ones have none; a logistic regression on the mapped source is scored on the
797 others, which take no part. Seeds draw the printed ones and the split. Features are
those of a small net that was trained on the source. skada's aligners have the same
settings; "ot" is POT's transport in both.
"""

import argparse
import warnings
from collections import defaultdict

import numpy as np
from _tables import spread, table
from scipy.linalg import eigh
from skada._mapping import CORALAdapter, OTMappingAdapter
from skada._subspace import (
    SubspaceAlignmentAdapter,
    TransferComponentAnalysisAdapter,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import DomainAligner, FineTuneClassifier
from sktransfer.alignment import CORAL, TCA, OptimalTransport, SubspaceAlignment
from sktransfer.datasets import load_digit_domains, pack_domains

N_COMPONENTS, MU = 30, 1.0


def digits(seed):
    """Return source, unlabelled target and test images, the outer two with labels."""
    data = load_digit_domains(n_samples=1500, random_state=seed)
    order = np.random.default_rng(seed).permutation(len(data.X_target))
    train, test = order[:1000], order[1000:]
    target = data.X_target[train], data.X_target[test], data.y_target[test]
    return data.X_source, data.y_source, *target


def flat(images):
    return images.reshape(len(images), -1) / 255.0


def features_of_source_net(X_source, y_source, seed):
    """Return a function from images to features of a net trained on the source."""
    net = FineTuneClassifier(
        "smallnet", weights=None, strategy="full", max_epochs=10, random_state=seed
    )
    net.fit(X_source, y_source)
    return lambda images: net.features(images).astype(np.float64)


class SolvedTCA(TransferComponentAnalysisAdapter):
    """skada's adapter, with the leading solutions of the problem that it states.

    It hands a matrix that is not symmetric to ``eigh``, which reads one half of it; the
    problem is one of a pair of symmetric matrices.
    """

    def fit(self, X, y=None, *, sample_domain=None):
        """Replace what `fit` found by the solutions of ``K H K w = e A w``."""
        super().fit(X, y, sample_domain=sample_domain)
        K, n = self.K_, len(self.K_)
        gap = K[:, : len(self.X_source_)].mean(1) - K[:, len(self.X_source_) :].mean(1)
        left = K @ (K - K.mean(0))
        right = np.eye(n) + self.mu * np.outer(gap, gap)
        last = [n - self.n_components, n - 1]
        self.eigvects_ = eigh(left, right, subset_by_index=last)[1]
        return self


def contestants(n_features):
    """Return the aligners of each method, ours and skada's with the same settings.

    skada's kernel has a gamma of 1 / n_features.
    """
    tca = DomainAligner(TCA(N_COMPONENTS, MU, bandwidth=(n_features / 2) ** 0.5))
    theirs = {"n_components": N_COMPONENTS, "mu": MU}
    return {
        "coral": (DomainAligner(CORAL()), CORALAdapter()),
        "subspace": (
            DomainAligner(SubspaceAlignment(N_COMPONENTS)),
            SubspaceAlignmentAdapter(N_COMPONENTS, random_state=0),
        ),
        "tca": (tca, TransferComponentAnalysisAdapter(**theirs)),
        "tca, skada's solved": (tca, SolvedTCA(**theirs)),
        "ot": (DomainAligner(OptimalTransport()), OTMappingAdapter()),
    }


def score(aligner, source, y, target, test, y_test):
    """Return the accuracy on `test` of a regression on the mapped source."""
    if aligner is not None:
        X, labels, domain = pack_domains(source, y, target)
        source = aligner.fit_transform(X, labels, sample_domain=domain)[domain > 0]
        test = aligner.transform(test, sample_domain=np.full(len(test), -2))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return model.fit(source, y).score(test, y_test)


def align(n_seeds):
    """Return the table of the aligners."""
    scores = defaultdict(list)
    for seed in range(n_seeds):
        source, y, target, test, y_test = digits(seed)
        net = features_of_source_net(source, y, seed)
        for kind, represent in (("pixels", flat), ("features", net)):
            source_rows, *rows = (
                represent(images) for images in (source, target, test)
            )
            given = source_rows, y, *rows, y_test
            scores[kind, "none"].append(score(None, *given))
            for name, pair in contestants(source_rows.shape[1]).items():
                both = [score(aligner, *given) for aligner in pair]
                scores[kind, name].append(both)
    header = ["rows", "method", "sktransfer %", "skada %", "difference, points"]
    return table(header, [_line_of(key, runs) for key, runs in scores.items()])


def _line_of(key, runs):
    if key[1] == "none":
        return [*key, spread(runs), "", ""]
    mine, theirs = np.transpose(runs)
    gap = 100 * (mine - theirs).mean()
    return [*key, spread(mine), spread(theirs), f"{gap:+.1f}"]


def main():
    """Print the table."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=6)
    print(align(parser.parse_args().seeds))


if __name__ == "__main__":
    main()
