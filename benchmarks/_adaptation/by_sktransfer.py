"""The same nets adapted by DomainAdaptClassifier."""

import time

import torch

from sktransfer import DomainAdaptClassifier
from sktransfer.backbones import Backbone, ImagePreprocessing
from sktransfer.datasets import pack_domains

from . import nets

SETTINGS = {
    "batch_size": nets.BATCH,
    "lr": nets.LR,
    "backbone_lr_ratio": 1.0,
    "lr_schedule": "cosine",
    "weight_decay": nets.WEIGHT_DECAY,
    "device": "cpu",
}


def backbone_of(task):
    """Return the shared net as a backbone that says it knows nothing yet."""
    kind = {"preprocessing": ImagePreprocessing(mean=None, std=None, flexible=True)}
    if task.is_table:
        kind = {"modality": "table", "n_inputs": task.X_source.shape[1]}
    return Backbone(nets.backbone_of(task), name="shared", width=nets.WIDTH, **kind)


def estimator(task, method, epochs, seed):
    """Return our classifier, not fitted: as it is, or with the shared net.

    `method`: an object, or names joined by "+".
    """
    if method == "default":
        return DomainAdaptClassifier(random_state=seed)
    if isinstance(method, str):
        method = method.split("+")
    torch.manual_seed(seed)
    return DomainAdaptClassifier(
        backbone_of(task),
        method=method,
        max_epochs=epochs,
        random_state=seed,
        **SETTINGS,
    )


def fit_predict(task, method, epochs, seed):
    """Return predictions for the held-out rows, and CPU seconds per epoch."""
    model = estimator(task, method, epochs, seed)
    X, y, domain = pack_domains(task.X_source, task.y_source, task.X_target)
    start = time.process_time()
    model.fit(X, y, sample_domain=domain)
    seconds = (time.process_time() - start) / model.n_epochs_
    return model.predict(task.X_test), seconds
