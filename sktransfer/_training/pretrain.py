"""Self-supervised training of a backbone."""

import copy
from functools import partial

import numpy as np
import torch

from .._inputs import AugmentedBatches, resolve_augment
from .._inputs.views import ImageViews, RepeatedViews, TableViews
from .._utils.device import resolve_device
from ..pretraining import Denoising
from .batches import LoadedBatches, training_batches, validation_batches
from .config import TrainingConfig
from .fit import Rows, build_net
from .module import TransferModule
from .pretraining import PretrainingNet

# Images without labels teach slowly.
_AUTO_STEPS = {"table": None, "image": 1000}


def unlabelled(inputs):
    """Return `inputs` as rows of a net."""
    return Rows(inputs, torch.zeros(len(inputs)), None)


def new_net(backbone, rows, objective, config, *, augment, seed):
    """Return a net that trains `backbone` in place for `objective`."""
    shape = _prepared_shape(backbone, rows.inputs)
    like = next(backbone.parameters())
    head = objective.build(backbone.n_features, shape).to(like)
    module = TransferModule(backbone, head)
    return _net(module, shape, rows, objective, config, augment, seed)


def continued_net(before, rows, objective, config, *, augment, seed):
    """Return a net that goes on from a copy of the net `before`."""
    module = copy.deepcopy(before.module_)
    net = _net(module, before.shape, rows, objective, config, augment, seed)
    net.history = copy.deepcopy(before.history)
    return net


def pretrain(net, rows, validation=None, *, augment=None, seed=0):
    """Train `net` on `rows`, watching `validation` rows if there are any."""
    config, backbone = net.config, net.module_.backbone
    check_numbers(net, rows, "X")
    batches = training_batches(
        *rows,
        backbone=backbone,
        augment=_repeated(net, rows.inputs, augment),
        n_classes=None,
        config=config,
        seed=seed,
    )
    held_out = None
    if validation is not None:
        check_numbers(net, validation, "X_val")
        held_out = held_out_batches(net, validation, augment)
    n_steps = _AUTO_STEPS[backbone.modality]
    epochs = config.epochs(len(batches), backbone.modality, n_steps)
    net.train(batches, held_out, epochs, config.lr_schedule)
    return _named(net)


def held_out_batches(net, rows, augment):
    """Return batches in the order of the rows; their views are always the same."""
    backbone, config = net.module_.backbone, net.config
    if augment is None or net.objective.n_views == 1:
        return validation_batches(*rows, backbone=backbone, config=config)
    transform = _repeated(net, rows.inputs, augment)
    dataset = AugmentedBatches(rows.inputs, backbone.preprocessing, transform, net.seed)
    return _SameBatches(dataset, rows.y, rows.weight, config)


@torch.inference_mode()
def decode(net, features):
    """Return the raw rows that the decoder of `net` finds in features (n, d)."""
    backbone, head = net.module_.backbone, net.module_.head
    features = torch.from_numpy(np.require(features, requirements=["C", "W"]))
    parameter = next(head.parameters())
    parts = features.to(parameter).split(net.config.batch_size)
    rows = torch.cat([net.objective.decode(head(part)).cpu() for part in parts])
    preprocessing = backbone.preprocessing
    if preprocessing is None:
        return rows
    if backbone.modality == "image":
        return preprocessing.denormalize(rows)
    if not hasattr(preprocessing, "invert"):
        raise ValueError(
            f"backbone: decoded rows cannot be brought to the units of X, since its "
            f"preprocessing, a {type(preprocessing).__name__}, has no method `invert`."
        )
    return preprocessing.to(rows.device).invert(rows)


def pretrain_on_table(backbone, inputs, *, seed, device="auto", verbose=0):
    """Train `backbone` in place as a denoising autoencoder of standardised rows."""
    config = TrainingConfig(
        max_epochs="auto",
        batch_size=64,
        lr="auto",
        backbone_lr_ratio=1.0,
        lr_schedule="one_cycle",
        optimizer="adamw",
        weight_decay=None,
        early_stopping=False,
        n_iter_no_change=1,
        precision="float32",
        compile=False,
        device=resolve_device(device),
        num_workers=None,
        callbacks=None,
        verbose=verbose,
        from_scratch=True,
    )
    rows = unlabelled(inputs)
    net = new_net(backbone, rows, Denoising(), config, augment=None, seed=seed)
    pretrain(net, rows, seed=seed)


class _SameBatches(LoadedBatches):
    """Batches whose random numbers are the same in every epoch."""

    def __iter__(self):
        self.epoch = 0
        return super().__iter__()


def _net(module, shape, rows, objective, config, augment, seed):
    views = (
        _views(module.backbone, rows, objective, config) if augment is None else None
    )
    kind = partial(PretrainingNet, views=views, shape=shape, seed=seed)
    return build_net(module, objective, config, classification=False, kind=kind)


def _prepared_shape(backbone, inputs):
    """Return the shape of a row as the first stage gets it."""
    if inputs.kind == "table":
        return (inputs.array.shape[1],)
    (sample,) = inputs.take(slice(0, 1)).batch([0], backbone.preprocessing)
    return backbone.prepare(sample).shape[1:]


def _views(backbone, rows, objective, config):
    """Return what makes a view, if the objective wants views."""
    if objective.n_views == 1:
        return None
    if rows.inputs.kind != "table":
        return ImageViews(backbone.preprocessing)
    return TableViews(rows.inputs.tensor().to(config.device), objective.noise)


def _repeated(net, inputs, augment):
    """Return `augment`, as often per image as the objective wants views."""
    n_views, backbone = net.objective.n_views, net.module_.backbone
    if augment is None or n_views == 1:
        return augment
    preprocessing = inputs.sized(backbone.preprocessing)
    recipe = resolve_augment(augment, preprocessing, inputs.channels)
    return RepeatedViews(recipe.per_image, preprocessing, n_views)


def check_numbers(net, rows, name):
    """Refuse batches of one row where rows are compared."""
    objective = net.objective
    if not objective.compares_rows:
        return
    what = f"{type(objective).__name__} compares the rows of a batch"
    if len(rows.y) < 2:
        raise ValueError(f"{name} has one row (n_samples=1), but {what}: add rows.")
    if net.config.batch_size < 2:
        raise ValueError(f"batch_size=1, but {what}: pass 2 or more, such as 64.")


def _named(net):
    """Say in the backbone what it has learnt."""
    backbone = net.module_.eval().requires_grad_(True).backbone
    label = net.objective.label
    if not backbone.pretrained:
        backbone.weights = label
    elif not backbone.weights.endswith(label):
        backbone.weights = f"{backbone.weights}, {label}"
    backbone.pretrained = True
    return net
