"""Features of many rows: batch by batch, in evaluation mode, nothing kept."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from .._utils.device import autocast, resolve_workers


def compute_features(
    backbone,
    inputs,
    *,
    batch_size,
    device,
    precision="auto",
    n_views=1,
    layers=None,
    num_workers=None,
):
    """Return the features of `inputs` as an array (n, n_features).

    Features of several views are averaged. The backbone is left in the mode, training
    or evaluation, in which it was found.
    """
    training = backbone.to(device).training
    backbone.eval()
    try:
        jobs = _batches(inputs, backbone, batch_size, n_views)
        batches = _look_ahead(jobs, _n_threads(inputs, num_workers, device))
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


def _n_threads(inputs, num_workers, device):
    # Two rows may be one PIL image, which two threads must not decode at once.
    return 1 if inputs.kind == "pil" else max(1, resolve_workers(num_workers, device))


def _look_ahead(jobs, n_threads):
    """Run the jobs in `n_threads` threads, that many ahead of the consumer."""
    waiting = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
