"""Training by a teacher against loops by hand; who learns and who does not."""

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional as F

from sktransfer import DistillationClassifier, FineTuneClassifier
from sktransfer.distillation import FitNet

from ..nets import images, same_state, state_of, table, tiny_backbone

N, COLUMNS, CLASSES = 24, 5, 3
X, Y = table(N, COLUMNS, CLASSES)
STEP = {
    "optimizer": "sgd",
    "lr": 0.05,
    "lr_schedule": "constant",
    "max_epochs": 4,
    "batch_size": 10 * N,
    "random_state": 0,
}


class Witness(Callback):
    """Notes nets before training and what learns at each step."""

    start: object = None
    learners: tuple = ()

    def on_train_begin(self, net, **kwargs):
        Witness.start = copy.deepcopy(net.module_)
        Witness.peers = [copy.deepcopy(peer.module_) for peer in net.peers]

    def on_grad_computed(self, net, **kwargs):
        aux, module = net.lesson.aux, net.module_
        parts = [module.backbone, module.head, *([] if aux is None else [aux])]
        Witness.learners = [
            any(p.grad is not None and p.grad.any() for p in part.parameters())
            for part in parts
        ]


def _net(width=6, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(COLUMNS, width), nn.Tanh()).double()


def _logits_net(seed=1):
    torch.manual_seed(seed)
    return nn.Linear(COLUMNS, CLASSES).double()


def _optimizer(module):
    return torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9, nesterov=True)


def _kd(logits, teacher, weight, T):
    target = F.softmax(teacher / T, 1)
    rows = (target * (target.log() - F.log_softmax(logits / T, 1))).sum(1)
    return T**2 * (rows * weight).sum() / weight.sum()


