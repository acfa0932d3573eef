"""Features of many rows: batch by batch, in evaluation mode, nothing kept."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from .._utils.device import autocast


def compute_features(
    backbone, inputs, *, batch_size, device, precision="auto", n_views=1, layers=None
):
    """Return the features of `inputs` as an array (n, n_features).

    Features of several views are averaged. The backbone is left in the mode, training
    or evaluation, in which it was found.
    """
    training = backbone.to(device).training
    backbone.eval()
    try:
        batches = _look_ahead(_batches(inputs, backbone, batch_size, n_views))
        with torch.inference_mode(), autocast(precision, device, backbone.modality):
            parts = [_forward(backbone, views, layers, device) for views in batches]
    finally:
        backbone.train(training)
    return np.concatenate(parts)


def _forward(backbone, views, layers, device):
    """Return the mean features over the views of one batch."""
    total = 0.0
    for view in views:
        features = _features(backbone, view.to(device, non_blocking=True), layers)
        total = total + (
            features if features.dtype == torch.float64 else features.float()
        )
    return (total / len(views)).cpu().numpy()


def _features(backbone, batch, layers):
    if layers is None:
        return backbone(batch)
    return torch.cat(backbone.forward_stages(batch, layers), dim=1)


def _batches(inputs, backbone, batch_size, n_views):
    """Yield callables that make the views of one batch after the other."""
    for start in range(0, len(inputs), batch_size):
        rows = np.arange(start, min(start + batch_size, len(inputs)))
        if inputs.kind == "table":
            yield lambda rows=rows: [inputs.take(rows).tensor()]
        else:
            yield lambda rows=rows: inputs.batch(rows, backbone.preprocessing, n_views)


def _look_ahead(jobs):
    """Run the jobs in a thread, one ahead of the consumer."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for job in jobs:
            following = pool.submit(job)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
