"""Time of training, as a ratio to rivals with the same optimizer.

Run ``python benchmarks/training.py``. Ours, a bare PyTorch loop and plain skorch are
interleaved in one process; the table shows the median and the range of the ratios over
the rounds. The bare loop does nothing but steps. Ours also standardises the columns,
changes the learning rate at every step and reports loss and accuracy of every epoch: on
the table there is a loop by hand that does so too, by scikit-learn and torch.
"""

import numpy as np
import torch
from _tables import median_and_range, seconds
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

from sktransfer import FineTuneClassifier

ROUNDS = 7


def bare_loop(net, inputs, labels, batch_size, epochs):
    """Train as a careful person writes it by hand."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
    net.train()
    for _ in range(epochs):
        order = torch.randperm(len(labels))
        shuffled, targets = inputs[order], labels[order]
        for start in range(0, len(labels), batch_size):
            rows = slice(start, start + batch_size)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(net(shuffled[rows]), targets[rows])
            loss.backward()
            optimizer.step()


def reporting_loop(net, inputs, labels, batch_size, epochs):
    """Train by hand with all that ours does beside: it scales, schedules, reports."""
    scaler = StandardScaler().fit(inputs.numpy())
    inputs = torch.from_numpy(scaler.transform(inputs.numpy()))
    starts = range(0, len(labels), batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1e-2, total_steps=epochs * len(starts), cycle_momentum=False
    )
    net.train()
    history = []
    for _ in range(epochs):
        order = torch.randperm(len(labels))
        shuffled, targets = inputs[order], labels[order]
        total_loss, n_hits = torch.zeros(()), torch.zeros((), dtype=int)
        for start in starts:
            rows = slice(start, start + batch_size)
            optimizer.zero_grad(set_to_none=True)
            logits = net(shuffled[rows])
            loss = F.cross_entropy(logits, targets[rows])
            loss.backward()
            optimizer.step()
            schedule.step()
            total_loss += loss.detach() * len(logits)
            n_hits += (logits.detach().argmax(1) == targets[rows]).sum()
        history.append((total_loss.item() / len(labels), n_hits.item() / len(labels)))


def table_net(n_columns):
    """Return the net that our "mlp" is, without its standardisation."""
    return nn.Sequential(
        nn.Linear(n_columns, 64),
        nn.ReLU(),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Linear(64, 2),
    )


def plain_skorch(X, y, batch_size, epochs):
    """Return skorch's own classifier with that net, as its documentation has it."""
    return NeuralNetClassifier(
        table_net(X.shape[1]),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=1e-3,
        batch_size=batch_size,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def on_table(batch_size, epochs=10):
    """Return ours and its rivals on 10,000 rows of 100 columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 100)).astype(np.float32)
    y = (X[:, :3].sum(1) > 0).astype(int)
    inputs, labels = torch.from_numpy(X), torch.from_numpy(y)
    model = FineTuneClassifier(max_epochs=epochs, batch_size=batch_size, device="cpu")
    rivals = {
        "bare loop": lambda: bare_loop(
            table_net(100), inputs, labels, batch_size, epochs
        ),
        "loop that scales, schedules, reports": lambda: reporting_loop(
            table_net(100), inputs, labels, batch_size, epochs
        ),
        "plain skorch": lambda: plain_skorch(X, y, batch_size, epochs).fit(X, y),
    }
    return lambda: model.fit(X, y), rivals


def on_images(epochs=2):
    """Return ours and its rivals with resnet18 on 128 images of 64 x 64."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(128, 64, 64, 3), dtype=np.uint8)
    y = rng.integers(0, 2, size=128)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    images = torch.from_numpy(X).permute(0, 3, 1, 2).contiguous().float() / 255
    inputs, labels = (images - mean) / std, torch.from_numpy(y)
    # resize and crop are switched off by a size that the images have already
    model = FineTuneClassifier(
        "resnet18",
        weights=None,
        strategy="full",
        image_size=64,
        max_epochs=epochs,
        batch_size=32,
        device="cpu",
    )

    def by_hand(layout):
        net = resnet18()
        net.fc = nn.Linear(512, 2)
        net, images = net.to(memory_format=layout), inputs.to(memory_format=layout)
        bare_loop(net, images, labels, 32, epochs)

    rivals = {
        "bare loop": lambda: by_hand(torch.contiguous_format),
        "bare loop, channels last": lambda: by_hand(torch.channels_last),
    }
    return lambda: model.fit(X, y), rivals


def rounds_of(ours, rivals, rounds):
    """Return the ratios to each rival in each round, after a round to warm up."""
    ratios = {name: [] for name in rivals}
    for number in range(rounds + 1):
        time_of_ours = seconds(ours)
        for name, rival in rivals.items():
            ratio = time_of_ours / seconds(rival)
            if number:
                ratios[name].append(ratio)
    return ratios


def table():
    """Return the lines of the table."""
    torch.set_num_threads(1)
    cases = {
        "table net, batch 32": (on_table(32), ROUNDS),
        "table net, batch 128": (on_table(128), ROUNDS),
        "resnet18 at 64 x 64, batch 32": (on_images(), 5),
    }
    yield f"torch {torch.__version__}, one thread, AdamW (fused); `fit` as a whole\n"
    yield "| case | rival | our time / its time, median | range |"
    yield "|---|---|---|---|"
    for name, (contestants, rounds) in cases.items():
        for rival, values in rounds_of(*contestants, rounds).items():
            yield f"| {name} | {rival} | {median_and_range(values)} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
