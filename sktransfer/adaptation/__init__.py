"""Methods that adapt a net from one domain to another."""

from .._utils.lazy import lazy_names

_HOMES = {
    "AFN": "._norms",
    "BNM": "._entropy",
    "CDAN": "._adversarial",
    "DAN": "._moments",
    "DANN": "._adversarial",
    "IM": "._entropy",
    "JAN": "._moments",
    "MCC": "._entropy",
    "MCD": "._alternating",
    "MDD": "._adversarial",
    "SHOT": "._self_training",
    "TENT": "._statistics",
    "WDGRL": "._alternating",
    "ADDA": "._alternating",
    "AdaBN": "._statistics",
    "AdaptationMethod": "._base",
    "DeepCORAL": "._moments",
    "DeepJDOT": "._transport",
    "DomainBatch": "._base",
    "FixMatch": "._self_training",
    "Joint": "._supervised",
    "SourceOnly": "._supervised",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
