"""Bandwidths of Gaussian kernels."""

import numpy as np
from scipy.spatial.distance import pdist

_MAX_ROWS = 1000  # half a million distances settle a median


def median_distance(rows):
    """Return the median distance of two different `rows`, 1 if they are all the same.

    Of more than 1000 rows, 1000 at equal steps stand for all.
    """
    if len(rows) > _MAX_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, _MAX_ROWS).astype(int)]
    distances = pdist(rows)
    distances = distances[distances > 0]
    return float(np.median(distances)) if len(distances) else 1.0
