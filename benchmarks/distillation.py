"""Accuracy, size and latency of students and their teachers.

Run ``python benchmarks/distillation.py DATA WORK [STEP ...]``: DATA holds
``cifar10_subset.npz`` and the ImageNet weights of SqueezeNet, WORK keeps what takes
long. Steps, in order:

- ``teacher``: SqueezeNet is fine-tuned on the 5000 training images at 128 pixels and
  asked of six changed copies of each, once;
- ``choose``: settings of each method, by a fifth of the training images, one seed;
- ``students``: six convolutions at 32 pixels, with an eighth of the multiply-adds
  (9.7 million to 80), trained on these copies by labels alone and by each method, three
  seeds;
- ``compare``: size, accuracy and milliseconds an image of the teacher and the best
  student, in turn, one thread.
"""

import pickle
import sys
import time
from itertools import chain, product
from pathlib import Path

import numpy as np
import torch
from _tables import table
from accuracy.photographs import SHIFT_AND_MIRROR, TUNED_CIFAR, cifar, squeezenet
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import Conv2dNormActivation

from sktransfer import DistillationClassifier, FineTuneClassifier
from sktransfer.distillation import RKD, FitNet

SEEDS = (0, 1, 2)
N_COPIES, N_EPOCHS = 6, 6
WIDTHS_AND_STRIDES = ((32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1))

# Best of CANDIDATES by `choose`: 64.5 % by labels alone, 67.7 by "kd", 70.4 by "dist",
# 68.4 by "fitnet", 67.7 by "rkd".
CHOSEN = {
    "kd": {"method": "kd", "temperature": 4.0},
    "dist": {"method": "dist", "temperature": 4.0},
    "fitnet": {"method": FitNet(weight=1.0)},
    "rkd": {"method": RKD(2.5, 5.0)},
    "mutual": {"method": "mutual", "temperature": 1.0, "alpha": 0.5},  # the paper's
}
BEST = "dist"
CANDIDATES = {
    "kd": [{"method": "kd", "temperature": temperature} for temperature in (2.0, 4.0)],
    "dist": [
        {"method": "dist", "temperature": temperature} for temperature in (1.0, 4.0)
    ],
    "fitnet": [{"method": FitNet(weight=weight)} for weight in (1.0, 10.0)],
    "rkd": [{"method": RKD(2.5, 5.0)}],
}


class Remembering(nn.Module):
    """Looks up what the teacher said of an image, as a teacher would be asked."""

    def __init__(self, images, logits, features):
        super().__init__()
        self.row = {image.tobytes(): row for row, image in enumerate(images)}
        self.logits, self.features = torch.tensor(logits), torch.tensor(features)

    def forward(self, images):
        """Return logits and features of floats (n, 3, 32, 32) in 0 to 1."""
        images = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
        rows = [self.row[image.tobytes()] for image in images]
        return self.logits[rows], self.features[rows]


def student_net(seed):
    """Return the student, not trained."""
    torch.manual_seed(seed)
    layers, inputs = [], 3
    for outputs, stride in WIDTHS_AND_STRIDES:
        layers.append(Conv2dNormActivation(inputs, outputs, 3, stride))
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def copies(X):
    """Return shifted and mirrored copies of the images, one set after the other."""
    torch.manual_seed(0)
    images = torch.tensor(X).permute(0, 3, 1, 2)
    changed = [SHIFT_AND_MIRROR(image) for _ in range(N_COPIES) for image in images]
    return torch.stack(changed).permute(0, 2, 3, 1).contiguous().numpy()


def fine_tuned(data):
    """Return the fine-tuned SqueezeNet, as in accuracy/photographs.py."""
    model = FineTuneClassifier(
        squeezenet(data, pooling="avgmax", image_size=128),
        max_epochs=12,
        batch_size=32,
        lr=1e-3,
        n_views=2,
        random_state=0,
        precision="bf16",
        **TUNED_CIFAR,
    )
    return model.fit(*cifar(data)[0])


def teacher(data, work):
    """Fine-tune the teacher; write it and what it says of the copies."""
    (X, y), (X_test, y_test) = cifar(data)
    path = work / "teacher.pkl"
    if not path.exists():
        path.write_bytes(pickle.dumps(fine_tuned(data)))
    model = pickle.loads(path.read_bytes())
    print(f"teacher: {model.score(X_test, y_test):.4f} with two views", flush=True)
    model.set_params(n_views=1)
    print(f"teacher: {model.score(X_test, y_test):.4f} with one", flush=True)
    np.save(work / "test_features.npy", model.features(X_test))
    rows = copies(X)
    said = {"logits": model.decision_function(rows), "features": model.features(rows)}
    agreement = (said["logits"].argmax(1) == np.tile(y, N_COPIES)).mean()
    print(f"teacher: {agreement:.4f} on the copies of the training images")
    np.savez(work / "said.npz", images=rows, y=np.tile(y, N_COPIES), **said)


