"""Train a module on rows: the one place where nets are built and run."""

import copy
from typing import Any, NamedTuple

import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from torch import nn

from .._inputs import Table
from .batches import training_batches, validation_batches
from .module import TransferModule
from .net import TransferNet


class Rows(NamedTuple):
    """Inputs with encoded targets and weights."""

    inputs: Any
    y: torch.Tensor
    weight: torch.Tensor | None

    def take(self, index):
        """Return the rows at `index`."""
        weight = None if self.weight is None else self.weight[index]
        return Rows(self.inputs.take(index), self.y[index], weight)


class FrozenFeatures(nn.Module):
    """Stands for a backbone whose features were computed before."""

    preprocessing = weights = None

    def __init__(self, modality):
        super().__init__()
        self.modality = modality
        self.stages = nn.ModuleList()

    def forward(self, features, prepared=False):
        """Return the features as they are."""
        return features


def build_net(
    module, objective, config, *, classification, freezing=None, kind=TransferNet
):
    """Return an initialised net of a `kind` around `module`, not trained."""
    return kind(
        module,
        objective,
        config,
        classification=classification,
        freezing=freezing,
        callbacks=_callbacks(config),
        device=config.device,
        verbose=config.verbose,
    ).initialize()


def fit_net(net, rows, validation=None, *, augment=None, seed=0, one_epoch=False):
    """Train `net` on `rows`, watching `validation` rows if there are any.

    `one_epoch`: a single epoch at the peak learning rate.
    """
    config, backbone = net.config, net.module_.backbone
    batches = training_batches(
        *rows,
        backbone=backbone,
        augment=augment,
        n_classes=_n_classes(net),
        config=config,
        seed=seed,
        raw=net.needs_raw,
    )
    held_out = None
    if validation is not None:
        held_out = validation_batches(
            *validation, backbone=backbone, config=config, raw=net.needs_raw
        )
    if one_epoch:
        return net.train(batches, held_out, 1, "constant")
    epochs = config.epochs(len(batches), backbone.modality)
    return net.train(batches, held_out, epochs, config.lr_schedule)


def fit_head(net, features, rows, validation, seed):
    """Train the head of `net` on `features` of the rows; return the history."""
    module = TransferModule(
        FrozenFeatures(net.module_.backbone.modality), net.module_.head
    )
    net = build_net(
        module,
        net.objective.without_regularizer(),
        net.config,
        classification=net.classification,
    )
    train, held_out = features
    rows = rows._replace(inputs=Table(train))
    if validation is not None:
        validation = validation._replace(inputs=Table(held_out))
    return fit_net(net, rows, validation, seed=seed).history


def _n_classes(net):
    counts = net.objective.class_counts
    return None if counts is None else len(counts)


class BestWeights(EarlyStopping):
    """Early stopping that returns to the best epoch, from within a later one too."""

    def on_train_end(self, net, **kwargs):
        """Load the best weights and let go of them."""
        if self.best_model_weights_ is not None:
            net.module_.load_state_dict(self.best_model_weights_)
        self.best_model_weights_ = None


def _callbacks(config):
    """Return copies of the callbacks, so that the caller's stay as they are."""
    callbacks = copy.deepcopy(list(config.callbacks or ()))
    for callback in callbacks:
        _check_callback(callback, config.lr_schedule)
    if config.early_stopping:
        stopping = BestWeights(
            patience=config.n_iter_no_change,
            load_best=True,
            sink=print if config.verbose else _silent,
        )
        # First, so that averaged weights, if asked for, replace the best ones.
        callbacks.insert(0, stopping)
    return callbacks


def _check_callback(callback, lr_schedule):
    """Refuse what is no callback, or one that the schedule would undo."""
    named = isinstance(callback, tuple) and len(callback) == 2
    instance = callback[1] if named else callback
    kind = instance if isinstance(instance, type) else type(instance)
    if not issubclass(kind, Callback):
        raise TypeError(
            f"callbacks holds {callback!r}, which is no skorch callback. Pass "
            "instances such as sktransfer.callbacks.ClipGradient()."
        )
    if issubclass(kind, LRScheduler) and lr_schedule != "constant":
        raise ValueError(
            f"callbacks holds an LRScheduler, but lr_schedule={lr_schedule!r} sets the "
            "learning rate of every step. Pass lr_schedule='constant' with it."
        )


def _silent(*args, **kwargs):
    """Print nothing (a function, since a lambda can't be pickled)."""
