"""What each strategy trains, and when."""

from sklearn.base import BaseEstimator

from ._lora import is_adapter

# Below this many rows a convex head on features beats training on a CPU by time, and
# does not lose in accuracy.
_SMALL = 2000


def _is_bias(name):
    return name.endswith("bias")  # of attention too: "in_proj_bias"


# Strategies that train parameters by name, not whole stages.
_BY_NAME = {"bitfit": _is_bias, "lora": is_adapter}


class Freezing(BaseEstimator):
    """Freeze what a strategy leaves alone, by progress through the epochs.

    A picklable callable, since it stays with the fitted net.
    """

    def __init__(self, strategy, n_trainable_stages=1):
        self.strategy = strategy
        self.n_trainable_stages = n_trainable_stages

    def __call__(self, module, progress=1.0):
        """Freeze parts of `module` for an epoch that begins at `progress` in 0 to 1."""
        if self.strategy in _BY_NAME:
            return self._some_parameters(module, _BY_NAME[self.strategy])
        first = self._first_trainable_stage(len(module.backbone.stages), progress)
        if first == 0:
            return module.freeze(())
        if first == len(module.backbone.stages):
            return module.freeze((module.backbone,))
        return module.freeze(module.backbone.stages[:first])

    def _first_trainable_stage(self, n_stages, progress):
        if self.strategy == "linear_probe":
            return n_stages
        if self.strategy == "partial":
            return n_stages - min(self.n_trainable_stages, n_stages)
        if self.strategy == "gradual":
            # n_stages + 1 spans of equal length: the head alone, then a stage more each
            return n_stages - min(int(progress * (n_stages + 1)), n_stages)
        return 0

    def _some_parameters(self, module, is_trained):
        module.freeze((module.backbone,))
        for name, parameter in module.backbone.named_parameters():
            if is_trained(name):
                parameter.requires_grad_(True)


def pick_strategy(strategy, *, backbone, n_samples, head, augment, device):
    """Return the strategy that "auto" stands for.

    From random weights everything has to be trained. A small data set on a CPU gets
    a convex head on features that are computed once; everything else trains from
    that head on (LP-FT), which keeps the features while the head is still wrong.
    """
    if strategy != "auto":
        return strategy
    if not backbone.pretrained or head != "linear":
        return "full"
    slow = backbone.modality != "table" and device.type == "cpu"
    if slow and n_samples < _SMALL and augment is None:
        return "linear_probe"
    return "lp_ft"
