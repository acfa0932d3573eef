"""Features of many rows: batch by batch, in evaluation mode, nothing kept."""

from collections import deque
from contextlib import nullcontext
from functools import partial
from threading import Lock

import numpy as np
import torch

from .._utils.device import autocast, autocast_dtype, resolve_workers
from ._copies import can_be_copied, copied_network
from ._networks import network_in_eval_mode
from ._streams import run_ahead, split_threads

# The maps of so many pixels, in most networks, fit the caches of a core.
_PIXELS_AT_ONCE = 4 * 224 * 224


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
    compile=False,
):
    """Return the features of `inputs` as an array (n, n_features).

    Features of several views are averaged. Nothing of the backbone changes but its
    device. `batch_size` is the most rows that are computed at once.
    """
    backbone.to(device)
    order = np.arange(len(inputs))
    if inputs.kind == "text":
        order = inputs.by_length()
        inputs = inputs.take(order)
    n_rows = _rows_at_once(inputs, backbone, batch_size, device)
    loads = _loads(inputs, backbone, n_rows, n_views, pinned=device.type == "cuda")
    autocasting = partial(autocast, precision, device, backbone.modality)
    with _network(backbone, device, precision, compile) as network:

        def compute(views):
            with torch.inference_mode(), autocasting():
                return _mean_features(network, views, layers, n_rows, device)

        several = network.compiled or len(inputs) > n_rows
        if network.in_streams and device.type == "cpu" and several:
            jobs = (partial(_then, load, compute) for load in loads)
            parts = run_ahead(jobs, *split_threads())
        else:
            ahead = run_ahead(loads, _n_loaders(inputs, num_workers, device))
            parts = map(compute, ahead)
        return _placed(_arrays(parts), order)


def _network(backbone, device, precision, compile):
    """Return a context with what computes features: a copy made for it, if possible."""
    if backbone.modality == "table" or not can_be_copied(backbone):
        return network_in_eval_mode(backbone)
    dtype = autocast_dtype(precision, device, backbone.modality)
    compile = compile and backbone.modality == "image"  # texts have too many lengths
    return nullcontext(copied_network(backbone, dtype, compile))


def _placed(parts, places):
    """Return an array whose rows `places` are those of the parts, one after another."""
    whole, start = None, 0
    for part in parts:
        if whole is None:  # parts and whole at once would take twice the memory
            whole = np.empty((len(places), part.shape[1]), part.dtype)
        whole[places[start : start + len(part)]] = part
        start += len(part)
    return whole


def _then(load, compute):
    return compute(load())


def _mean_features(network, views, layers, n_rows, device):
    """Return the mean features over the views of one batch."""
    total = 0.0
    for view in views:
        view = view.to(device, non_blocking=True)
        features = network.features(view, layers, n_rows)
        total = total + (
            features if features.dtype == torch.float64 else features.float()
        )
    return _copied_to_host(total / len(views))


def _copied_to_host(features):
    """Begin to copy `features`; return them and, on CUDA, the event of arrival."""
    if features.device.type != "cuda":
        return features.cpu(), None
    copy, arrival = features.to("cpu", non_blocking=True), torch.cuda.Event()
    arrival.record()
    return copy, arrival


def _arrays(parts):
    """Yield the arrays of `parts`, each when the device has got the next one to do."""
    waiting = deque()
    for part in parts:
        waiting.append(part)
        if len(waiting) > 1:
            yield _array(*waiting.popleft())
    for part in waiting:
        yield _array(*part)


def _array(features, arrival):
    if arrival is None:
        return features.numpy()
    arrival.synchronize()
    return np.array(features)  # whose memory is pinned: it is scarce


def _rows_at_once(inputs, backbone, batch_size, device):
    """Return how many rows make a batch: on the CPU, few of large images."""
    if inputs.kind in ("table", "text") or device.type != "cpu":
        return batch_size
    preprocessing = inputs.sized(backbone.preprocessing)
    sizes = [] if preprocessing.flexible else [preprocessing.crop]
    if inputs.in_memory:
        sizes.append(inputs.images.shape[-2:])
    n_pixels = max(height * width for height, width in sizes)
    return max(1, min(batch_size, _PIXELS_AT_ONCE // n_pixels))


def _loads(inputs, backbone, n_rows, n_views, pinned):
    """Yield callables that make the views of one batch after the other.

    From pinned memory they are copied to a card while that computes.
    """
    # Two rows may be one PIL image, which two threads must not decode at once.
    turn = Lock() if inputs.kind == "pil" else nullcontext()

    def load(rows):
        if inputs.kind == "table":
            return [inputs.take(rows).tensor()]
        with turn:
            views = inputs.batch(rows, backbone.preprocessing, n_views)
        return [view.pin_memory() for view in views] if pinned else views

    for start in range(0, len(inputs), n_rows):
        yield partial(load, np.arange(start, min(start + n_rows, len(inputs))))


def _n_loaders(inputs, num_workers, device):
    if inputs.kind == "pil":
        return 1
    return max(1, resolve_workers(num_workers, device))
