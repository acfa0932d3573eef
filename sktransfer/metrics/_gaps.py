"""How far apart two domains are: from two tables of rows to a number."""

from numbers import Integral, Real

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

_BANDWIDTHS = 2.0 ** np.arange(-3, 2)


def mmd_distance(X_source, X_target):
    """Return the unbiased estimate of the squared MK-MMD of two domains.

    The maximum mean discrepancy [1]_ under the mean of five Gaussian kernels [2]_,
    ``exp(-||x - y||² / (2 α m))`` with α of 1/8, 1/4, 1/2, 1 and 2, where m is the mean
    squared distance of all rows of both domains to one another and to themselves. It
    is the loss of the adaptation method "dan", of all rows at once.

    Parameters
    ----------
    X_source : array-like of shape (n_source, n_features)
        Rows, or features of rows, of one domain; at least two.
    X_target : array-like of shape (n_target, n_features)
        The same of the other domain.

    Returns
    -------
    distance : float
        Squared distance, at most 2. About 0 for samples of one distribution, where it
        is as often below zero as above: that is what unbiased means.

    Raises
    ------
    ValueError
        If there are fewer than two rows, NaN, or different numbers of features.

    Notes
    -----
    Memory grows with the square of the number of rows: 10 000 of both together take
    about 3 GB. Pass a random part of more.

    References
    ----------
    .. [1] A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf, A. Smola, "A kernel
       two-sample test", JMLR, 2012.
    .. [2] M. Long, Y. Cao, J. Wang, M. I. Jordan, "Learning transferable features with
       deep adaptation networks", ICML, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.metrics import mmd_distance
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> print(f"{mmd_distance(X[:100], X[100:]):.2f}")
    -0.00
    >>> print(f"{mmd_distance(X[:100], X[100:] + 3):.2f}")
    0.80
    """
    X_source, X_target = _check_domains(X_source, X_target)
    n = len(X_source)
    # distances come from squared norms, which lose digits far from the origin
    rows = np.vstack([X_source, X_target])
    distances = euclidean_distances(rows - rows.mean(axis=0), squared=True)
    mean = distances.mean()
    if mean == 0:
        return 0.0
    kernel = np.zeros_like(distances)
    for bandwidth in _BANDWIDTHS * mean:
        kernel += np.exp(-distances / (2 * bandwidth)) / len(_BANDWIDTHS)
    within = _mean_of_pairs(kernel[:n, :n]) + _mean_of_pairs(kernel[n:, n:])
    return float(within - 2 * kernel[:n, n:].mean())


def _mean_of_pairs(kernel):
    """Return the mean over pairs of different rows, without the diagonal."""
    n = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (n * (n - 1))


def coral_distance(X_source, X_target):
    """Return the squared distance of the covariances of two domains.

    ``||C_s - C_t||²_F / (4 d²)`` of d features [1]_, with covariances that divide by
    n - 1. It sees neither a shift of the mean nor anything beyond second moments.

    Parameters
    ----------
    X_source : array-like of shape (n_source, n_features)
        Rows, or features of rows, of one domain; at least two.
    X_target : array-like of shape (n_target, n_features)
        The same of the other domain.

    Returns
    -------
    distance : float
        Squared distance, 0 or more, in the fourth power of the units of the features.

    Raises
    ------
    ValueError
        If there are fewer than two rows, NaN, or different numbers of features.

    References
    ----------
    .. [1] B. Sun, K. Saenko, "Deep CORAL: correlation alignment for deep domain
       adaptation", ECCV Workshops, 2016.

    Examples
    --------
    >>> from sktransfer.metrics import coral_distance
    >>> print(coral_distance([[0.0], [2.0]], [[0.0], [4.0]]))
    9.0
    """
    X_source, X_target = _check_domains(X_source, X_target)
    gap = np.cov(X_source, rowvar=False) - np.cov(X_target, rowvar=False)
    return float(np.sum(gap**2) / (4 * X_source.shape[1] ** 2))