def _fit(method="kd", teacher=None, sample_domain=None, sample_weight=None, **settings):
    model = DistillationClassifier(
        teacher,
        _net(),
        method=method,
        callbacks=[Witness()],
        **(STEP | {"temperature": 3.0, "alpha": 0.7} | settings),
    )
    return model.fit(X, Y, sample_domain, sample_weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("labelled", [N, 10])
def test_kd_is_the_loop_by_hand(labelled, weighted):
    teacher = _logits_net()
    weight = np.arange(1.0, N + 1) if weighted else np.ones(N)
    domain = np.where(np.arange(N) < labelled, 1, -1)
    model = _fit("kd", teacher, domain, weight if weighted else None)

    module, rows, y = Witness.start, torch.tensor(X), torch.tensor(Y)
    weight, has_label = torch.tensor(weight), torch.tensor(domain > 0)
    optimizer = _optimizer(module)
    for _ in range(4):
        logits = module(rows).logits
        losses = F.cross_entropy(logits, y, reduction="none")
        task = (losses * weight * has_label).sum() / weight.sum()
        with torch.no_grad():
            told = teacher(rows)
        loss = 0.3 * task + 0.7 * _kd(logits, told, weight, 3.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for ours, by_hand in zip(
        model.net_.module_.parameters(), module.parameters(), strict=True
    ):
        assert_allclose(ours.detach(), by_hand.detach(), rtol=1e-9, atol=1e-12)


def test_mutual_learning_is_the_loop_by_hand():
    teacher = FineTuneClassifier(_net(9, seed=3), backbone_lr_ratio=1.0, **STEP)
    model = _fit("mutual", teacher)
    assert (model.n_epochs_, model.teacher_.n_epochs_) == (4, 4)
    modules, rows, y = [Witness.start, *Witness.peers], torch.tensor(X), torch.tensor(Y)
    optimizers = [_optimizer(module) for module in modules]
    for _ in range(4):
        logits = [module(rows).logits for module in modules]
        for own, other, optimizer in zip(logits, logits[::-1], optimizers, strict=True):
            told = other.detach()
            loss = 0.3 * F.cross_entropy(own, y)
            loss = loss + 0.7 * _kd(own, told, torch.ones(N), 3.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for fitted, module in zip([model, model.teacher_], modules, strict=True):
        pairs = zip(fitted.net_.module_.parameters(), module.parameters(), strict=True)
        for ours, by_hand in pairs:
            assert_allclose(ours.detach(), by_hand.detach(), rtol=1e-9, atol=1e-12)


def test_batches_find_the_words_on_their_rows():
    """Shuffled small batches: with alpha=1 the student becomes the teacher."""
    teacher = _logits_net()
    model = DistillationClassifier(
        teacher, alpha=1.0, temperature=1.0, batch_size=5, random_state=0
    ).fit(X, Y)
    told = teacher(torch.tensor(X)).softmax(1).detach()
    assert np.abs(model.predict_proba(X) - told.numpy()).max() < 0.02


@pytest.mark.parametrize(
    ("method", "learners"),
    [("kd", 2), ("dist", 2), ("fitnet", 3), ("rkd", 2)],
)
def test_student_and_regressor_learn_and_the_teacher_does_not(method, learners):
    teacher = FineTuneClassifier(_net(9), max_epochs=1, random_state=0).fit(X, Y)
    before, module = state_of(teacher.net_.module_), teacher.net_.module_
    model = _fit(method, FrozenEstimator(teacher), alpha=1.0)
    assert Witness.learners == [True] * learners
    assert same_state(state_of(module), before)
    assert all(p.grad is None for p in module.parameters())
    assert model.teacher_.estimator is teacher


def test_the_regressor_is_let_go_of():
    teacher = FrozenEstimator(FineTuneClassifier(_net(9), **STEP).fit(X, Y))
    model = _fit(FitNet(), teacher)
    groups = model.net_.optimizer_.param_groups
    known = {id(p) for p in model.net_.module_.parameters()}
    assert {id(p) for group in groups for p in group["params"]} <= known
    assert {id(p) for p in model.net_.optimizer_.state} <= known
    assert (model.net_.lesson, model.net_.peers) == (None, ())


def test_history_tells_of_labels_and_method():
    model = _fit("kd", _logits_net(), max_epochs=1)
    logits, y = Witness.start(torch.tensor(X)).logits.detach(), torch.tensor(Y)
    (epoch,) = model.history_
    assert epoch["train_loss"] == pytest.approx(F.cross_entropy(logits, y).item())
    assert epoch["train_acc"] == pytest.approx((logits.argmax(1) == y).double().mean())
    told = _logits_net()(torch.tensor(X)).detach()
    kd = _kd(logits, told, torch.ones(N), 3.0).item()
    assert epoch["kd_loss"] == pytest.approx(kd, rel=1e-6)


def test_figures_are_of_labelled_rows():
    domain = np.where(np.arange(N) < 10, 1, -1)
    wrong = np.where(domain < 0, (Y + 1) % CLASSES, Y)
    one, other = (
        DistillationClassifier(_logits_net(), _net(), **STEP).fit(X, y, domain).history_
        for y in (Y, wrong)
    )
    assert one[:, ("train_loss", "train_acc")] == other[:, ("train_loss", "train_acc")]


class Counting(nn.Module):
    """Counts the rows that it was asked about, in all copies."""

    asked: list = []

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, images):
        Counting.asked.append(images)
        return self.linear(images.mean((2, 3)))


@pytest.mark.parametrize("augment", [None, "light"])
def test_teachers_are_asked_once_or_see_what_the_student_sees(augment):
    pixels, y = images(12)
    Counting.asked = []
    DistillationClassifier(
        Counting(), tiny_backbone(), augment=augment, max_epochs=3, random_state=0
    ).fit(pixels, y)
    asked = [batch for batch in Counting.asked if len(batch) == 12]
    assert len(asked) == (1 if augment is None else 3)
    clean = torch.tensor(pixels).permute(0, 3, 1, 2) / 255
    assert torch.equal(asked[0], clean) == (augment is None)
    assert all(batch.min() >= 0 and batch.max() <= 1 for batch in asked)


def test_a_net_of_ours_sees_augmented_images(monkeypatch):
    pixels, y = images(12)
    teacher = FineTuneClassifier(tiny_backbone(), random_state=0).fit(pixels, y)
    seen = []
    own = type(teacher.net_.module_).forward
    monkeypatch.setattr(
        type(teacher.net_.module_),
        "forward",
        lambda self, inputs, *a, **k: (
            seen.append((self.training, inputs)) or own(self, inputs, *a, **k)
        ),
    )
    DistillationClassifier(
        FrozenEstimator(teacher),
        tiny_backbone(seed=1),
        augment="light",
        max_epochs=1,
        random_state=0,
    ).fit(pixels, y)
    (_, by_student), (training, by_teacher) = seen[-2:]
    assert torch.equal(by_student, by_teacher)
    assert not training
