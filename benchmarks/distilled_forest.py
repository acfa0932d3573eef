"""What a small net learns from a random forest, on tables.

``python benchmarks/distilled_forest.py`` prints accuracies in Markdown, everything by
default, means of five halvings of each table: of forests of a hundred trees, of nets
that learn from them, and of the same nets that learn from labels alone.
"""

import numpy as np
from _tables import spread, table
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sktransfer import DistillationClassifier, FineTuneClassifier

TABLES = {
    "digits": load_digits(return_X_y=True),
    "breast cancer": load_breast_cancer(return_X_y=True),
    "five classes": make_classification(
        3000, 20, n_informative=10, n_classes=5, random_state=0
    ),
}


def scores(X, y, seed):
    """Return the accuracy of the forest, its student, and a net without teacher."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    forest = RandomForestClassifier(random_state=seed)
    student = DistillationClassifier(forest, random_state=seed).fit(X_train, y_train)
    plain = FineTuneClassifier(random_state=seed).fit(X_train, y_train)
    return [m.score(X_test, y_test) for m in (student.teacher_, student, plain)]


def main():
    """Print the table."""
    lines = []
    for name, (X, y) in TABLES.items():
        runs = np.array([scores(X, y, seed) for seed in range(5)])
        lines.append([name, *map(spread, runs.T)])
    print(table(["accuracy %", "forest", "its student", "labels alone"], lines))


if __name__ == "__main__":
    main()
