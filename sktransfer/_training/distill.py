"""Train a student on rows, by a teacher."""

from functools import partial

import torch

from .distilling import DistillingNet, Lesson
from .finetune import scale_features
from .fit import Rows, build_net, fit_net


def distill(
    module,
    objective,
    config,
    rows,
    validation,
    *,
    method,
    alpha,
    temperature,
    teacher,
    n_teacher_features,
    peers,
    history,
    augment,
    seed,
    features_of,
):
    """Train `module` on `rows`; return the net.

    Parameters
    ----------
    module : TransferModule
    objective : Objective
    config : TrainingConfig
    rows : StudentRows
    validation : Rows or None
    method : DistillationMethod
    alpha, temperature : as in the estimator
    teacher : callable(Batch) -> Said, or None if there are peers
    n_teacher_features : int or None
    peers : list of TransferNet
        Nets to train along.
    history : list of dict or None
        Of the epochs before, if it goes on from there.
    augment, seed, features_of : as in `fine_tune`
    """
    dtype = next(module.head.parameters()).dtype
    weight, label_weight = _weights(rows, dtype)
    aux = method.build(module.backbone.n_features, n_teacher_features)
    if aux is not None:
        aux = aux.to(config.device, dtype)
    weight = None if weight is None else weight.to(config.device)
    lesson = Lesson(method, aux, alpha, temperature, teacher, weight, rows.labels)
    net = build_net(
        module,
        objective,
        config,
        classification=rows.labels != "none",
        kind=partial(DistillingNet, lesson=lesson, peers=peers),
    )
    net.history.extend(history or [])
    train = Rows(rows.inputs, rows.y, label_weight)
    if history is None:
        scale_features(net, train._replace(weight=rows.weight), features_of)
    fit_net(net, train, validation, augment=augment, seed=seed)
    return net.retire()


def _weights(rows, dtype):
    """Return the weights of rows for the method, and for their labels."""
    if rows.labels != "some":
        return rows.weight, rows.weight
    weight = rows.weight
    if weight is None:
        weight = torch.ones(len(rows.y), dtype=dtype)
    return weight, weight * torch.from_numpy(rows.labelled)
