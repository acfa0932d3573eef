"""Fine-tuning: what the classifier and the regressor share."""

import copy
from dataclasses import replace
from numbers import Integral, Real

from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from ._base import reproducible, restores_on_failure
from ._checks import check_stages, check_training_parameters
from ._net import NetEstimator, float_dtype
from ._parameters import CACHE_CONSTRAINT, TRAINING_CONSTRAINTS
from ._set_aside import set_aside

_STRATEGIES = {"linear_probe", "full", "lp_ft", "gradual", "partial", "bitfit", "lora"}


class FineTuneEstimator(NetEstimator):
    """Fits a backbone and a head by one of the strategies.

    A subclass says what is learnt: `_encode`, `_n_outputs`, `_class_counts`, `_losses`.
    """

    _parameter_constraints = {
        **TRAINING_CONSTRAINTS,
        "strategy": [StrOptions({*_STRATEGIES, "auto"})],
        "regularizer": [
            StrOptions({"l2sp", "delta", "bss"}),
            HasMethods(["penalty"]),
            None,
        ],
        "C": [StrOptions({"cv"}), Interval(Real, 0, None, closed="neither")],
        "n_trainable_stages": [Interval(Integral, 0, None, closed="left")],
        "lora_rank": [Interval(Integral, 1, None, closed="left")],
        "cache": CACHE_CONSTRAINT,
    }

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the backbone and the head.

        Parameters
        ----------
        X : table, images or paths
            Training data: a numeric array or DataFrame (n_samples, n_columns), images
            (n_samples, height, width, channels), channels first or without channels,
            a list of file names or PIL images, or, for a backbone of texts, of texts.
        y : array-like of shape (n_samples,), or (n_samples, n_outputs) for regression
            Labels or targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; rows of weight zero are left out.
        X_val, y_val, sample_weight_val : as above, default=None
            Validation data, for the figures of each epoch and early stopping.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        check_training_parameters(self)
        go_on = self.warm_start and hasattr(self, "net_")
        train = self._rows(X, y, sample_weight, reset=not go_on, count="anew")
        validation = self._validation_rows(X_val, y_val, sample_weight_val)
        with reproducible(self, train.inputs.kind) as seed:
            net = self._continued_net() if go_on else self._new_net(train)
            if self.early_stopping and validation is None and self._has_epochs():
                train, validation = set_aside(train, self.validation_fraction, seed)
            self._run(net, train, validation, seed)
        return self._finish(net)

    def _has_epochs(self):
        """Whether there is training to stop, not only a head to solve."""
        solved = self.strategy_ == "linear_probe" and self.head == "linear"
        return not solved or self.augment is not None

    def _fit_one_epoch(self, X, y, sample_weight):
        """Train one more epoch, on a copy of the net."""
        from .._training.finetune import scale_features
        from .._training.fit import fit_net

        check_training_parameters(self)
        if self.early_stopping:
            raise ValueError(
                "early_stopping=True needs validation rows, which partial_fit does "
                "not have. Use fit, or early_stopping=False."
            )
        if self.strategy == "lora":
            raise ValueError(
                "strategy='lora' has no partial_fit: its adapters become part of the "
                "weights at the end of fit. Use fit with warm_start=True."
            )
        first = not hasattr(self, "net_")
        count = "anew" if first else "more"
        train = self._rows(X, y, sample_weight, reset=first, count=count)
        with reproducible(self, train.inputs.kind) as seed:
            if first:
                net = self._new_net(train)
                scale_features(net, train, self._features_by(net))
            else:
                net = self._copied_net()
            net.objective = self._counted(net.objective)
            seed += len(net.history)
            fit_net(net, train, augment=self.augment, seed=seed, one_epoch=True)
        self.C_ = None
        return self._finish(net)

    def _finish(self, net):
        """Keep the trained net; its backbone is worth passing on."""
        from ..finetuning._lora import merge_adapters

        backbone = net.module_.eval().backbone
        if self.strategy_ == "lora":
            merge_adapters(backbone)
        if self.strategy_ != "linear_probe":
            backbone.weights = f"{self.weights_}, fine-tuned"
            backbone.pretrained = True
        self.net_ = net
        return self

    def _new_net(self, train):
        """Return an untrained net, with a fresh backbone and the picked strategy."""
        from .._training.head import build_head
        from .._training.module import TransferModule
        from ..finetuning._strategies import pick_strategy

        backbone = self._new_backbone(train.inputs, train.weight)
        self.weights_ = backbone.weights
        config = self._config(from_scratch=not backbone.pretrained)
        self.strategy_ = pick_strategy(
            self.strategy,
            backbone=backbone,
            n_samples=len(train.y),
            head=self.head,
            augment=self.augment,
            device=config.device,
        )
        check_stages(self, len(backbone.stages))
        dtype = float_dtype(train.inputs)
        head = build_head(
            self.head, backbone, self._n_outputs, dtype, backbone.pretrained
        )
        objective = self._objective(backbone, config.device, dtype)
        module = TransferModule(backbone, head, returns_maps=objective.needs_maps)
        return self._built_net(module, objective, config)

    def _copied_net(self):
        """Return a copy of the fitted net, on the device and at the lr of by now."""
        from .._utils.device import resolve_device

        if self.net_.config.device != resolve_device(self.device):
            return self._continued_net()
        net = copy.deepcopy(self.net_)
        net.change_lr(self.lr)
        return net

    def _continued_net(self):
        """Return a copy of the fitted net, to train by the parameters as they are."""
        before = self.net_
        config = self._config(from_scratch=before.config.from_scratch)
        module = copy.deepcopy(before.module_).freeze(())
        if self.strategy != "auto":
            self.strategy_ = self.strategy
        check_stages(self, len(module.backbone.stages))
        dtype = next(module.head.parameters()).dtype
        source = before.objective.source or module.backbone
        objective = self._objective(source, config.device, dtype)
        module.returns_maps = objective.needs_maps
        net = self._built_net(module, objective, config)
        net.history = copy.deepcopy(before.history)
        return net

    def _config(self, from_scratch):
        from .._training.config import TrainingConfig

        config = TrainingConfig.of(self, from_scratch)
        # adapters begin as zero: they learn as the head does
        lora = self.strategy == "lora"
        return replace(config, backbone_lr_ratio=1.0) if lora else config

    def _built_net(self, module, objective, config):
        from .._training.fit import build_net
        from ..finetuning._lora import add_adapters
        from ..finetuning._strategies import Freezing

        if self.strategy_ == "lora":
            add_adapters(module.backbone, self.lora_rank)
        return build_net(
            module,
            objective,
            config,
            classification=self._class_counts is not None,
            freezing=Freezing(self.strategy_, self.n_trainable_stages),
        )

    def _run(self, net, train, validation, seed):
        from .._training.finetune import fine_tune

        self.C_ = fine_tune(
            net,
            train,
            validation,
            strategy=self.strategy_,
            augment=self.augment,
            C=self.C,
            seed=seed,
            features_of=self._features_by(net),
        )

    def _features_by(self, net):
        """Return what computes features of the backbone as it is before training."""
        backbone = net.module_.backbone
        # with adapters in it, no other fit has the same one
        cache = None if self.strategy_ == "lora" else self.cache
        return lambda inputs: self._features(backbone, inputs, cache=cache)

    def _fitted_cache(self):
        return self.cache if self.strategy_ == "linear_probe" else None

    def _counted(self, objective):
        """Return a copy of `objective` for the rows counted by now."""
        import torch

        objective = copy.copy(objective)
        if self._class_counts is not None:
            counts = torch.as_tensor(self._class_counts)
            objective.class_counts = counts.to(objective.class_counts)
        return objective

    def _objective(self, source, device, dtype):
        """Return what is minimised, with a frozen copy of `source` if one is needed."""
        import torch

        from .._training.objective import Objective
        from ..finetuning._regularizers import L2SP, REGULARIZERS

        regularizer, counts = self.regularizer, self._class_counts
        if isinstance(regularizer, str):
            regularizer = REGULARIZERS[regularizer]()
        if self.strategy_ == "lora" and isinstance(regularizer, L2SP):
            raise ValueError(
                "regularizer='l2sp' keeps weights near the source, which 'lora' does "
                "not change. Use regularizer=None, or 'delta' for feature maps."
            )
        if regularizer is None:
            source = None
        else:
            source = copy.deepcopy(source).requires_grad_(False).eval().to(device)
        if counts is not None:
            counts = torch.as_tensor(counts, dtype=dtype, device=device)
        loss = self._losses()[self.loss]() if isinstance(self.loss, str) else self.loss
        return Objective(loss, counts, copy.deepcopy(regularizer), source)
