"""What all estimators that train a net share: its rows, what is fitted, outputs."""

import numpy as np
from sklearn.utils.validation import check_consistent_length

from ._base import BackboneEstimator, warn_if_truncated
from ._checks import check_weight


class NetEstimator(BackboneEstimator):
    """Reads rows for a net and tells of the fitted net.

    A subclass says what is learnt: `_checked_target`, `_encode`, `_count`,
    `_weigh_classes`, `_with_class_weight`.
    """

    @property
    def backbone_(self):
        """The fitted backbone."""
        return _of_net(self, "backbone_").module_.backbone

    @property
    def history_(self):
        """Losses and, for classifiers, accuracies of each epoch."""
        return _of_net(self, "history_").history

    @property
    def n_epochs_(self):
        """Number of epochs that were trained."""
        return len(_of_net(self, "n_epochs_").history)

    def _new_backbone(self, inputs, *args, **kwargs):
        backbone = super()._new_backbone(inputs, *args, **kwargs)
        warn_if_truncated(inputs, backbone)
        return backbone

    def _outputs(self, X):
        """Return what the head makes of the features, an array (n, n_outputs)."""
        return self._outputs_of(self.features(X))

    def _outputs_of(self, features):
        import torch

        head = self.net_.module_.head
        parameter = next(head.parameters())
        with torch.inference_mode():
            return head(torch.from_numpy(features).to(parameter)).cpu().numpy()

    def _rows(self, X, y, sample_weight, reset, count=None):
        """Return checked rows; those of weight zero are left out.

        `count`: "anew" or "more" if the classes of these rows are to be counted.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        inputs = self._read(X, reset=reset)
        check_consistent_length(inputs, y)
        weight = check_weight(sample_weight, len(inputs))
        kept = slice(None) if weight is None else np.flatnonzero(weight)
        y = self._checked_target(y)[kept]
        if weight is not None:
            inputs, weight = inputs.take(kept), weight[kept]
        return self._encoded_rows(inputs, y, weight, reset, count)

    def _encoded_rows(self, inputs, y, weight, reset, count):
        import torch

        from .._training.fit import Rows

        target = self._encode(y, weight, reset)
        if count == "anew":
            self._weigh_classes(y, weight)
        if count is not None:
            self._count(target, weight, more=count == "more")
        weight = self._with_class_weight(target, weight)
        target = torch.as_tensor(target)
        dtype = float_dtype(inputs)
        if target.is_floating_point():
            target = target.to(dtype)
        return Rows(
            inputs,
            target,
            None if weight is None else torch.as_tensor(weight).to(dtype),
        )

    def _validation_rows(self, X_val, y_val, sample_weight_val):
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        names = [name for name, value in given.items() if value is not None]
        if not names:
            return None
        if X_val is None or y_val is None:
            raise ValueError(
                f"Of the validation data only {names} were given: pass X_val and y_val "
                "or neither."
            )
        try:
            return self._rows(X_val, y_val, sample_weight_val, reset=False)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In X_val, y_val, sample_weight_val: {error}") from error


def _of_net(estimator, name):
    """Return the fitted net, or say that `name` does not exist yet."""
    if "net_" not in vars(estimator):
        raise AttributeError(
            f"{type(estimator).__name__} has no {name!r} before it is fitted."
        )
    return estimator.net_


def float_dtype(inputs):
    """Return the torch dtype in which a net computes on `inputs`."""
    import torch

    double = inputs.kind == "table" and inputs.array.dtype == np.float64
    return torch.float64 if double else torch.float32
