"""Run a fine-tuning strategy on a net."""

import torch

from ..finetuning._probe import solve_head
from .batches import Batch
from .fit import fit_head, fit_net


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
    if head_first:
        C = _fit_head_on_features(net, train, validation, C, seed, features_of)
    if strategy != "linear_probe" or not head_first:
        fit_net(net, train, validation, augment=augment, seed=seed)
    return C if head_first else None


def _fit_head_on_features(net, train, validation, C, seed, features_of):
    """Fit the head on features that are computed once."""
    features = [features_of(rows.inputs) for rows in (train, validation) if rows]
    head = net.module_.head
    if isinstance(head, torch.nn.Linear):
        C = _solve(net, features[0], train, C, seed)
        _record(net, "train", features[0], train)
        if validation is not None:
            _record(net, "valid", features[1], validation)
        return C
    history = fit_head(
        head,
        (*features, None)[:2],
        train,
        validation,
        objective=net.objective,
        config=net.config,
        classification=net.classification,
    )
    net.history.extend(history)
    return None


def _solve(net, features, rows, C, seed):
    """Put the solution of the convex problem into the head."""
    head, objective = net.module_.head, net.objective
    counts = objective.class_counts
    weight, bias, C = solve_head(
        features,
        rows.y.numpy(),
        None if rows.weight is None else rows.weight.numpy(),
        loss=objective.loss,
        class_counts=None if counts is None else counts.double().cpu().numpy(),
        n_outputs=head.out_features,
        C=C,
        seed=seed,
    )
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))
    return C


def _record(net, prefix, features, rows):
    """Write the loss and accuracy of the solved head into the history."""
    head = net.module_.head
    if prefix == "train":
        net.history.new_epoch()
        net.history.record("epoch", len(net.history))
    inputs = torch.from_numpy(features).to(head.weight)
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
