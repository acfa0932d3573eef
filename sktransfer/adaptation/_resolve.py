"""From the parameter `method` to methods of one's own."""

import inspect
from difflib import get_close_matches
from importlib import import_module

from sklearn.base import clone

from ._base import AdaptationMethod

NAMES = {
    "source_only": "SourceOnly",
    "joint": "Joint",
    "dann": "DANN",
    "cdan": "CDAN",
    "adda": "ADDA",
    "dan": "DAN",
    "jan": "JAN",
    "deepcoral": "DeepCORAL",
    "mcd": "MCD",
    "mdd": "MDD",
    "mcc": "MCC",
    "bnm": "BNM",
    "im": "IM",
    "wdgrl": "WDGRL",
    "deepjdot": "DeepJDOT",
    "afn": "AFN",
    "fixmatch": "FixMatch",
    "shot": "SHOT",
    "adabn": "AdaBN",
    "tent": "TENT",
}


# What won on tasks that took no part in the choice: see benchmarks/adaptation.py.
# Texts have no views, and were not measured.
_AUTO = {"image": ["cdan", "mcc", "fixmatch"], "table": ["cdan"], "text": ["cdan"]}


def resolve_methods(method, modality=None):
    """Return the methods that a name, an object or a list of these stands for.

    They are copies, free to keep what they find out in training. "auto" goes by
    `modality`, "image", "table" or "text".

    Raises
    ------
    ValueError or TypeError
        If a name is unknown, something is no method, or one that is no loss is among
        several.
    """
    if isinstance(method, str) and method == "auto":
        method = _AUTO[modality]
    several = isinstance(method, (list, tuple))
    methods = [_resolve(part) for part in (method if several else [method])]
    if not methods:
        raise ValueError("method=[] is empty: name at least one, or 'source_only'.")
    alone = [m for m in methods if not m.composes]
    if len(methods) > 1 and alone:
        raise ValueError(
            f"method={method!r} combines {type(alone[0]).__name__} with others, but it "
            "is no loss that could be added to them. Use it alone."
        )
    strengths = {m.noise for m in methods if m.needs_views}
    if len(strengths) > 1:
        raise ValueError(
            f"method={method!r} has methods of different noise, {sorted(strengths)}, "
            "but the views of a batch are made once. Give them the same."
        )
    for each in methods:
        if hasattr(each, "_parameter_constraints"):
            each._validate_params()
    return methods


def _resolve(part):
    if isinstance(part, str):
        if part not in NAMES:
            near = get_close_matches(part.lower(), NAMES, n=1)
            meant = f": did you mean {near[0]!r}?" if near else "."
            raise ValueError(
                f"method={part!r} is not known{meant} Choose from {sorted(NAMES)} or "
                "'auto', or pass an object of sktransfer.adaptation."
            )
        return getattr(import_module(__package__), NAMES[part])()
    if isinstance(part, type):
        raise TypeError(
            f"method={part.__name__} is a class: pass an instance, {part.__name__}()."
        )
    if not isinstance(part, AdaptationMethod):
        raise TypeError(
            f"method={part!r} is neither a name nor an AdaptationMethod. Choose from "
            f"{sorted(NAMES)}, or derive from sktransfer.adaptation.AdaptationMethod."
        )
    _check_loss(part)
    return clone(part)


def _check_loss(method):
    """Refuse a method that would silently train on the labels alone."""
    kind = type(method)
    has_loss = kind.loss is not AdaptationMethod.loss
    learns = method.needs_target and method.trains != "nothing"
    if learns and not (has_loss or callable(method.step)):
        raise TypeError(
            f"method={method!r} has no loss: define loss(self, batch, aux) in "
            f"{kind.__name__}, which returns a scalar."
        )
    try:
        inspect.signature(method.loss).bind(None, None)
    except TypeError as error:
        raise TypeError(
            f"{kind.__name__}.loss is called as loss(batch, aux), and does not take "
            f"these ({error}): define loss(self, batch, aux)."
        ) from error
