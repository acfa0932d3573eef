"""What a method lets learn."""

from sklearn.base import BaseEstimator
from torch import nn

_NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LayerNorm,
)


class Learning(BaseEstimator):
    """Freeze what a method leaves alone.

    A picklable callable, since it stays with the fitted net.

    Parameters
    ----------
    trains : {"all", "backbone", "norms", "nothing"}
        "norms" are scale and shift of the norm layers, or, in a net without any, the
        biases of the backbone.
    """

    def __init__(self, trains):
        self.trains = trains

    def __call__(self, module, progress=1.0):
        """Freeze parts of `module`."""
        if self.trains == "backbone":
            module.freeze((module.head,))
        elif self.trains == "norms":
            _freeze_all_but_norms(module)
        else:
            module.freeze(())


def check_learning(module, method):
    """Refuse a method that adapts what the backbone does not have."""
    if method.trains == "nothing":
        return
    Learning(method.trains)(module)
    if any(parameter.requires_grad for parameter in module.parameters()):
        return
    what = "norm layers or biases" if method.trains == "norms" else "parameters"
    raise ValueError(
        f"method: {type(method).__name__} trains {what} of the backbone, but "
        f"{module.backbone.name!r} has none. Take a method that trains the head too, "
        "such as 'mcc', or another backbone."
    )


def _freeze_all_but_norms(module):
    leaves = [m for m in module.modules() if next(m.children(), None) is None]
    norms = [m for m in leaves if isinstance(m, _NORMS)]
    if norms:
        module.freeze([m for m in leaves if not isinstance(m, _NORMS)])
        learning = {p for norm in norms for p in norm.parameters()}
        for parameter in module.parameters():  # those of containers, too
            parameter.requires_grad_(parameter in learning)
        return
    module.freeze((module.backbone, module.head))
    for name, parameter in module.backbone.named_parameters():
        if name.rpartition(".")[2].startswith("bias"):  # of an LSTM "bias_ih_l0"
            parameter.requires_grad_(True)
