"""From rows of two domains to weights, and to an estimator fitted with them."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from ..exceptions import EffectiveSampleSizeWarning
from ._learner import check_learner, fit_with_weights

_FEW_ROWS, _FEW_SHARE = 10, 0.05


class Reweighted:
    """Weights the rows, fits the estimator and predicts by it."""

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "weighting": [str, HasMethods(["weights"]), None],
        "max_weight": [
            Interval(Real, 1, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
        "target_domain": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        weighting="logistic",
        max_weight="auto",
        target_domain=None,
    ):
        self.estimator = estimator
        self.weighting = weighting
        self.max_weight = max_weight
        self.target_domain = target_domain

    def _fit(self, X, y, sample_domain, sample_weight):
        estimator = self._default() if self.estimator is None else self.estimator
        check_learner(estimator, self)
        rows = self._read(X, y, sample_domain, sample_weight)
        weights, counted = self._weights(rows, told=sample_domain is not None)
        labelled = rows.domains.labelled
        self.estimator_ = fit_with_weights(
            estimator,
            rows.X[labelled],
            rows.y[labelled],
            (weights * rows.weight)[labelled],
        )
        self.weights_ = rows.for_all(weights)
        self.effective_sample_size_ = _effective_sample_size(
            weights[counted], rows.weight[counted]
        )
        return self

    def _weights(self, rows, told):
        """Return the weight of each row, and the rows whose effective size counts."""
        from ._resolve import resolve_weighting  # slow to import

        weights, source = rows.domains.labelled.astype(np.float64), rows.source
        if self.weighting is None:
            return weights, rows.domains.labelled
        weighting = resolve_weighting(self.weighting)
        if not (source.any() and rows.domains.target.any()):
            if told:
                _warn_of_one_domain("source" if rows.domains.target.any() else "target")
            return weights, rows.domains.labelled
        counts, target = rows.weight[source], rows.domains.target
        ratio = weighting.weights(
            rows.X[source], rows.X[target], counts, rows.weight[target]
        )
        weights[source] = _clipped(ratio, counts, self.max_weight)
        _warn_of_few(weights[source], counts)
        return weights, source

    def predict(self, X, sample_domain=None):
        """Predict by the fitted estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : ignored
            Taken for the sake of metadata routing.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predicted labels or values.
        """
        X = self._validated(X)
        return self.estimator_.predict(X)


def _clipped(weights, counts, max_weight):
    """Return weights of mean 1, cut at `max_weight` before."""
    if max_weight == "auto":
        # the counts may be weights that add up to 1
        max_weight = np.sqrt(max(counts.sum(), len(counts)))
    cut = np.minimum(weights, np.inf if max_weight is None else max_weight)
    return cut / np.average(cut, weights=counts)


def _effective_sample_size(weights, counts):
    """Return how many equally weighted rows tell as much, after Kish."""
    counts = counts * max(1, len(counts) / counts.sum())  # they may add up to 1
    return float((counts @ weights) ** 2 / (counts @ weights**2))


def _warn_of_few(weights, counts):
    size, n_rows = _effective_sample_size(weights, counts), len(weights)
    if size < max(_FEW_ROWS, _FEW_SHARE * n_rows) and size < n_rows / 2:
        warnings.warn(
            f"The weights make {n_rows} source rows count as {size:.1f} "
            "(effective_sample_size_): few of them resemble target rows, and the fit "
            "rests on these. Take fewer features (a PCA, or no columns that tell the "
            "domains apart without a bearing on y), a smaller max_weight, or smoother "
            "weights (weighting=LogisticWeighting(C=0.01), or a larger bandwidth). "
            "Where the domains hardly overlap, align them, by DomainAligner or "
            "DomainAdaptClassifier, or label target rows, for TrAdaBoostClassifier.",
            EffectiveSampleSizeWarning,
            stacklevel=4,
        )


def _warn_of_one_domain(missing):
    warnings.warn(
        f"No row is of a {missing} domain, so that there is nothing to weight: this is "
        "supervised training on all labelled rows. In sample_domain labelled source "
        "rows are positive and unlabelled target rows negative (pack_domains makes "
        "it); target_domain names a target without unlabelled rows.",
        UserWarning,
        stacklevel=4,
    )
