"""The transformer that maps source rows onto the target."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from .._utils.fitting import restores_on_failure
from .._utils.sample_domain import check_sample_domain, read_domains


class DomainAligner(TransformerMixin, BaseEstimator):
    """Map the rows of a source domain onto those of a target.

    A model that is fitted on mapped source rows works where their labels do not reach:
    in the target. `fit_transform` maps the rows of each domain as `sample_domain` says;
    `transform` takes rows for target rows unless it is told otherwise.

    Parameters
    ----------
    method : str or AlignmentMethod, default="coral"
        How to align, by name or as an object of :mod:`sktransfer.alignment`.

        - "coral": means and covariances;
        - "subspace": principal axes;
        - "tca": components of a kernel with means that are near to one another;
        - "ot": optimal transport, row by row (extra "ot").
    target_domain : int, default=None
        The target, where `sample_domain` does not say so by unlabelled rows.

    Attributes
    ----------
    method_ : AlignmentMethod
        The fitted method.
    source_domains_, target_domains_ : ndarray of int
        Which domains each map is for.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    ReweightedClassifier : Fits any classifier on the mapped rows, without the
        unlabelled ones.
    DomainAdaptClassifier : Aligns what a net learns, while it learns.

    Notes
    -----
    The methods compare rows by their distances or covariances: bring columns of
    different units to one scale before, by
    :class:`~sklearn.preprocessing.StandardScaler`.

    Several source domains are mapped as one, and so are several targets. Without a
    target there is nothing to align to: all rows count as rows of both domains.

    Examples
    --------
    A classifier for the target, without a label of it. ``weighting=None`` gives all
    labelled rows the same weight:

    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sktransfer import DomainAligner, ReweightedClassifier
    >>> from sktransfer.datasets import pack_domains
    >>> X, y = load_wine(return_X_y=True)
    >>> X_target, y_target = 1.2 * X[1::2] + 0.8 * X.std(axis=0), y[1::2]
    >>> X, y, sample_domain = pack_domains(X[::2], y[::2], X_target)
    >>> X = StandardScaler().fit_transform(X)
    >>> X_aligned = DomainAligner().fit_transform(X, sample_domain=sample_domain)
    >>> for rows in X, X_aligned:
    ...     model = ReweightedClassifier(weighting=None)
    ...     model = model.fit(rows, y, sample_domain=sample_domain)
    ...     print(f"{model.score(rows[sample_domain < 0], y_target):.2f}")
    0.48
    0.96
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__transform = {"sample_domain": True}
    _parameter_constraints = {
        "method": [str, HasMethods(["map_source"])],
        "target_domain": [Integral, None],
    }

    def __init__(self, method="coral", *, target_domain=None):
        self.method = method
        self.target_domain = target_domain

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_domain=None):
        """Learn the maps of both domains.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of all domains.
        y : array-like of shape (n_samples,), default=None
            Labels; those of source rows serve transports that use them, no other
            method reads them.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Its absolute value is the domain of a row; a negative sign says that it has
            no label: 1 for source rows, -2 for unlabelled and 2 for labelled target
            rows. A domain with unlabelled rows is the target.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If no row is of the source, or a domain has but one row.
        """
        from ._resolve import resolve_method  # slow to import

        method = resolve_method(self.method)
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        check_consistent_length(X, y)
        domains = read_domains(sample_domain, len(X), self.target_domain)
        source, target = np.flatnonzero(~domains.target), np.flatnonzero(domains.target)
        if not len(target):
            if sample_domain is not None:
                _warn_of_no_target()
            target = source
        _check_enough("source", source)
        _check_enough("target", target)
        y_source = None if y is None else np.asarray(y)[source]
        self.method_ = method.fit(X[source], X[target], y_source)
        self.source_domains_ = np.unique(domains.domain[source])
        self.target_domains_ = np.unique(domains.domain[target])
        return self

    def fit_transform(self, X, y=None, sample_domain=None):
        """Learn the maps and return the rows of each domain as its map has them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of all domains.
        y : array-like of shape (n_samples,), default=None
            As in `fit`.
        sample_domain : array-like of int of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            Mapped rows, in float64.
        """
        return self.fit(X, y, sample_domain).transform(X, sample_domain)

    def transform(self, X, sample_domain=None):
        """Map rows: target rows, unless `sample_domain` says otherwise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, those of `fit` or others.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Its absolute value is the domain of a row, one of those of `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            Mapped rows, in float64.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        if sample_domain is None:
            return self.method_.map_target(X)
        source = self._source_mask(sample_domain, len(X))
        parts = [
            (mask, map_rows(X[mask]))
            for mask, map_rows in (
                (source, self.method_.map_source),
                (~source, self.method_.map_target),
            )
            if mask.any()
        ]
        result = np.empty((len(X), parts[0][1].shape[1]))
        for mask, rows in parts:
            result[mask] = rows
        return result

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns that go in; by default those seen in `fit`.

        Returns
        -------
        ndarray of str
            The same names where the method keeps the columns ("coral", "ot"), else
            "domainaligner0" and so on.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if self.method_.keeps_columns:
            return names
        n_columns = self.method_.map_target(np.zeros((1, self.n_features_in_))).shape[1]
        return np.array([f"domainaligner{i}" for i in range(n_columns)], dtype=object)

    def _source_mask(self, sample_domain, n_samples):
        """Return which rows the map of the source is for."""
        domain = np.abs(check_sample_domain(sample_domain, n_samples))
        known = np.union1d(self.source_domains_, self.target_domains_)
        unknown = np.setdiff1d(domain, known)
        if len(unknown):
            raise ValueError(
                f"sample_domain holds domain {unknown[0]}, but fit saw the source "
                f"domains {self.source_domains_.tolist()} and the target domains "
                f"{self.target_domains_.tolist()}: fit on rows of it too, or give it "
                "the number of the domain that it is to be mapped like."
            )
        return np.isin(domain, self.source_domains_)


def _check_enough(part, rows):
    if len(rows) == 0:
        raise ValueError(
            f"No row is of a {part} domain, so that there is nothing to align: in "
            "sample_domain all rows are of domains that have unlabelled rows. Add "
            "labelled source rows, with a positive domain of their own."
        )
    if len(rows) == 1:
        raise ValueError(
            f"The {part} has 1 sample, but an alignment takes two rows or more of each "
            "domain."
        )


def _warn_of_no_target():
    warnings.warn(
        "No row is of a target domain, so that there is nothing to align to: all rows "
        "count as rows of both domains. In sample_domain unlabelled target rows are "
        "negative (pack_domains makes it); target_domain names a target without "
        "unlabelled rows.",
        UserWarning,
        stacklevel=3,
    )
