"""The same nets adapted by the hooks of pytorch-adapt, in a loop as its guide has it.

Batches are slices of tensors in memory, which is faster than its data loaders.
"""

import copy
import time
from functools import partial

import numpy as np
import torch
from pytorch_adapt import hooks
from pytorch_adapt.layers import (
    CORALLoss,
    MMDLoss,
    MultipleModels,
    sufficient_accuracy,
)
from pytorch_adapt.layers.utils import get_kernel_scales
from torch import nn
from torchmetrics.functional.classification import binary_accuracy

from . import nets
from .batches import paired_batches

# what it was written for: `accuracy` of later torchmetrics wants to know the task
sufficient_accuracy.accuracy = binary_accuracy

POSTS = {
    "source_only": [],
    "afn": [hooks.AFNHook],
    "bnm": [hooks.BNMHook],
    "mcc": [hooks.MCCHook],
    "im": [hooks.TargetEntropyHook, hooks.TargetDiversityHook],
}
SCALES = {"low": -3, "high": 3, "num_kernels": 10}  # as in the library's own examples


def mmd(**settings):
    """Return the library's MMD with many kernels."""
    return MMDLoss(kernel_scales=get_kernel_scales(**SCALES), **settings)


LOSSES = {"deepcoral": CORALLoss, "dan": mmd, "jan": mmd}
LOSSES["dan_quadratic"] = LOSSES["jan_quadratic"] = partial(mmd, mmd_type="quadratic")
METHODS = (*POSTS, *LOSSES, "dann", "cdan", "cdan+e", "mcd", "adda")


class Judge(nn.Module):
    """The shared discriminator, with the shape of logits that the library wants."""

    def __init__(self, n_inputs):
        super().__init__()
        self.layers = nets.discriminator(n_inputs)

    def forward(self, features):
        """Return one logit per row."""
        return self.layers(features).squeeze(1)


class OuterProduct(nn.Module):
    """What CDAN makes of features and predicted probabilities."""

    def forward(self, features, probabilities):
        """Return the products of all pairs, flat."""
        return torch.bmm(probabilities.unsqueeze(2), features.unsqueeze(1)).flatten(1)


def models_of(task, method):
    """Return the networks by the names that the hooks look for."""
    models = {"G": nets.backbone_of(task), "C": nets.head_of(task)}
    if method == "mcd":
        models["C"] = MultipleModels(models["C"], nets.head_of(task))
    if method in ("dann", "adda"):
        models["D"] = Judge(nets.WIDTH)
    if method.startswith("cdan"):
        models["D"] = Judge(nets.WIDTH * task.n_classes)
        models["feature_combiner"] = OuterProduct()
    return models


def hook_of(method, optimizers):
    """Return the library's hook that makes a step of `method`."""
    both = [optimizers[name] for name in optimizers if name in "GC"]
    if method in POSTS:
        return hooks.ClassifierHook(both, post=[hook() for hook in POSTS[method]])
    if method in LOSSES:
        loss = LOSSES[method]()
        joint = hooks.JointAlignerHook(loss) if method.startswith("jan") else None
        return hooks.AlignerPlusCHook(both, loss_fn=loss, aligner_hook=joint)
    if method == "dann":
        return hooks.DANNHook(list(optimizers.values()))
    if method == "mcd":
        return hooks.MCDHook(g_opts=both[:1], c_opts=both[1:])
    if method == "adda":
        return hooks.ADDAHook(d_opts=[optimizers["D"]], g_opts=[optimizers["T"]])
    kind = hooks.CDANEHook if method == "cdan+e" else hooks.CDANHook
    return kind(d_opts=[optimizers["D"]], g_opts=both)


def train(models, method, task, epochs):
    """Train `models` by `method`."""
    for model in models.values():
        model.train()
    optimizers = {k: nets.optimizer(m) for k, m in models.items() if has_weights(m)}
    hook = hook_of(method, optimizers)
    n_steps = epochs * nets.steps_per_epoch(task)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(o, partial(nets.pace, n_steps=n_steps))
        for o in optimizers.values()
    ]
    zeros, ones = torch.zeros(nets.BATCH), torch.ones(nets.BATCH)
    for source, labels, target in paired_batches(task, epochs):
        batch = {"src_imgs": source, "src_labels": labels, "target_imgs": target}
        hook({**models, **batch, "src_domain": zeros, "target_domain": ones})
        for schedule in schedules:
            schedule.step()


def has_weights(model):
    """Whether there is anything to train."""
    return next(model.parameters(), None) is not None


def train_adda(models, task, epochs):
    """Train on the source for half of the epochs, then adapt a copy."""
    pair = {"G": models["G"], "C": models["C"]}
    train(pair, "source_only", task, epochs // 2)
    models["T"] = copy.deepcopy(models["G"])
    train(models, "adda", task, epochs - epochs // 2)
    models["G"] = models["T"]


def fit_predict(task, method, epochs, seed):
    """Return predictions for the held-out rows, and CPU seconds per epoch."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    models = models_of(task, method)
    start = time.process_time()
    if method == "adda":
        train_adda(models, task, epochs)
    else:
        train(models, method, task, epochs)
    seconds = (time.process_time() - start) / epochs
    net = nn.Sequential(models["G"], Sum(models["C"]))
    return nets.predict(net, task.X_test), seconds


class Sum(nn.Module):
    """Logits of a classifier, or the sum of those of several."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, features):
        """Return logits."""
        logits = self.classifier(features)
        return sum(logits) if isinstance(logits, list) else logits
