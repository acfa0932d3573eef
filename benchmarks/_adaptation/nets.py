"""The net, the optimizer and the data that all contestants share."""

import math

import torch
from torch import nn

BATCH = 64  # rows of each domain
LR, WEIGHT_DECAY, WARM_UP = 1e-3, 1e-4, 50
WIDTH = 64  # number of features


def backbone_of(task):
    """Return a new net from rows to features, all layers with batch norm."""
    if task.is_table:
        return nn.Sequential(dense(task.X_source.shape[1]), dense(WIDTH))
    height, width = task.X_source.shape[1:3]
    channels = 1 if task.X_source.ndim == 3 else task.X_source.shape[3]
    return nn.Sequential(
        convolution(channels, 16),
        convolution(16, 32),
        nn.Sequential(nn.Flatten(), dense(32 * (height // 4) * (width // 4))),
    )


def dense(n_inputs):
    """Return a fully connected layer."""
    return nn.Sequential(nn.Linear(n_inputs, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU())


def convolution(n_inputs, n_outputs):
    """Return a convolution, and pooling to half the size."""
    return nn.Sequential(
        nn.Conv2d(n_inputs, n_outputs, 3, padding=1),
        nn.BatchNorm2d(n_outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def head_of(task):
    """Return a new classifier of features."""
    return nn.Linear(WIDTH, task.n_classes)


def discriminator(n_inputs=WIDTH, n_outputs=1):
    """Return the hidden layers and logits of a new judge of domains."""
    return nn.Sequential(
        nn.Linear(n_inputs, 128),
        nn.ReLU(),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Linear(128, n_outputs),
    )


def optimizer(*modules):
    """Return a new AdamW, in which biases and norm layers do not decay, as in ours."""
    parameters = [p for module in modules for p in module.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, LR, weight_decay=WEIGHT_DECAY, fused=True)


def pace(step, n_steps):
    """Return the factor of the learning rate: warm-up, then half a cosine."""
    return min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / n_steps)) / 2


def steps_per_epoch(task):
    """Return the number of batches; the domain with more rows is seen once."""
    return -(-max(len(task.y_source), len(task.y_target)) // BATCH)


def as_tensor(X):
    """Return the rows as the nets take them."""
    rows = torch.from_numpy(X)
    if rows.ndim == 2:
        return rows
    rows = rows.unsqueeze(1) if rows.ndim == 3 else rows.permute(0, 3, 1, 2)
    return rows.contiguous().float() / 255


@torch.no_grad()
def predict(net, X):
    """Return the class of each row of the array X, by running statistics."""
    net.eval()
    return net(as_tensor(X)).argmax(1).numpy()