@validate_params(
    {
        "X_source": ["array-like"],
        "X_target": ["array-like"],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def proxy_a_distance(X_source, X_target, *, cv=5, random_state=None):
    """Return how well a linear classifier tells two domains apart.

    The proxy A-distance ``2 (1 - 2 ε)`` [1]_, ε the cross-validated error of a
    logistic regression on standardised features. It is the mean of the errors on
    either domain, with balanced class weights, so that a domain with more rows does
    not look farther away.

    Parameters
    ----------
    X_source : array-like of shape (n_source, n_features)
        Rows, or features of rows, of one domain; at least `cv`.
    X_target : array-like of shape (n_target, n_features)
        The same of the other domain.
    cv : int, default=5
        Number of folds; more of them take longer and train on more rows.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows before they are split.

    Returns
    -------
    distance : float
        2 where the domains can be told apart without error; about 0, and as often
        below as above, where they cannot.

    Raises
    ------
    ValueError
        If a domain has fewer than `cv` rows, or there are NaN or different numbers of
        features.

    References
    ----------
    .. [1] S. Ben-David, J. Blitzer, K. Crammer, F. Pereira, "Analysis of
       representations for domain adaptation", NIPS, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.metrics import proxy_a_distance
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> print(proxy_a_distance(X[:100], X[100:] + 9, random_state=0))
    2.0
    """
    X_source, X_target = _check_domains(X_source, X_target, min_rows=cv)
    domain = np.repeat([0, 1], [len(X_source), len(X_target)])
    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    folds = StratifiedKFold(cv, shuffle=True, random_state=random_state)
    told = cross_val_predict(
        classifier, np.vstack([X_source, X_target]), domain, cv=folds
    )
    error = 1 - balanced_accuracy_score(domain, told)
    return float(2 * (1 - 2 * error))


@validate_params(
    {
        "X_source": ["array-like"],
        "X_target": ["array-like"],
        "n_projections": [Interval(Integral, 1, None, closed="left")],
        "order": [Interval(Real, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def sliced_wasserstein_distance(
    X_source, X_target, *, n_projections=100, order=2, random_state=None
):
    """Return the sliced Wasserstein distance of two domains.

    ``(mean over directions θ of W_p(θᵀx, θᵀy)^p)^(1/p)`` with directions drawn evenly
    from the sphere and W_p the Wasserstein distance of order p on a line, exact also
    where the domains differ in size [1]_.

    Parameters
    ----------
    X_source : array-like of shape (n_source, n_features)
        Rows, or features of rows, of one domain; at least two.
    X_target : array-like of shape (n_target, n_features)
        The same of the other domain.
    n_projections : int, default=100
        Number of directions; the error falls with its square root.
    order : float, default=2
        The p above, 1 or more.
    random_state : int, RandomState instance or None, default=None
        Draws the directions.

    Returns
    -------
    distance : float
        0 or more, in the units of the features: the root is taken. Biased upwards:
        two samples of one distribution are not at 0 until there are many rows.

    Raises
    ------
    ValueError
        If there are fewer than two rows, NaN, or different numbers of features.

    References
    ----------
    .. [1] N. Bonneel, J. Rabin, G. Peyré, H. Pfister, "Sliced and Radon Wasserstein
       barycenters of measures", Journal of Mathematical Imaging and Vision, 2015.

    Examples
    --------
    >>> from sktransfer.metrics import sliced_wasserstein_distance
    >>> print(sliced_wasserstein_distance([[0.0], [1.0]], [[3.0], [4.0]]))
    3.0
    """
    X_source, X_target = _check_domains(X_source, X_target)
    directions = check_random_state(random_state).normal(
        size=(X_source.shape[1], n_projections)
    )
    directions /= np.linalg.norm(directions, axis=0)
    share, source, target = _merge_quantiles(
        np.sort(X_source @ directions, axis=0), np.sort(X_target @ directions, axis=0)
    )
    powers = share @ np.abs(source - target) ** order
    return float(powers.mean() ** (1 / order))


def _merge_quantiles(source, target):
    """Return both quantile functions on the steps of either, and the steps' shares.

    Steps are counted in units of 1 / (n m), so that no rounding can split one.
    """
    n, m = len(source), len(target)
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    share = np.diff(edges) / (n * m)
    return share, source[edges[:-1] // m], target[edges[:-1] // n]


def _check_domains(X_source, X_target, min_rows=2):
    """Return both tables in float64 after a check that they can be compared."""
    X_source, X_target = (
        check_array(X, dtype=np.float64, ensure_min_samples=min_rows, input_name=name)
        for name, X in (("X_source", X_source), ("X_target", X_target))
    )
    if X_source.shape[1] != X_target.shape[1]:
        raise ValueError(
            f"X_source has {X_source.shape[1]} features and X_target "
            f"{X_target.shape[1]}; they must be the same ones."
        )
    return X_source, X_target
