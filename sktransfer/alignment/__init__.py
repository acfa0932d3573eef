"""Alignment: transformers that map the rows of a source onto those of a target.

`DomainAligner` is imported from `sktransfer` too. No deep-learning framework is needed.
"""

from .._utils.lazy import lazy_names

_HOMES = {
    "CORAL": "._coral",
    "TCA": "._subspaces",
    "AlignmentMethod": "._base",
    "DomainAligner": "._aligner",
    "OptimalTransport": "._transport",
    "SubspaceAlignment": "._subspaces",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
