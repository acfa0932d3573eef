"""What all label-free scorers of adapted classifiers share."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, column_or_1d
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import _num_samples

from .._utils.sample_domain import check_sample_domain, target_mask


class AdaptationScorer(BaseEstimator):
    """Base of the scorers; higher is better for all of them.

    It is called as scikit-learn calls scorers, and asks metadata routing for
    `sample_domain`. The parameter `target_domain`, which all have, names the target
    where no row is unlabelled.
    """

    # `score` is what metadata routing looks for
    __metadata_request__score = {"estimator": UNUSED, "sample_domain": True}
    _parameter_constraints = {"target_domain": [Integral, None]}

    def __call__(self, estimator, X, y=None, sample_domain=None):
        """Return the score of a fitted `estimator` on `X`."""
        return self.score(estimator, X, y, sample_domain)

    def score(self, estimator, X, y=None, sample_domain=None):
        """Return the score of a fitted `estimator` on `X`, a float."""
        raise NotImplementedError

    def _accept_sample_weight(self):
        """Tell scikit-learn's searches with several scorers that none is taken."""
        return False

    def _target_mask(self, X, sample_domain):
        """Return which rows are the target's."""
        domains = check_sample_domain(sample_domain, _num_samples(X))
        target = target_mask(domains, self.target_domain)
        if not target.any():
            raise ValueError(
                f"{type(self).__name__} found no target row: sample_domain holds "
                f"{np.unique(domains).tolist()}, and target_domain is "
                f"{self.target_domain}. Mark unlabelled target rows by negative "
                "numbers, or name the target as target_domain."
            )
        return target


class TargetScorer(AdaptationScorer):
    """Base of scorers that look at target rows only.

    Without `sample_domain`, as in searches without metadata routing, all rows count as
    target rows; folds of `TargetKFold` hold no others.
    """

    def score(self, estimator, X, y=None, sample_domain=None):
        """Return the score of a fitted `estimator` on the target rows of `X`."""
        self._validate_params()
        if sample_domain is not None:
            X = select_rows(X, self._target_mask(X, sample_domain))
        return float(self._score_target(estimator, X))

    def _score_target(self, estimator, X_target):
        raise NotImplementedError


class SourceScorer(AdaptationScorer):
    """Base of scorers that need labelled source rows beside the target rows.

    Labels of target rows are never read.
    """

    def score(self, estimator, X, y=None, sample_domain=None):
        """Return the score of a fitted `estimator` on the rows of both domains."""
        self._validate_params()
        self._check_given(y, sample_domain)
        target = self._target_mask(X, sample_domain)
        if target.all():
            raise ValueError(
                f"{type(self).__name__} needs labelled source rows beside the target "
                "rows that it scores, and all rows are the target's. Folds of "
                "TargetKFold hold no others: take a StratifiedKFold."
            )
        domains = check_sample_domain(sample_domain, len(target))
        source = ~target & (domains >= 0)  # of another domain labels may be missing
        X_source, X_target = select_rows(X, source), select_rows(X, target)
        y_source = column_or_1d(select_rows(y, source))
        return float(self._score_both(estimator, X_source, y_source, X_target))

    def _score_both(self, estimator, X_source, y_source, X_target):
        raise NotImplementedError

    def _check_given(self, y, sample_domain):
        """Raise if source rows or their labels cannot be told."""
        name = type(self).__name__
        if sample_domain is None:
            raise ValueError(
                f"{name} needs sample_domain, to tell source from target rows. In a "
                "search or cross-validation enable metadata routing, by "
                "sklearn.set_config(enable_metadata_routing=True), and pass "
                "sample_domain to fit, or in `params`."
            )
        if y is None:
            raise ValueError(f"{name} needs y, for the labels of the source rows.")


def select_rows(rows, mask):
    """Return those of `rows` where `mask`, in the container they came in."""
    return _safe_indexing(rows, np.flatnonzero(mask))
