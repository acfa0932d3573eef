"""Run a fine-tuning strategy on a net."""

import numpy as np
import torch

from ..finetuning._probe import solve_head
from .batches import Batch
from .fit import fit_head, fit_net
from .head import is_linear, put_linear_map, standardization

# So many rows are enough for the mean and scale of features.
_SCALE_ROWS = 2000


def fine_tune(net, train, validation, *, strategy, augment, C, seed, features_of):
    """Train `net` by `strategy`; return the strength of its convex head, or None.

    Parameters
    ----------
    net : TransferNet
    train, validation : Rows, Rows or None
    strategy : str
        A name other than "auto".
    augment, C : as in the estimators
    seed : int
    features_of : callable(inputs) -> ndarray
        Features of the net's backbone.
    """
    head_first = strategy == "lp_ft" or (strategy == "linear_probe" and not augment)
    if not net.history and not head_first:
        scale_features(net, train, features_of)
    if head_first:
        C = _fit_head_on_features(net, train, validation, C, seed, features_of)
    if strategy != "linear_probe" or not head_first:
        fit_net(net, train, validation, augment=augment, seed=seed)
    return C if head_first else None


def scale_features(net, rows, features_of):
    """Fit the standardisation of the features, if the head has one, on some rows."""
    standardize = standardization(net.module_.head)
    if standardize is None:
        return
    number = min(len(rows.y), _SCALE_ROWS)
    some = rows.take(np.linspace(0, len(rows.y) - 1, number).astype(int))
    standardize.fit_(features_of(some.inputs), some.weight)


def _fit_head_on_features(net, train, validation, C, seed, features_of):
    """Fit the head on features that are computed once."""
    features = [features_of(rows.inputs) for rows in (train, validation) if rows]
    head = net.module_.head
    if (standardize := standardization(head)) is not None:
        standardize.fit_(features[0], train.weight)
    if is_linear(head):
        C = _solve(net, features[0], train, C, seed)
        _record(net, "train", features[0], train)
        if validation is not None:
            _record(net, "valid", features[1], validation)
        _print_record(net)
        return C
    history = fit_head(net, (*features, None)[:2], train, validation, seed)
    net.history.extend(history)
    return None


def _solve(net, features, rows, C, seed):
    """Put the solution of the convex problem into the head."""
    objective = net.objective
    counts = objective.class_counts
    weight, bias, C = solve_head(
        features,
        rows.y.numpy(),
        None if rows.weight is None else rows.weight.numpy(),
        loss=objective.loss,
        class_counts=None if counts is None else counts.cpu().double().numpy(),
        n_outputs=len(rows.y[0]) if counts is None else len(counts),
        C=C,
        seed=seed,
    )
    put_linear_map(net.module_.head, weight, bias)
    return C


def _print_record(net):
    """Print the record of a solved head, if epochs are printed."""
    for name, callback in net.callbacks_:
        if name == "print_log":
            callback.on_epoch_end(net)
            callback.initialize()  # epochs have more columns: another headline


def _record(net, prefix, features, rows):
    """Write the loss and accuracy of the solved head into the history."""
    head = net.module_.head
    if prefix == "train":
        net.history.new_epoch()
        net.history.record("epoch", len(net.history))
    inputs = torch.from_numpy(features).to(next(head.parameters()))
    batch = Batch(
        *(None if t is None else t.to(inputs.device) for t in (inputs, *rows[1:]))
    )
    with torch.no_grad():
        logits = head(inputs)
    net.history.record(prefix + "_loss", net.objective.task_loss(logits, batch).item())
    if net.classification:
        hits = (logits.argmax(1) == batch.y).to(inputs.dtype)
        weight = torch.ones_like(hits) if batch.weight is None else batch.weight
        net.history.record(
            prefix + "_acc", ((hits * weight).sum() / weight.sum()).item()
        )
