"""Who takes part, and with which methods; libraries are imported when they are run."""

from importlib import import_module
from importlib.util import find_spec

LOOPS = ("source_only", "deepcoral", "dan", "dann", "mcc")
OURS = (
    "default",
    *("source_only", "dann", "cdan", "adda", "dan", "jan", "deepcoral", "mcd", "mdd"),
    *("mcc", "bnm", "im", "wdgrl", "deepjdot", "afn", "fixmatch", "adabn"),
    *("mcc+fixmatch", "im+fixmatch", "cdan+mcc+fixmatch"),
)
SKADA = (
    *("source_only", "deepcoral", "dan", "dann", "cdan", "mdd", "mcc", "deepjdot"),
)
PYTORCH_ADAPT = (
    *("source_only", "deepcoral", "dan", "dan_quadratic", "jan", "jan_quadratic"),
    *("dann", "cdan", "cdan+e", "mcd", "adda", "afn", "bnm", "mcc", "im"),
)
# name: the package it needs, the module here, its settings, its methods
CONTESTANTS = {
    "by hand": ("torch", "by_hand", {}, LOOPS),
    "by hand, with figures": ("torch", "by_hand", {"reports": True}, LOOPS),
    "sktransfer": ("sktransfer", "by_sktransfer", {}, OURS),
    "skada": ("skada", "by_skada", {}, SKADA),
    "skada, mended": (
        "skada",
        "by_skada",
        {"mended": True},
        ("dann", "cdan", "mdd", "deepjdot"),
    ),
    "pytorch-adapt": ("pytorch_adapt", "by_pytorch_adapt", {}, PYTORCH_ADAPT),
}


def installed(with_reports):
    """Return the names of the contestants that can run here.

    `with_reports`: also of those that do the same as another one, and report.
    """
    return [
        name
        for name, (package, _, settings, _) in CONTESTANTS.items()
        if find_spec(package) and (with_reports or "reports" not in settings)
    ]


def methods_of(contestant):
    """Return the names of its methods."""
    return CONTESTANTS[contestant][3]


def fit_predict(contestant, task, method, epochs, seed):
    """Return predictions for the held-out rows, and CPU seconds per epoch."""
    _, module, settings, _ = CONTESTANTS[contestant]
    run = import_module(f"{__package__}.{module}").fit_predict
    return run(task, method, epochs, seed, **settings)
