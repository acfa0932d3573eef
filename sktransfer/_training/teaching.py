"""What a student hears of its teachers, batch by batch."""

import copy
from typing import NamedTuple

import torch
from torch import nn

from .._utils.messages import first_line
from .batches import validation_batches


class Said(NamedTuple):
    """What teachers make of some rows.

    Attributes
    ----------
    logits : Tensor (n, n_classes)
        In the order of the student's classes, up to a constant in each row.
    features : Tensor (n, n_features) or None
    """

    logits: torch.Tensor
    features: torch.Tensor | None

    def to(self, *args):
        """Return the same on another device or in another precision."""
        return Said(*(None if t is None else t.to(*args) for t in self))


class WrittenTeachers(NamedTuple):
    """Teachers whose words on all rows were written down before the training."""

    said: Said

    def __call__(self, batch):
        """Return what was `Said` of the rows of a batch."""
        return Said(*(None if t is None else t[batch.numbers] for t in self.said))


class LiveTeachers:
    """Nets that look at the batches themselves: frozen copies in evaluation mode.

    Parameters
    ----------
    nets : list of nn.Module
        From raw inputs to an `Output`, or to logits and features.
    columns : list of ndarray of int
        For each, the columns of its logits that are the student's classes.
    """

    def __init__(self, nets, columns, device):
        self.nets = [frozen_copy(net, device) for net in nets]
        self.columns = [torch.from_numpy(numbers).to(device) for numbers in columns]

    def __call__(self, batch):
        """Return what is `Said` of the inputs of a batch."""
        with torch.no_grad():
            outputs = [net(batch.inputs) for net in self.nets]
        pairs = zip(outputs, self.columns, strict=True)
        return agreed([Said(out[0][:, columns], out[1]) for out, columns in pairs])


class ForeignNet(nn.Module):
    """A module of the caller's, on raw batches.

    It gets what the student's net gets before normalisation: floats, images in 0 to 1.

    Parameters
    ----------
    module : nn.Module
        From floats to logits, or to a pair of logits and features.
    preprocessing : ImagePreprocessing or None
        Of the student; None for tables.
    """

    def __init__(self, module, preprocessing):
        super().__init__()
        self.module, self.preprocessing = module, preprocessing

    def forward(self, inputs):
        """Return logits and features, which may be None."""
        if self.preprocessing is not None:
            if not self.preprocessing.fits(inputs):
                inputs = self.preprocessing.views(inputs)[0]
            if not inputs.is_floating_point():
                inputs = inputs.float() / 255
        output = self._asked(inputs)
        output = output if isinstance(output, tuple) else (output,)
        logits, features = (*output, None)[:2]
        _check_returned(logits, features, len(inputs))
        return logits, features

    def _asked(self, inputs):
        like = next(self.module.parameters(), inputs)
        try:
            return self.module(inputs.to(like.dtype))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, TypeError) as error:
            raise ValueError(
                f"teacher: the {type(self.module).__name__} cannot compute a batch of "
                f"shape {tuple(inputs.shape)} ({first_line(error)}). It gets what "
                "the student's net gets before normalisation: wrap it in a module "
                "that turns that into its own input."
            ) from error


def _check_returned(logits, features, n_rows):
    """Refuse what a module of the caller's returned if it is not one for each row."""
    for name, value in {"logits": logits, "features": features}.items():
        if value is None and name == "features":
            continue
        shape = getattr(value, "shape", None)
        if isinstance(value, torch.Tensor) and shape[:1] == (n_rows,):
            continue
        kind = type(value).__name__ if shape is None else f"shape {tuple(shape)}"
        raise TypeError(
            f"teacher: of {n_rows} rows the module returned {name} of {kind}, not a "
            f"tensor ({n_rows}, n). Wrap it in a module that returns logits, or a "
            "tuple of logits and features."
        )


def frozen_copy(net, device):
    """Return a copy of `net` that never changes, in evaluation mode."""
    return copy.deepcopy(net).to(device).eval().requires_grad_(False)


def agreed(said):
    """Return what several teachers say: their mean probabilities, all features."""
    if len(said) == 1:
        return said[0]
    mean = torch.stack([each.logits.softmax(1) for each in said]).mean(0)
    logits = mean.clamp_min(torch.finfo(mean.dtype).tiny).log()
    features = [each.features for each in said]
    known = all(each is not None for each in features)
    return Said(logits, torch.cat(features, 1) if known else None)


def write_down(net, inputs, *, backbone, config):
    """Return what a net says of all rows, batched as `backbone` wants them."""
    teacher = frozen_copy(net, config.device)
    unknown = torch.zeros(len(inputs), dtype=torch.int64)
    rows = inputs, unknown, None
    with torch.no_grad():
        batches = validation_batches(*rows, backbone=backbone, config=config)
        parts = [teacher(batch.inputs) for batch in batches]
    logits, features = zip(*parts, strict=True)
    known = features[0] is not None
    return Said(torch.cat(logits), torch.cat(features) if known else None)
