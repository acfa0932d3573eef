"""Bare PyTorch loops, as a careful person writes them for one method each.

Source and target go through batch norm one after the other; before prediction its
statistics are those of the target. The weight of adaptation ramps up. The same loops
can report, epoch by epoch, the figures that our `history_` has.
"""

import math
import time
from collections import Counter

import torch
from torch import nn
from torch.nn import functional as F

from . import nets
from .batches import paired_batches

KERNELS = (0.125, 0.25, 0.5, 1.0, 2.0)  # bandwidths, in mean squared distances
TEMPERATURE = 2.5


def deepcoral(source, target):
    """Return the loss of Deep CORAL [Sun & Saenko, ECCV workshops 2016]."""
    gap = torch.cov(source.T) - torch.cov(target.T)
    return gap.square().sum() / (4 * gap.shape[0] ** 2)


def dan(source, target):
    """Return the unbiased MMD with five kernels [Long et al., ICML 2015]."""
    n, rows = len(source), torch.cat([source, target])
    squares = rows.square().sum(1)
    distances = (squares[:, None] + squares - 2 * rows @ rows.T).clamp(min=0)
    scaled = distances / distances.detach().mean()
    kernel = sum(torch.exp(-scaled / width) for width in KERNELS) / len(KERNELS)
    kernel = kernel - torch.diag(kernel.diagonal())
    within = kernel[:n, :n].sum() + kernel[n:, n:].sum()
    return within / (n * (n - 1)) - 2 * kernel[:n, n:].mean()


def mcc(logits):
    """Return the class confusion of target rows [Jin et al., ECCV 2020]."""
    p = F.softmax(logits / TEMPERATURE, dim=1)
    certainty = 1 + torch.exp((p * torch.log(p + 1e-6)).sum(1).detach())
    confusion = (p * (certainty / certainty.mean())[:, None]).T @ p
    confusion = confusion / confusion.sum(1, keepdim=True)
    return (confusion.sum() - confusion.trace()) / len(confusion)


class ReverseGradient(torch.autograd.Function):
    """The identity, whose gradient is that of the negative times `strength`."""

    @staticmethod
    def forward(ctx, features, strength):
        """Return `features`."""
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradient with regard to `features`, none for `strength`."""
        return -ctx.strength * gradient, None


class Dann(nn.Module):
    """The domain loss of DANN with its discriminator [Ganin et al., JMLR 2016]."""

    def __init__(self):
        super().__init__()
        self.layers = nets.discriminator()

    def forward(self, source, target, strength):
        """Return the cross-entropy of telling source from target."""
        features = ReverseGradient.apply(torch.cat([source, target]), strength)
        self.domains = torch.cat([torch.ones(len(source)), torch.zeros(len(target))])
        self.logits = self.layers(features).squeeze(1)
        return F.binary_cross_entropy_with_logits(self.logits, self.domains)

    def accuracy(self):
        """Return the share of rows of the last batch whose domain was found."""
        return ((self.logits > 0) == self.domains.bool()).float().mean()


def source_only_step(net, batch, ramp):
    """Return the loss of a batch without adaptation, none for it, and logits."""
    source, labels, _ = batch
    logits = net(source)
    return F.cross_entropy(logits, labels), None, logits


def discrepancy_step(discrepancy):
    """Return the step of a method that compares features."""

    def step(net, batch, ramp):
        source, labels, target = batch
        features_s, features_t = net.backbone(source), net.backbone(target)
        gap = discrepancy(features_s, features_t)
        logits = net.head(features_s)
        return F.cross_entropy(logits, labels), ramp * gap, logits

    return step


def mcc_step(net, batch, ramp):
    """Return the loss of a batch, the confusion on the target, and logits."""
    source, labels, target = batch
    logits = net(source)
    return F.cross_entropy(logits, labels), ramp * mcc(net(target)), logits


def dann_step(net, batch, ramp):
    """Return the loss of a batch, that of the discriminator, and logits."""
    source, labels, target = batch
    features_s, features_t = net.backbone(source), net.backbone(target)
    domain_loss = net.dann(features_s, features_t, ramp)
    logits = net.head(features_s)
    return F.cross_entropy(logits, labels), domain_loss, logits


STEPS = {
    "source_only": source_only_step,
    "deepcoral": discrepancy_step(deepcoral),
    "dan": discrepancy_step(dan),
    "dann": dann_step,
    "mcc": mcc_step,
}


class Net(nn.Module):
    """Backbone and head, and the discriminator of DANN."""

    def __init__(self, task, method):
        super().__init__()
        self.backbone = nets.backbone_of(task)
        self.head = nets.head_of(task)
        if method == "dann":
            self.dann = Dann()

    def forward(self, rows):
        """Return logits."""
        return self.head(self.backbone(rows))


def train(net, method, task, epochs, report=None):
    """Train `net` by `method`; `report` takes the results of each step."""
    step_of = STEPS[method]
    optimizer = nets.optimizer(net)
    n_steps = epochs * nets.steps_per_epoch(task)
    net.train()
    for step, batch in enumerate(paired_batches(task, epochs)):
        for group in optimizer.param_groups:
            group["lr"] = nets.LR * nets.pace(step, n_steps)
        ramp = 2 / (1 + math.exp(-10 * step / n_steps)) - 1
        optimizer.zero_grad(set_to_none=True)
        loss, gap, logits = step_of(net, batch, ramp)
        (loss if gap is None else loss + gap).backward()
        optimizer.step()
        if report is not None:
            report.add(loss, gap, logits, batch[1])


class Report:
    """Means over the steps of each epoch of what a step resulted in."""

    def __init__(self, net, steps_per_epoch):
        self.net, self.steps_per_epoch = net, steps_per_epoch
        self.n_steps, self.sums, self.history = 0, Counter(), []

    def add(self, loss, gap, logits, labels):
        """Add the results of a step, and end the epoch if it was the last."""
        self.sums["loss"] += loss.item()
        self.sums["accuracy"] += (logits.argmax(1) == labels).float().mean().item()
        if gap is not None:
            self.sums["gap"] += gap.item()
        if hasattr(self.net, "dann"):
            self.sums["domain_accuracy"] += self.net.dann.accuracy().item()
        self.n_steps += 1
        if self.n_steps % self.steps_per_epoch == 0:
            means = {k: v / self.steps_per_epoch for k, v in self.sums.items()}
            self.history.append(means)
            self.sums.clear()


@torch.no_grad()
def take_statistics(net, rows):
    """Let the batch norm of `net` have the statistics of `rows`."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    net.train()
    for batch in rows.split(512):
        net(batch)


def fit_predict(task, method, epochs, seed, reports=False):
    """Return predictions for the held-out rows, and CPU seconds per epoch."""
    torch.manual_seed(seed)
    net = Net(task, method)
    report = Report(net, nets.steps_per_epoch(task)) if reports else None
    start = time.process_time()
    train(net, method, task, epochs, report)
    if method != "source_only":
        take_statistics(net, nets.as_tensor(task.X_target))
    seconds = (time.process_time() - start) / epochs
    return nets.predict(net, task.X_test), seconds
