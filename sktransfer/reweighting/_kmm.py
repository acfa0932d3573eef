"""Weights that match the means of both domains in a kernel's feature space."""

from numbers import Real

import numpy as np
from scipy.optimize import brentq, minimize
from sklearn.utils._param_validation import Interval, StrOptions

from .._utils.kernels import median_distance
from ._base import InstanceWeighting
from ._kernel import BANDWIDTH, kernels


class KMM(InstanceWeighting):
    """Kernel mean matching.

    The weights for which the weighted mean of the source rows in the feature space of
    a Gaussian kernel is nearest to the mean of the target rows: a quadratic programme
    with one variable for each source row, between 0 and `bound`, whose mean is within
    ``(sqrt(n) - 1) / sqrt(n)`` of 1.

    Parameters
    ----------
    alpha : float, default=1.0
        Ridge that is added to the kernel matrix. It makes the optimum unique and the
        weights even: between Gaussians in two to five dimensions the correlation with
        the true ratio rose from 0.5 to 0.9. 0 is the published method.
    bandwidth : float or "median", default="median"
        Of the kernel, in units of standardised columns; "median" is the median distance
        of two rows.
    bound : float, default=1000.0
        The largest weight, as published.

    Notes
    -----
    Memory and time grow with the square of the number of source rows: 3000 take some
    seconds, 10 000 take 800 MB.

    References
    ----------
    J. Huang, A. J. Smola, A. Gretton, K. M. Borgwardt, B. Schölkopf. Correcting sample
    selection bias by unlabeled data. NIPS 2006.

    Examples
    --------
    >>> from sktransfer.reweighting import KMM
    >>> X_source, X_target = [[0.0], [1.0], [2.0], [3.0]], [[2.0], [2.5], [3.0]]
    >>> KMM(bandwidth=1.0).weights(X_source, X_target).round(1)
    array([0. , 0.4, 1.7, 1.9])
    """

    _parameter_constraints = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "bandwidth": [BANDWIDTH, StrOptions({"median"})],
        "bound": [Interval(Real, 1, None, closed="left")],
    }

    def __init__(self, alpha=1.0, bandwidth="median", bound=1000.0):
        self.alpha = alpha
        self.bandwidth = bandwidth
        self.bound = bound

    def _ratio(self, source, target):
        bandwidth = self.bandwidth
        if bandwidth == "median":
            bandwidth = median_distance(np.vstack([source.rows, target.rows]))
        K, K_target = kernels(bandwidth, source.rows, source, target)
        shares = source.counts / source.counts.sum()
        # repeats of a row share its weight evenly, so that its ridge is less
        K[np.diag_indices_from(K)] += self.alpha / source.counts
        floor = source.counts.sum() ** -0.5
        return match_means(K, target.mean(K_target), shares, self.bound, floor)


def match_means(K, mean, shares, bound, floor):
    """Return the weights w that minimise ``w'SKSw / 2 - w'S mean``, S = diag(shares).

    Each is between 0 and `bound`, their mean between `floor` and ``2 - floor``.
    """
    start = np.ones(len(shares))

    def weights(price):
        """Return the optimum if each unit of the mean has this price."""

        def loss(w):
            slope = K @ (shares * w)
            value = (shares * w) @ (slope / 2 - mean + price)
            # times the number of rows, so that tolerances mean the same for any number
            return len(w) * value, len(w) * shares * (slope - mean + price)

        options = {"maxiter": 500, "maxcor": 20, "ftol": 1e-14, "gtol": 1e-9}
        bounds = [(0, bound)] * len(shares)
        found = minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        return found.x

    free = weights(0.0)
    nearest = np.clip(shares @ free, floor, 2 - floor)
    if shares @ free == nearest:
        return free
    # the kernel is at most 1, and so are the slopes of the loss and the price
    price = brentq(lambda price: shares @ weights(price) - nearest, -2, 2, xtol=1e-6)
    return weights(price)
