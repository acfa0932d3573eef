"""Ratios of densities as sums of Gaussians around target rows: KLIEP and uLSIF."""

from numbers import Integral, Real

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from .._utils.kernels import median_distance
from ._base import InstanceWeighting

BANDWIDTH = Interval(Real, 0, None, closed="neither")
_FACTORS = 2.0 ** np.arange(-2, 3)  # of the median distance, for the cross-validation
_N_FOLDS = 5
# Of KLIEP: distance of the objective to its maximum; steps; least price of a Gaussian
# and ridge of the curvature, relatively; shortest part of a step.
_TOL, _TOL_OF_FOLDS = 1e-9, 1e-5
_MAX_STEPS, _LEAST_PRICE, _RIDGE, _SHORTEST = 200, 1e-12, 1e-12, 1e-6


class _KernelWeighting(InstanceWeighting):
    """Base: ``w(x) = sum_l a_l exp(-||x - c_l||**2 / (2 bandwidth**2))``.

    A subclass defines ``_coefficients(source, K_source, target, K_target, tol)``, `tol`
    that of a solver that iterates, and ``_gain(source, w_source, target, w_target)`` of
    held-out rows, higher is better.
    """

    _parameter_constraints = {
        "bandwidth": [BANDWIDTH, StrOptions({"cv", "median"})],
        "n_centers": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def _ratio(self, source, target):
        rng = check_random_state(self.random_state)
        n_centers = min(self.n_centers, len(target.rows))
        chosen = rng.choice(len(target.rows), n_centers, replace=False)
        centers = target.rows[chosen]
        bandwidth = self._bandwidth(source, target, centers, rng)
        K_source, K_target = kernels(bandwidth, centers, source, target)
        return K_source @ self._coefficients(source, K_source, target, K_target, _TOL)

    def _bandwidth(self, source, target, centers, rng):
        """Return the bandwidth of the kernel, in units of standardised columns."""
        if not isinstance(self.bandwidth, str):
            return self.bandwidth
        median = median_distance(np.vstack([source.rows, target.rows]))
        n_folds = min(_N_FOLDS, len(source.rows), len(target.rows))
        if self.bandwidth == "median" or n_folds < 2:
            return median
        folds = KFold(n_folds, shuffle=True, random_state=rng.randint(2**31))
        splits = [list(folds.split(sample.rows)) for sample in (source, target)]
        gains = [
            self._held_out_gain(factor * median, centers, source, target, splits)
            for factor in _FACTORS
        ]
        return _FACTORS[int(np.argmax(gains))] * median

    def _held_out_gain(self, bandwidth, centers, source, target, splits):
        """Return the mean gain over folds of both domains."""
        K_source, K_target = kernels(bandwidth, centers, source, target)
        gains = []
        for (train_s, test_s), (train_t, test_t) in zip(*splits, strict=True):
            coefficients = self._coefficients(
                source.take(train_s),
                K_source[train_s],
                target.take(train_t),
                K_target[train_t],
                _TOL_OF_FOLDS,
            )
            gains.append(
                self._gain(
                    source.take(test_s),
                    K_source[test_s] @ coefficients,
                    target.take(test_t),
                    K_target[test_t] @ coefficients,
                )
            )
        return np.mean(gains)


class KLIEP(_KernelWeighting):
    """Kullback-Leibler importance estimation procedure.

    The ratio is a sum of Gaussians around target rows with coefficients of zero or
    more, those that maximise the mean of its logarithm over the target rows while its
    mean over the source rows is 1.

    Parameters
    ----------
    bandwidth : float, "median" or "cv", default="cv"
        Of the Gaussians, in units of standardised columns. "median": the median
        distance of two rows. "cv": a quarter to four times that, by the likelihood of
        held-out target rows, as published; it takes some ten times as long.
    n_centers : int, default=100
        Number of Gaussians, around target rows drawn at random; as published.
    random_state : int, RandomState instance or None, default=0
        Draws centers and folds. The default gives the same weights on every call.

    References
    ----------
    M. Sugiyama, T. Suzuki, S. Nakajima, H. Kashima, P. von Bünau, M. Kawanabe. Direct
    importance estimation for covariate shift adaptation. Annals of the Institute of
    Statistical Mathematics 2008.

    Examples
    --------
    >>> from sktransfer.reweighting import KLIEP
    >>> X_source, X_target = [[0.0], [1.0], [2.0], [3.0]], [[2.0], [2.5], [3.0]]
    >>> KLIEP(bandwidth=1.0).weights(X_source, X_target).round(1)
    array([0. , 0.3, 1.4, 2.3])
    """

    def __init__(self, bandwidth="cv", n_centers=100, random_state=0):
        self.bandwidth = bandwidth
        self.n_centers = n_centers
        self.random_state = random_state

    def _coefficients(self, source, K_source, target, K_target, tol):
        price = source.mean(K_source)
        price = np.maximum(price, _LEAST_PRICE * (price.max() or 1.0))
        # With coefficients in units of their price, the mean is their sum.
        return _most_likely(K_target / price, target, tol) / price

    def _gain(self, source, w_source, target, w_target):
        return target.mean(np.log(np.maximum(w_target, np.finfo(np.float64).tiny)))


def _most_likely(parts, sample, tol):
    """Return the shares (n_parts,) of a mixture that make a sample most likely.

    Parameters
    ----------
    parts : ndarray of shape (n, n_parts)
        Density of each part at the rows of `sample`.
    tol : float
        How far the mean log-likelihood may be from its maximum.

    References
    ----------
    Y. Kim, P. Carbonetto, M. Stephens, M. Anitescu. A fast algorithm for maximum
    likelihood estimation of mixture proportions using sequential quadratic
    programming. Journal of Computational and Graphical Statistics, 2020.
    """
    shares = np.full(parts.shape[1], 1 / parts.shape[1])
    possible = parts.any(axis=1)
    parts, sample = parts[possible], sample.take(possible)
    for _ in range(_MAX_STEPS):
        ratios = parts / (parts @ shares)[:, None]
        gradient = sample.mean(ratios)
        # What a part would add to the mean, at first, bounds what is left to gain.
        if len(parts) == 0 or gradient.max() - 1 <= tol:
            break
        aim = _newton_step(ratios, gradient, sample)
        shares = _better(parts, shares, aim, sample)
    return shares


def _newton_step(ratios, gradient, sample):
    """Return the shares that are best for the quadratic approximation."""
    curvature = (ratios.T * (sample.counts / sample.counts.sum())) @ ratios
    curvature[np.diag_indices_from(curvature)] += _RIDGE * curvature.trace()
    root = np.linalg.cholesky(curvature)
    return nnls(root.T, solve_triangular(root, 2 * gradient - 1, lower=True))[0]


def _better(parts, shares, aim, sample):
    """Return the shares, summing to 1, on the way to `aim` that are likelier."""

    def loss(shares):
        with np.errstate(divide="ignore"):
            return shares.sum() - sample.mean(np.log(parts @ shares))

    before, length = loss(shares), 1.0
    while length > _SHORTEST and not loss(shares + length * (aim - shares)) < before:
        length /= 2
    better = shares + length * (aim - shares)
    return better / better.sum()


class ULSIF(_KernelWeighting):
    """Unconstrained least-squares importance fitting.

    The ratio is a sum of Gaussians around target rows whose squared distance to the
    true ratio, over the source, is least; the coefficients have a closed form, and
    negative ones are set to zero.

    Parameters
    ----------
    alpha : float, default=0.1
        Strength of the ridge penalty on the coefficients.
    bandwidth : float, "median" or "cv", default="cv"
        Of the Gaussians, in units of standardised columns. "median": the median
        distance of two rows. "cv": a quarter to four times that, by the squared
        distance on held-out rows.
    n_centers : int, default=100
        Number of Gaussians, around target rows drawn at random; as published.
    random_state : int, RandomState instance or None, default=0
        Draws centers and folds. The default gives the same weights on every call.

    References
    ----------
    T. Kanamori, S. Hido, M. Sugiyama. A least-squares approach to direct importance
    estimation. JMLR 2009.

    Examples
    --------
    >>> from sktransfer.reweighting import ULSIF
    >>> X_source, X_target = [[0.0], [1.0], [2.0], [3.0]], [[2.0], [2.5], [3.0]]
    >>> ULSIF(bandwidth=1.0).weights(X_source, X_target).round(1)
    array([0.1, 0.6, 1.6, 1.8])
    """

    _parameter_constraints = {
        **_KernelWeighting._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, alpha=0.1, bandwidth="cv", n_centers=100, random_state=0):
        self.alpha = alpha
        self.bandwidth = bandwidth
        self.n_centers = n_centers
        self.random_state = random_state

    def _coefficients(self, source, K_source, target, K_target, tol):
        H = (source.counts[:, None] * K_source).T @ K_source / source.counts.sum()
        H[np.diag_indices_from(H)] += self.alpha
        return np.maximum(np.linalg.solve(H, target.mean(K_target)), 0)

    def _gain(self, source, w_source, target, w_target):
        return target.mean(w_target) - source.mean(w_source**2) / 2


def kernels(bandwidth, centers, *samples):
    """Return the Gaussian kernel between the rows of each sample and `centers`."""
    gamma = 1 / (2 * bandwidth**2)
    return [rbf_kernel(sample.rows, centers, gamma=gamma) for sample in samples]