def remembered(work):
    """Return the copies, their labels and the teacher that remembers them."""
    said = np.load(work / "said.npz")
    images = said["images"]
    return images, said["y"], Remembering(images, said["logits"], said["features"])


def student(settings, memory, seed):
    """Return a student, or for None the same net that learns from labels alone."""
    how = {"batch_size": 128, "lr": 3e-3, "precision": "bf16"}
    shared = {**how, "max_epochs": N_EPOCHS, "random_state": seed}
    net = student_net(seed)
    if settings is None:
        return FineTuneClassifier(net, strategy="full", **shared)
    who = memory
    if settings["method"] == "mutual":
        who = FineTuneClassifier(student_net(seed + 100), **how)
    return DistillationClassifier(who, net, **settings, **shared)


def choose(data, work):
    """Print the accuracy of each candidate on a fifth of the training images."""
    X, y, memory = remembered(work)
    (originals, labels), _ = cifar(data)
    train, held_out = train_test_split(
        np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    rows = np.concatenate([train + len(labels) * copy for copy in range(N_COPIES)])
    for settings in [None, *chain(*CANDIDATES.values())]:
        start = time.perf_counter()
        model = student(settings, memory, seed=10)
        score = model.fit(X[rows], y[rows]).score(originals[held_out], labels[held_out])
        seconds = time.perf_counter() - start
        print(f"{score:.4f} {settings} ({seconds:.0f} s)", flush=True)


def alignment(A, B):
    """Return the linear CKA [Kornblith et al. 2019] of two tables of features."""
    A, B = A - A.mean(axis=0), B - B.mean(axis=0)
    own = np.linalg.norm(A.T @ A) * np.linalg.norm(B.T @ B)
    return np.linalg.norm(A.T @ B) ** 2 / own


def students(data, work):
    """Print accuracy and nearness to the teacher's features; write the students."""
    X, y, memory = remembered(work)
    _, (X_test, y_test) = cifar(data)
    features = np.load(work / "test_features.npy")
    for (name, settings), seed in product({"labels": None, **CHOSEN}.items(), SEEDS):
        model = student(settings, memory, seed).fit(X, y)
        score = model.score(X_test, y_test)
        nearness = alignment(model.features(X_test), features)
        print(f"{name:8} {seed} {score:.4f} nearness {nearness:.3f}", flush=True)
        if settings:
            model.set_params(teacher=None).teacher_ = None
        (work / f"{name}{seed}.pkl").write_bytes(pickle.dumps(model))


def compare(data, work):
    """Print a table of the teacher and the student by `BEST`."""
    torch.set_num_threads(1)
    X_test, y_test = cifar(data)[1]
    paths = {"teacher": work / "teacher.pkl", "student": work / f"{BEST}0.pkl"}
    models = {name: pickle.loads(path.read_bytes()) for name, path in paths.items()}
    for model in models.values():
        model.set_params(n_views=1, precision="float32").predict(X_test[:64])
    times = {name: [] for name in models}
    for _, (name, model) in product(range(15), models.items()):
        start = time.perf_counter()
        model.predict_proba(X_test[:64])
        times[name].append((time.perf_counter() - start) / 64 * 1e3)
    header = ["", "accuracy %", "parameters", "multiply-adds", "ms an image"]
    lines = []
    for name, model in models.items():
        accuracy = f"{100 * model.score(X_test, y_test):.1f}"
        milliseconds = f"{np.median(times[name]):.2f}"
        lines.append([name, accuracy, *sizes(model), milliseconds])
    print(table(header, lines))


def sizes(model):
    """Return thousands of parameters, and millions of multiply-adds of an image."""
    count = sum(p.numel() for p in model.net_.module_.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.net_.module_.eval()(torch.rand(1, 3, 32, 32))
    return f"{count / 1e3:.0f} k", f"{counter.get_total_flops() / 2e6:.1f} M"


STEPS = {step.__name__: step for step in (teacher, choose, students, compare)}


def main(data, work, *names):
    """Run the steps."""
    Path(work).mkdir(exist_ok=True)
    for name in names or STEPS:
        STEPS[name](Path(data), Path(work))


if __name__ == "__main__":
    main(*sys.argv[1:])
