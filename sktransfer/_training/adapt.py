"""Adapt a module from source rows to target rows, in one phase or two."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
from torch.nn.modules.batchnorm import _BatchNorm

from .._inputs.views import ImageViews, TableViews
from ..adaptation import SourceOnly
from ..adaptation._learning import Learning, check_learning
from ..backbones._norm import reestimate_statistics
from ..backbones._tables import fit_statistics
from ..exceptions import DiscriminatorWarning
from .adaptation import Adaptation
from .adapting import AdaptingNet
from .batches import validation_batches
from .domains import DomainBatches
from .finetune import scale_features
from .fit import Rows, build_net, fit_net
from .net import TransferNet

_NO_ROWS = np.array([], dtype=np.int64)
# Adapting takes more steps than fitting labels: its losses pull slowly at first.
_AUTO_STEPS = 1000
# When a discriminator is said to know everything, or nothing.
_SATURATED, _CHANCE, _FLAT = 0.995, 0.02, 1e-6


def adapt(
    module,
    objective,
    config,
    rows,
    validation,
    *,
    methods,
    ramp,
    trained,
    history,
    own_validation,
    augment,
    seed,
    features_of,
):
    """Train `module` on `rows` by `methods`; return the net.

    Parameters
    ----------
    module : TransferModule
    objective : Objective
    config : TrainingConfig
    rows : DomainRows
    validation : Rows or None
    methods : list of AdaptationMethod
        Copies of the caller's.
    ramp : bool
        Whether their weights rise from 0.
    trained : bool
        Whether the module knows the source already.
    history : list of dict
        Of the epochs before, if it goes on from there.
    own_validation : bool
        Whether the caller gave the validation rows.
    augment, seed, features_of : as in `fine_tune`
    """
    for phase, taking_part in _phases(methods, rows, trained):
        if history and not own_validation:
            # rows set aside are the source's: they can't say when to stop adapting
            config, validation = replace(config, early_stopping=False), None
        plain = isinstance(phase[0], SourceOnly) and _is_one_domain(taking_part)
        net = _net(module, objective, config, phase, ramp, plain)
        net.history.extend(history)
        if not (trained or history):
            apart = methods[0].column_statistics or not _wants_target(methods)
            _fit_scales(net, taking_part if apart else rows, features_of)
        _check_sizes(taking_part, module.backbone)
        if plain:
            source = Rows(*taking_part[:3]).take(taking_part.source)
            fit_net(net, source, validation, augment=augment, seed=seed)
        else:
            _run(net, taking_part, rows.target, validation, augment, seed)
        history = net.history
    return net


def _phases(methods, rows, trained):
    """Yield the methods of each phase and the rows that take part."""
    first = methods[0]
    if not len(rows.target):
        yield [SourceOnly()], rows
    elif isinstance(first, SourceOnly):
        # labelled target rows serve only where there is nothing else
        labelled = _NO_ROWS if len(rows.source) else rows.labelled
        yield methods, rows._replace(target=_NO_ROWS, labelled=labelled)
    else:
        if first.source_first and not trained:
            yield [SourceOnly()], rows._replace(target=_NO_ROWS)
        if not first.needs_source:
            rows = rows._replace(source=_NO_ROWS, labelled=_NO_ROWS)
        elif not _wants_target(methods):
            rows = rows._replace(target=_NO_ROWS)
        yield methods, rows


def _is_one_domain(rows):
    """Whether there is nothing but labelled rows of a single source."""
    alone = not (len(rows.target) or len(rows.labelled))
    return alone and len(rows.domain[rows.source].unique()) == 1


def _wants_target(methods):
    return any(method.needs_target for method in methods)


def _net(module, objective, config, methods, ramp, plain):
    """Return a net for one phase; a `plain` one learns from labels alone."""
    adaptation = Adaptation(methods, ramp)
    module.returns_maps = adaptation.any("needs_stages")
    net = build_net(
        module,
        objective,
        config,
        classification=True,
        freezing=Learning(methods[0].trains),
        kind=TransferNet if plain else partial(AdaptingNet, adaptation=adaptation),
    )
    check_learning(module, methods[0])
    n_classes = len(objective.class_counts)
    adaptation.build(module.head, module.backbone.n_features, n_classes)
    if not plain:
        net.share_optimizer()
    return net


def _fit_scales(net, rows, features_of):
    """Take the scales of columns and features from `rows`."""
    numbers = np.union1d(np.concatenate([rows.source, rows.labelled]), rows.target)
    some = Rows(*rows[:3]).take(numbers)
    if rows.inputs.kind == "table" and net.config.from_scratch:
        fit_statistics(net.module_.backbone, some.inputs.tensor(), some.weight)
    scale_features(net, some, features_of)


def _run(net, rows, target, validation, augment, seed):
    """Train for one phase; take the statistics of the `target` rows in the end."""
    methods, backbone = net.adaptation.methods, net.module_.backbone
    if len(target) and not methods[0].needs_source:
        _take_statistics(net, rows, target, seed)
    if methods[0].trains != "nothing":
        if len(target):
            net.target_batches = _batches_of(rows, target, net)
        n_before, net.views = len(net.history), _views(net, rows)
        n_steps = _AUTO_STEPS if len(target) else None
        _train(net, rows, validation, n_steps, augment, seed)
        _warn_of_collapse(net, net.history[n_before:])
    if len(target) and net.adaptation.any("target_statistics"):
        _take_statistics(net, rows, target, seed)
    if methods[0].column_statistics and rows.inputs.kind == "table":
        weight = None if rows.weight is None else rows.weight[target]
        fit_statistics(backbone, rows.inputs.take(target).tensor(), weight)
    net.retire()


def _train(net, rows, validation, n_steps, augment, seed):
    """Train over steps of source and target rows."""
    config, backbone = net.config, net.module_.backbone
    batches = DomainBatches(
        rows,
        backbone=backbone,
        augment=augment,
        n_classes=len(net.objective.class_counts),
        config=config,
        seed=seed,
    )
    held_out = None
    if validation is not None:
        held_out = validation_batches(*validation, backbone=backbone, config=config)
    epochs = net.adaptation.methods[0].n_epochs
    if epochs is None:
        epochs = config.epochs(len(batches), backbone.modality, n_steps)
    net.train(batches, held_out, epochs, config.lr_schedule)


def _check_sizes(rows, backbone):
    """Refuse a domain of a single row where batch norm takes its statistics."""
    if not any(isinstance(m, _BatchNorm) for m in backbone.modules()):
        return
    target = rows.target if len(rows.target) else rows.labelled
    for name, numbers in (("source", rows.source), ("target", target)):
        if len(numbers) == 1:
            raise ValueError(
                f"The {name} has one row only, too few for the batch norm of backbone "
                f"{backbone.name!r}: add rows, or pass a backbone without batch norm."
            )


def _take_statistics(net, rows, target, seed):
    """Take the statistics of batch norm from batches of target rows.

    In the order of the rows a batch may hold a single class, of too little variance.
    """
    shuffled = np.random.default_rng(seed).permutation(target)
    reestimate_statistics(net.module_.backbone, _batches_of(rows, shuffled, net))


def _batches_of(rows, numbers, net):
    """Return batches of the rows with these numbers, in their order."""
    some = Rows(*rows[:3]).take(numbers)
    backbone = net.module_.backbone
    return validation_batches(*some, backbone=backbone, config=net.config)


def _views(net, rows):
    """Return what makes the strongly changed views, if a method wants them."""
    wanting = [m for m in net.adaptation.methods if m.needs_views]
    if not wanting:
        return None
    if rows.inputs.kind == "text":
        raise ValueError(
            f"{type(wanting[0]).__name__} learns from changed views of a row, of which "
            "there are none for texts. Take another method, such as 'deepcoral'."
        )
    if rows.inputs.kind != "table":
        return ImageViews(net.module_.backbone.preprocessing)
    table = rows.inputs.tensor()[rows.target].to(net.device)
    weight = None if rows.weight is None else rows.weight[rows.target]
    return TableViews(table, wanting[0].noise, weight)


def _warn_of_collapse(net, history):
    """Warn of a discriminator that learnt nothing, or that nothing could confuse."""
    accuracy = [epoch.get("domain_acc") for epoch in history]
    accuracy = np.array([value for value in accuracy if value is not None])
    name = net.adaptation.discriminating()
    if name is None or not len(accuracy):
        return
    # not the last alone: schedules let the backbone stop before the discriminator does
    lowest = accuracy[len(accuracy) // 2 :].min()
    if lowest > _SATURATED:
        warnings.warn(
            f"The discriminator of {name} told {lowest:.1%} of the rows apart or more "
            "in the whole second half of the training: the features of the domains do "
            "not come nearer. Try a larger weight, or a method such as 'mcc'.",
            DiscriminatorWarning,
            stacklevel=2,
        )
    elif np.abs(accuracy - 0.5).max() < _CHANCE and net.adaptation.slope < _FLAT:
        warnings.warn(
            f"The discriminator of {name} never left chance and its gradient is zero: "
            "it teaches the backbone nothing. Look at the features (all equal? NaN?), "
            "or try a smaller lr.",
            DiscriminatorWarning,
            stacklevel=2,
        )
