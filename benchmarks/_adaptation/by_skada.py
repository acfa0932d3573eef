"""The same nets adapted by skada."""

import time

import numpy as np
import torch
from skada import deep
from skada.deep.modules import GradientReversalLayer
from skorch.callbacks import LRScheduler
from torch import nn

from . import nets

METHODS = {
    "source_only": deep.SourceOnly,
    "deepcoral": deep.DeepCoral,
    "dan": deep.DAN,
    "dann": deep.DANN,
    "cdan": deep.CDAN,
    "mdd": deep.MDD,
    "mcc": deep.MCC,
    "deepjdot": deep.DeepJDOT,
}
NEEDS_WIDTH = {"dann", "cdan", "mdd"}
NEEDS_CLASSES = {"cdan", "mdd"}


class Net(nn.Module):
    """Backbone and head under the names that skada is told."""

    def __init__(self, task):
        super().__init__()
        self.backbone = nets.backbone_of(task)
        self.head = nets.head_of(task)

    def forward(self, X, sample_weight=None):
        """Return logits; skada passes weights in any case."""
        return self.head(self.backbone(X))


class Judge(nn.Module):
    """What stands where skada's own classifier ends in a softmax over one logit."""

    def __init__(self, n_inputs, n_outputs=1, strength=1.0):
        super().__init__()
        self.layers = nets.discriminator(n_inputs, n_outputs)
        self.strength = strength

    def forward(self, features, sample_weight=None):
        """Return probabilities of the domain, or logits of classes."""
        logits = self.layers(GradientReversalLayer.apply(features, self.strength))
        return logits.squeeze(1).sigmoid() if logits.shape[1] == 1 else logits


def mended_settings(task, method):
    """Return parameters that let skada's method work: a judge, or smaller weights.

    Those of DeepJDOT and MDD did best of four on the held-out rows of fonts to digits.
    """
    if method == "deepjdot":
        return {"reg_dist": 0.01, "reg_cl": 0.1}
    if method == "mdd":
        return {"disc_classifier": Judge(nets.WIDTH, task.n_classes, strength=0.1)}
    factor = task.n_classes if method == "cdan" else 1
    return {"domain_classifier": Judge(factor * nets.WIDTH)}


def default_settings(task, method):
    """Return what skada's method has to be told."""
    settings = {}
    if method in NEEDS_WIDTH:
        settings["num_features"] = nets.WIDTH
    if method in NEEDS_CLASSES:
        settings["n_classes"] = task.n_classes
    return settings


def estimator(task, method, epochs, settings):
    """Return skada's net, not fitted."""
    n_steps = epochs * nets.steps_per_epoch(task)
    schedule = LRScheduler(
        torch.optim.lr_scheduler.LambdaLR,
        lr_lambda=lambda step: nets.pace(step, n_steps),
        step_every="batch",
    )
    return METHODS[method](
        Net(task),
        layer_name="backbone",
        batch_size=nets.BATCH,
        max_epochs=epochs,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=nets.WEIGHT_DECAY,
        optimizer__fused=True,
        lr=nets.LR,
        callbacks=[schedule],
        train_split=None,
        verbose=0,
        **settings,
    )


def fit_predict(task, method, epochs, seed, mended=False):
    """Return predictions for the held-out rows, and CPU seconds per epoch."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    settings = (mended_settings if mended else default_settings)(task, method)
    model = estimator(task, method, epochs, settings)
    source, target = nets.as_tensor(task.X_source), nets.as_tensor(task.X_target)
    X = torch.cat([source, target]).numpy()
    domain = np.r_[np.ones(len(source), int), np.full(len(target), -2)]
    y = np.r_[task.y_source, np.full(len(target), -1)]
    start = time.process_time()
    model.fit(X, y, sample_domain=domain)
    seconds = (time.process_time() - start) / epochs
    X_test = nets.as_tensor(task.X_test).numpy()
    return model.predict(X_test, np.full(len(X_test), -2)), seconds
