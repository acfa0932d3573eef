"""Small data to distil on."""

import numpy as np

from ..nets import table

X, Y = table(120, 5, 3)
NAMED = np.array(["ash", "beech", "cedar"])[Y]
FAST = {"max_epochs": 2, "random_state": 0}
# Learns nothing from labels, and as exactly as it can what the teacher says.
COPYING = {"alpha": 1.0, "temperature": 1.0, "max_epochs": 150, "random_state": 0}


def gap_to(student, probabilities):
    return np.abs(student.predict_proba(X) - probabilities).max()


def domain_of_labelled(n_labelled):
    return np.where(np.arange(len(X)) < n_labelled, 1, -1)
