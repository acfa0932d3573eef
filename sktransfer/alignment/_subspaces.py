"""Alignment in a space of fewer dimensions."""

from numbers import Integral, Real

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.extmath import svd_flip

from .._utils.kernels import median_distance
from ._base import AlignmentMethod

_POSITIVE = Interval(Real, 0, None, closed="neither")
_COUNT = Interval(Integral, 1, None, closed="left")


class SubspaceAlignment(AlignmentMethod):
    """Turn the principal axes of the source to those of the target.

    Target rows become their coordinates on the target's principal axes T, source rows
    their coordinates on the source's axes S, times ``S.T @ T``. Each domain is centred
    by its own mean.

    Parameters
    ----------
    n_components : int, default=30
        Number of axes, at most; never more than there are columns, or rows of a domain
        less one. With as many axes as columns only the means are aligned.

    Attributes
    ----------
    pca_source_, pca_target_ : PCA
        The axes of both domains.
    matrix_ : ndarray of shape (n_components, n_components)
        ``S.T @ T``.

    References
    ----------
    B. Fernando, A. Habrard, M. Sebban, T. Tuytelaars. Unsupervised visual domain
    adaptation using subspace alignment. ICCV 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.alignment import SubspaceAlignment
    >>> X_source = np.array([[0.0, 0.0], [2.0, 0.0]])
    >>> X_target = np.array([[5.0, 0.0], [5.0, 1.0]])
    >>> method = SubspaceAlignment(n_components=1).fit(X_source, X_target)
    >>> method.map_target(X_target).shape
    (2, 1)
    """

    keeps_columns = False
    _parameter_constraints = {"n_components": [_COUNT]}

    def __init__(self, n_components=30):
        self.n_components = n_components

    def fit(self, X_source, X_target, y_source=None):
        """Learn the principal axes of both domains."""
        n_rows = min(len(X_source), len(X_target))
        n = min(self.n_components, n_rows - 1, X_source.shape[1])
        self.pca_source_ = PCA(n, svd_solver="full").fit(X_source)
        self.pca_target_ = PCA(n, svd_solver="full").fit(X_target)
        self.matrix_ = self.pca_source_.components_ @ self.pca_target_.components_.T
        return self

    def map_source(self, X):
        """Return coordinates of source rows on the source's axes, turned."""
        return self.pca_source_.transform(X) @ self.matrix_

    def map_target(self, X):
        """Return coordinates of target rows on the target's axes."""
        return self.pca_target_.transform(X)


class TCA(AlignmentMethod):
    """Transfer component analysis.

    Components ``K @ W`` of a kernel matrix K over all rows, W chosen such that the
    means of the domains are near to one another while the variance stays: the leading
    eigenvectors of ``(K L K + mu I)**-1 K H K``, with H that centres and L that
    compares the means. Both domains, and new rows, are mapped alike, by the kernel with
    the rows of `fit`. Each component has variance 1 over these rows.

    Parameters
    ----------
    n_components : int, default=30
        Number of components, at most; never more than the kernel has.
    mu : float, default=1.0
        Strength of the penalty on W, against the distance of the means.
    kernel : {"rbf", "linear"}, default="rbf"
        Gaussian, or the inner product.
    bandwidth : float or "median", default="median"
        Of the Gaussian, ``exp(-||x - y||**2 / (2 bandwidth**2))``; "median" is the
        median distance of two rows.

    Attributes
    ----------
    rows_ : ndarray of shape (n_rows, n_features)
        The rows of `fit`, those of the source first.
    weights_ : ndarray of shape (n_rows, n_components)
        W.

    Notes
    -----
    Memory grows with the square of the number of rows: 10 000 of both domains together
    take 800 MB.

    References
    ----------
    S. J. Pan, I. W. Tsang, J. T. Kwok, Q. Yang. Domain adaptation via transfer
    component analysis. IEEE Transactions on Neural Networks 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.alignment import TCA
    >>> rng = np.random.default_rng(0)
    >>> X_source, X_target = rng.normal(size=(2, 50, 3)) + [[[0, 0, 0]], [[9, 0, 0]]]
    >>> method = TCA(n_components=2, mu=0.01).fit(X_source, X_target)
    >>> gap = method.map_source(X_source).mean(0) - method.map_target(X_target).mean(0)
    >>> print(np.abs(gap).max() < 0.1)
    True
    """

    keeps_columns = False
    _parameter_constraints = {
        "n_components": [_COUNT],
        "mu": [_POSITIVE],
        "kernel": [StrOptions({"rbf", "linear"})],
        "bandwidth": [_POSITIVE, StrOptions({"median"})],
    }

    def __init__(self, n_components=30, mu=1.0, kernel="rbf", bandwidth="median"):
        self.n_components = n_components
        self.mu = mu
        self.kernel = kernel
        self.bandwidth = bandwidth

    def fit(self, X_source, X_target, y_source=None):
        """Learn the components from rows of both domains."""
        self.rows_ = np.vstack([X_source, X_target])
        self.bandwidth_ = self.bandwidth
        if self.bandwidth == "median":
            self.bandwidth_ = median_distance(self.rows_)
        K = self._kernel(self.rows_)
        n = len(X_source)
        gap = K[:, :n].mean(axis=1) - K[:, n:].mean(axis=1)
        self.weights_ = transfer_components(K, gap, self.mu, self.n_components)
        return self

    def map_source(self, X):
        """Return the components of rows of either domain."""
        return self._kernel(X) @ self.weights_

    map_target = map_source

    def _kernel(self, X):
        if self.kernel == "linear":
            return linear_kernel(X, self.rows_)
        return rbf_kernel(X, self.rows_, gamma=1 / (2 * self.bandwidth_**2))


def transfer_components(K, gap, mu, n_components):
    """Return W (n, n_components) for a kernel matrix `K` and the `gap` of its means.

    The penalty ``gap gap' + mu I`` has an inverse root in closed form, which makes the
    problem one of a symmetric matrix that is only ever multiplied with vectors.
    """
    length = gap @ gap
    along = (1 - np.sqrt(mu / (mu + length))) / length if length else 0.0

    def root(v):
        """Return (gap gap' + mu I)**-1/2 v."""
        return (v - along * (gap @ v) * gap) / np.sqrt(mu)

    def multiply(v):
        projected = K @ root(v)
        return root(K @ (projected - projected.mean()))

    n = len(K)
    operator = LinearOperator((n, n), multiply, dtype=np.float64)
    start = np.random.default_rng(0).normal(size=n)
    values, vectors = eigsh(operator, min(n_components, n - 1), v0=start)
    kept = np.flatnonzero(values > n * np.finfo(np.float64).eps * values.max())[::-1]
    W = np.column_stack([root(v) for v in vectors[:, kept].T])
    W, _ = svd_flip(W, W.T, u_based_decision=True)
    return W * np.sqrt(n / values[kept])
