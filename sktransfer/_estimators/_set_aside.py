"""Validation rows for early stopping, where the caller gave none."""

import numpy as np


def set_aside(rows, fraction, seed):
    """Split `rows` into rows for training and, in proportion of the classes, others."""
    numbers = np.arange(len(rows.y))
    train, held_out = split_numbers(numbers, rows.y, fraction, seed)
    return rows.take(train), rows.take(held_out)


def split_numbers(numbers, y, fraction, seed):
    """Split row numbers in proportion of the classes in `y`, a tensor of all rows."""
    from sklearn.model_selection import train_test_split  # slow to import

    try:
        return train_test_split(
            numbers,
            test_size=fraction,
            stratify=None if y.is_floating_point() else y.numpy()[numbers],
            random_state=seed,
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot set validation_fraction={fraction} of "
            f"{len(numbers)} rows aside ({error}). Pass X_val and y_val, a larger "
            "fraction, or early_stopping=False."
        ) from error
