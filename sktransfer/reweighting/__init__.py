"""Instance-based transfer: source rows count by how well they serve the target.

The estimators themselves are imported from `sktransfer`. No deep-learning framework is
imported.
"""

from .._utils.lazy import lazy_names

_HOMES = {
    "KLIEP": "._kernel",
    "KMM": "._kmm",
    "ULSIF": "._kernel",
    "InstanceWeighting": "._base",
    "LogisticWeighting": "._logistic",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
