"""The objective: weights, soft labels, penalties."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer._training.batches import Batch
from sktransfer._training.objective import Objective
from sktransfer.finetuning import (
    LDAM,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    SquaredError,
)

COUNTS = torch.tensor([5.0, 1.0, 3.0], dtype=torch.float64)
LOSSES = [CrossEntropy(), CrossEntropy(0.1), Focal(), BalancedSoftmax(), LDAM()]


@pytest.fixture
def logits():
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_soft_labels_are_the_weighted_losses_of_two_classes(logits, loss):
    objective = Objective(loss, COUNTS)
    first, second = torch.tensor([0, 1, 2, 2]), torch.tensor([1, 1, 0, 1])
    share = torch.tensor([0.3, 0.6, 0.9, 0.5]).double()
    soft = torch.zeros(4, 3).double()
    soft[range(4), first] += share
    soft[range(4), second] += 1 - share
    parts = [loss.loss(logits, y, COUNTS) for y in (first, second)]
    expected = (share * parts[0] + (1 - share) * parts[1]).mean()
    ours = objective.task_loss(logits, Batch(None, soft, None))
    assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_one_hot_labels_are_labels(logits, loss):
    objective = Objective(loss, COUNTS)
    y = torch.tensor([0, 2, 2, 1])
    hard = objective.task_loss(logits, Batch(None, y, None))
    soft = objective.task_loss(logits, Batch(None, torch.eye(3)[y].double(), None))
    assert_allclose(soft, hard, rtol=1e-9)


def test_a_class_without_rows_leaves_soft_labels_finite(logits):
    objective = Objective(BalancedSoftmax(), torch.tensor([5.0, 1.0, 0.0]).double())
    soft = torch.eye(3).double()[torch.tensor([0, 0, 1, 1])]
    assert torch.isfinite(objective.task_loss(logits, Batch(None, soft, None)))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_weights_make_a_weighted_mean(logits, loss):
    y, weight = torch.tensor([0, 2, 2, 1]), torch.tensor([1.0, 2.0, 0.5, 4.0]).double()
    ours = Objective(loss, COUNTS).task_loss(logits, Batch(None, y, weight))
    rows = loss.loss(logits, y, COUNTS).numpy()
    assert_allclose(ours, np.average(rows, weights=weight), rtol=1e-9)


def test_targets_of_a_regression_are_no_soft_labels(logits):
    y = torch.zeros(4, 3).double()
    ours = Objective(SquaredError()).task_loss(logits, Batch(None, y, None))
    assert_allclose(ours, logits.square().mean(), rtol=1e-9)


def test_half_precision_logits_are_computed_in_single(logits):
    y = torch.tensor([0, 2, 2, 1])
    half = Objective(CrossEntropy(), COUNTS).task_loss(
        logits.bfloat16(), Batch(None, y, None)
    )
    assert half.dtype == torch.float32


def test_a_subclass_is_asked_for_its_own_loss(logits):
    class Doubled(CrossEntropy):
        def loss(self, logits, y, class_counts=None):
            return 2 * super().loss(logits, y)

    batch = Batch(None, torch.tensor([0, 2, 2, 1]), None)
    plain = Objective(CrossEntropy(), COUNTS).task_loss(logits, batch)
    assert_allclose(Objective(Doubled(), COUNTS).task_loss(logits, batch), 2 * plain)
