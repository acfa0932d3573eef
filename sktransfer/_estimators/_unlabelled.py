"""What the self-supervised pretrainer does inside `fit`."""

import warnings

from ..exceptions import RandomWeightsWarning
from ._base import reproducible
from ._checks import check_lr_ratio
from ._net import NetEstimator
from ._set_aside import set_aside


class UnlabelledNetEstimator(NetEstimator):
    """Trains a backbone on rows without labels."""

    def _fit(self, X, X_val):
        """Train a net, or go on with the fitted one, and keep it."""
        from .._training.pretrain import pretrain, unlabelled

        check_lr_ratio(self.backbone_lr_ratio)
        go_on = self.warm_start and hasattr(self, "net_")
        train = unlabelled(self._read(X, reset=not go_on))
        validation = self._validation_rows(X_val)
        with reproducible(self, train.inputs.kind) as seed:
            if self.early_stopping and validation is None:
                train, validation = set_aside(train, self.validation_fraction, seed)
            net = self._build_net(train, seed, go_on)
            pretrain(net, train, validation, augment=self.augment, seed=seed)
        self.net_, self.objective_ = net, net.objective
        return self

    def _validation_rows(self, X_val):
        from .._training.pretrain import unlabelled

        if X_val is None:
            return None
        try:
            return unlabelled(self._read(X_val, reset=False))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In X_val: {error}") from error

    def _build_net(self, train, seed, go_on):
        """Return a net to train: a new one, or one that goes on from the fitted."""
        from .._training.config import TrainingConfig
        from .._training.pretrain import continued_net, new_net
        from ..pretraining._resolve import resolve_objective

        objective = resolve_objective(self.objective, self._input_modality)
        self._check_objective(objective, go_on)
        how = {"augment": self.augment, "seed": seed}
        if go_on:
            before = self.net_
            config = TrainingConfig.of(self, from_scratch=before.config.from_scratch)
            return continued_net(before, train, objective, config, **how)
        with warnings.catch_warnings():  # random weights are there to be trained
            warnings.simplefilter("ignore", RandomWeightsWarning)
            backbone = self._new_backbone(train.inputs)
        self.weights_ = backbone.weights
        config = TrainingConfig.of(self, from_scratch=not backbone.pretrained)
        return new_net(backbone, train, objective, config, **how)

    def _check_objective(self, objective, go_on):
        name = type(objective).__name__
        if go_on and type(objective) is not type(self.objective_):
            raise ValueError(
                f"warm_start=True goes on with {type(self.objective_).__name__}, but "
                f"objective={self.objective!r} is {name}. To change it, pass "
                "backbone=fitted.backbone_ to a new pretrainer."
            )
        if self.compile and objective.differentiates:
            raise ValueError(
                f"compile=True: a compiled backbone has no second derivative, which "
                f"{name} needs. Use compile=False."
            )

    def _read(self, X, reset):
        """Read `X`, remembering how images are laid out, for the way back."""
        inputs = super()._read(X, reset)
        if inputs.kind == "text":
            raise ValueError(
                f"{type(self).__name__} trains on tables and images, not on texts. "
                "Take a backbone of texts as it is, or fine-tune it."
            )
        if reset and inputs.kind != "table":
            from .._inputs.layout import Layout

            self._layout = Layout.of(X, self.input_shape, inputs.channels)
        return inputs
