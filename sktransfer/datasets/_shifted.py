"""Tables whose source and target differ in a known way."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

_SHARPNESS = 4.0  # of the logits: the best classifier of two classes reaches 92 %


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_informative": [Interval(Integral, 1, None, closed="left")],
        "n_classes": [Interval(Integral, 2, None, closed="left")],
        "shift": [StrOptions({"covariate", "prior", "concept"})],
        "strength": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_shifted_classification(
    n_samples=1000,
    n_features=20,
    *,
    n_informative=10,
    n_classes=2,
    shift="covariate",
    strength=1.0,
    random_state=None,
):
    """Make a source and a target table that differ in one known way.

    In the source, x is standard normal and the class is drawn from a softmax over
    random functions of x, each linear plus quadratic. In the target

    - ``shift="covariate"``: p(x) differs, p(y | x) does not: the mean of x lies
      elsewhere;
    - ``shift="prior"``: p(y) differs, p(x | y) does not: the higher its number, the
      rarer a class becomes;
    - ``shift="concept"``: p(y | x) differs, p(x) does not: the functions are blended
      with others.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows of each domain.
    n_features : int, default=20
        Number of columns.
    n_informative : int, default=10
        Number of columns that the class depends on, the first ones; the others are
        noise. At most `n_features` count.
    n_classes : int, default=2
        Number of classes, about equally frequent in the source.
    shift : {"covariate", "prior", "concept"}, default="covariate"
        What differs.
    strength : float, default=1.0
        How much it differs; 0 is not at all. Covariate: distance of the means, in
        units of two standard deviations. Prior: logarithm of the factor by which a
        class is rarer than the one before it, compared with the source. Concept:
        angle of the blend, in units of 45 degrees, so that at 2 target and source
        have nothing in common.
    random_state : int, RandomState instance or None, default=None
        Draws everything; an int gives the same tables on every call.

    Returns
    -------
    domains : Bunch
        With the attributes

        X_source, X_target : ndarray of float64, shape (n_samples, n_features)
            Rows of each domain.
        y_source, y_target : ndarray of int64, shape (n_samples,)
            Classes 0 to ``n_classes - 1``.

    References
    ----------
    J. G. Moreno-Torres, T. Raeder, R. Alaiz-Rodríguez, N. V. Chawla and F. Herrera, "A
    unifying view on dataset shift in classification", Pattern Recognition, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.datasets import make_shifted_classification
    >>> domains = make_shifted_classification(shift="prior", random_state=0)
    >>> print(np.bincount(domains.y_source), np.bincount(domains.y_target))
    [508 492] [748 252]
    """
    rng = check_random_state(random_state)
    concept, other = rng.standard_normal((2, 2, n_features, n_classes))
    concept[:, n_informative:] = other[:, n_informative:] = 0
    X_source, X_target = rng.standard_normal((2, n_samples, n_features))
    y_source = _draw_classes(_logits(X_source, concept), rng)
    if shift == "covariate":
        X_target += 2 * strength * _unit(concept[1].sum(axis=1))
        y_target = _draw_classes(_logits(X_target, concept), rng)
    elif shift == "concept":
        angle = strength * np.pi / 4
        logits = np.cos(angle) * _logits(X_target, concept)
        logits += np.sin(angle) * _logits(X_target, other)
        y_target = _draw_classes(logits, rng)
    else:
        frequencies = np.bincount(y_source, minlength=n_classes).astype(float)
        frequencies *= np.exp(-strength * np.arange(n_classes))
        y_target = rng.choice(n_classes, n_samples, p=frequencies / frequencies.sum())
        X_target = _draw_rows(y_target, concept, rng)
    return Bunch(
        X_source=X_source, y_source=y_source, X_target=X_target, y_target=y_target
    )


def _unit(vectors):
    """Return each column with norm one."""
    return vectors / np.linalg.norm(vectors, axis=0)


def _logits(X, concept):
    """Return a linear plus a quadratic function of each row for every class."""
    linear, quadratic = (X @ _unit(part) for part in concept)
    return _SHARPNESS * (linear + quadratic**2)


def _draw_classes(logits, rng):
    """Draw from the softmax over each row of `logits`."""
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def _draw_rows(y, concept, rng):
    """Draw a row for each class in `y`, by rejection."""
    X = rng.standard_normal((len(y), concept.shape[1]))
    wrong = _draw_classes(_logits(X, concept), rng) != y
    while wrong.any():
        X[wrong] = rng.standard_normal((wrong.sum(), X.shape[1]))
        drawn = _draw_classes(_logits(X[wrong], concept), rng)
        wrong[wrong] = drawn != y[wrong]
    return X
