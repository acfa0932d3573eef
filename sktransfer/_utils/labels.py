"""Labels as users hand them over."""

import numpy as np


def of_one_type(labels):
    """Return an array of numbers for an array of objects that are numbers."""
    if labels.dtype != object:
        return labels
    typed = np.array(labels.tolist())
    return typed if typed.dtype.kind in "biuf" else labels


def check_scorable(y, classes):
    """Refuse to score by labels that are no class, such as sentinels of target rows."""
    known = set(classes.tolist())
    unknown = {repr(label) for label in y.ravel().tolist() if label not in known}
    if unknown:
        raise ValueError(
            f"y has labels that are not among the classes {classes}: "
            f"{sorted(unknown)[:5]}. If they stand for unknown labels of "
            "target rows, pass sample_domain, which leaves these rows out (it "
            "reaches a step of a Pipeline, and the scores of a search, with metadata "
            "routing enabled), or score without labels, by "
            "sktransfer.metrics.get_adaptation_scorer."
        )
