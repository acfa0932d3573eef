"""What `sample_domain` says of each row."""

from typing import NamedTuple

import numpy as np

from .._utils.sample_domain import check_sample_domain, target_mask


class Domains(NamedTuple):
    """The domain of each row and the part it plays.

    Attributes
    ----------
    domain : ndarray of int
        Number of the domain.
    labelled, target : ndarray of bool
        Whether the label counts; whether the row is of the target.
    """

    domain: np.ndarray
    labelled: np.ndarray
    target: np.ndarray

    def take(self, rows):
        """Return the domains of these rows."""
        return Domains(*(values[rows] for values in self))


def read_domains(sample_domain, n_samples, target_domain=None):
    """Return the `Domains` of the rows.

    Without `sample_domain` all are labelled source rows. Otherwise a domain with an
    unlabelled row is the target, or else the one called `target_domain`.
    """
    if sample_domain is None:
        if target_domain is not None:
            raise ValueError(
                f"target_domain={target_domain} needs sample_domain, the domain of "
                "each row: pass it to fit."
            )
        ones = np.ones(n_samples, dtype=np.int64)
        return Domains(ones, ones > 0, ones < 0)
    sample_domain = check_sample_domain(sample_domain, n_samples)
    domain, labelled = np.abs(sample_domain), sample_domain >= 0
    if target_domain is not None:
        _check_target_domain(target_domain, domain, np.unique(domain[~labelled]))
    return Domains(domain, labelled, target_mask(sample_domain, target_domain))


def _check_target_domain(target_domain, domain, unlabelled):
    if target_domain not in domain:
        raise ValueError(
            f"target_domain={target_domain}, but sample_domain holds the domains "
            f"{np.unique(domain).tolist()}: name one of them."
        )
    others = [name for name in unlabelled.tolist() if name != target_domain]
    if others:
        raise ValueError(
            f"target_domain={target_domain}, but domain {others[0]} has unlabelled "
            "rows too. Drop them, or leave target_domain=None to take both for target."
        )
