"""The shared training parameters of every estimator, read once."""

from dataclasses import dataclass, fields
from typing import Any

from .._utils.device import resolve_device

# A pretrained net of images or texts needs fewer steps, and each of them costs more.
AUTO_STEPS = 300
AUTO_STEPS_PRETRAINED = 100
AUTO_EPOCHS = (10, 100)


@dataclass(frozen=True)
class TrainingConfig:
    """What the layers below an estimator know of its parameters."""

    max_epochs: Any
    batch_size: int
    lr: Any
    backbone_lr_ratio: Any
    lr_schedule: str
    optimizer: Any
    weight_decay: float | None
    early_stopping: bool
    n_iter_no_change: int
    precision: str
    compile: bool
    device: Any
    num_workers: int | None
    callbacks: Any
    verbose: int
    from_scratch: bool

    @classmethod
    def of(cls, estimator, from_scratch):
        """Read the parameters of `estimator` by name.

        `from_scratch`: the backbone began with random weights, so that there is
        nothing in it to be careful with.
        """
        own = ("device", "from_scratch")
        names = [field.name for field in fields(cls) if field.name not in own]
        return cls(
            **{name: getattr(estimator, name) for name in names},
            device=resolve_device(estimator.device),
            from_scratch=from_scratch,
        )

    def epochs(self, n_batches, modality, n_steps=None):
        """Return the number of epochs; "auto" aims at a number of optimizer steps.

        `n_steps`: that number, if it is not the one for fitting labels.
        """
        if self.max_epochs != "auto":
            return self.max_epochs
        if n_steps is None:
            careful = modality != "table" and not self.from_scratch
            n_steps = AUTO_STEPS_PRETRAINED if careful else AUTO_STEPS
        fewest, most = AUTO_EPOCHS
        return min(most, max(fewest, -(-n_steps // n_batches)))
