"""Validation rows for early stopping, where the caller gave none."""

import numpy as np
from sklearn.model_selection import train_test_split


def set_aside(rows, fraction, seed):
    """Split `rows` into rows for training and, in proportion of the classes, others."""
    try:
        train, held_out = train_test_split(
            np.arange(len(rows.y)),
            test_size=fraction,
            stratify=None if rows.y.is_floating_point() else rows.y.numpy(),
            random_state=seed,
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot set validation_fraction={fraction} of "
            f"{len(rows.y)} rows aside ({error}). Pass X_val and y_val, a larger "
            "fraction, or early_stopping=False."
        ) from error
    return rows.take(train), rows.take(held_out)
