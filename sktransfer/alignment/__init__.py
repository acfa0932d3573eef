"""Alignment: transformers that map the rows of a source onto those of a target.

`DomainAligner` is imported from `sktransfer` too. No deep-learning framework is needed.
"""

from ._aligner import DomainAligner
from ._base import AlignmentMethod
from ._coral import CORAL
from ._subspaces import TCA, SubspaceAlignment
from ._transport import OptimalTransport

__all__ = [
    "CORAL",
    "TCA",
    "AlignmentMethod",
    "DomainAligner",
    "OptimalTransport",
    "SubspaceAlignment",
]
