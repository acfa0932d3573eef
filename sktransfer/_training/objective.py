"""What training minimises: the task loss and a regularizer."""

import copy

import torch


class Objective:
    """Weighted mean of the task loss, plus the penalty of a regularizer.

    Parameters
    ----------
    loss : object with `loss(outputs, y, class_weight)` giving one value a row
    class_counts : Tensor (n_classes,) or None
        Weighted number of training rows of each class.
    regularizer : object with `penalty(output, module, source, inputs)`, or None
    source : Backbone or None
        Where the training started, frozen; for the regularizer.
    """

    def __init__(self, loss, class_counts=None, regularizer=None, source=None):
        self.loss = loss
        self.class_counts = class_counts
        self.regularizer = regularizer
        self.source = source
        # Of the class itself: a subclass may have redefined `loss` alone.
        self._fused = "mean_loss" in vars(type(loss))

    @property
    def needs_maps(self):
        """Whether the regularizer wants the feature maps of every stage."""
        return getattr(self.regularizer, "needs_maps", False)

    def task_loss(self, logits, batch):
        """Return the weighted mean of the loss over the rows of `batch`."""
        logits = at_least_float32(logits)
        if self._fused and batch.weight is None and batch.y.ndim == 1:
            return self.loss.mean_loss(logits, batch.y)
        losses = self.row_losses(logits, batch.y)
        if batch.weight is None:
            return losses.mean()
        return (losses * batch.weight).sum() / batch.weight.sum()

    def row_losses(self, logits, y):
        """Return the loss of each row."""
        if y.dtype == torch.int64 or self.class_counts is None:
            return self.loss.loss(logits, y, self.class_counts)
        # Mixed labels (mixup, cutmix) belong to two classes, with weights.
        shares, classes = y.topk(2, dim=1)
        classes = torch.where(shares > 0, classes, classes[:, :1])
        pairs = zip(shares.T, classes.T, strict=True)
        return sum(s * self.loss.loss(logits, c, self.class_counts) for s, c in pairs)

    def penalty(self, output, module, batch):
        """Return the penalty of the regularizer."""
        return self.regularizer.penalty(output, module, self.source, batch)

    def without_regularizer(self):
        """Return a copy for training in which the backbone takes no part."""
        bare = copy.copy(self)
        bare.regularizer = bare.source = None
        return bare


def at_least_float32(tensor):
    """Return `tensor` in the precision that losses are computed in."""
    half = tensor.dtype in (torch.bfloat16, torch.float16)
    return tensor.float() if half else tensor


def check_scalar(value, method):
    """Refuse a loss of `method` that is no scalar tensor."""
    if not isinstance(value, torch.Tensor) or value.ndim:
        tensor = isinstance(value, torch.Tensor)
        shape = value.shape if tensor else repr(value)
        cure = "take the mean over rows" if tensor else "compute it with torch"
        raise TypeError(
            f"{type(method).__name__}.loss must return a scalar tensor, not {shape}: "
            f"{cure}."
        )
