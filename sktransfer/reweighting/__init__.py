"""Instance-based transfer: source rows count by how well they serve the target.

The estimators themselves are imported from `sktransfer`. No deep-learning framework is
imported.
"""

from ._base import InstanceWeighting
from ._kernel import KLIEP, ULSIF
from ._kmm import KMM
from ._logistic import LogisticWeighting

__all__ = ["KLIEP", "KMM", "ULSIF", "InstanceWeighting", "LogisticWeighting"]
