"""Schedules against torch's own schedulers."""

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, OneCycleLR

from sktransfer._training.schedules import SCHEDULES, factors


def _torch_factors(make, n_steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, values = make(optimizer), []
    for _ in range(n_steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(values)


@pytest.mark.parametrize("n_steps", [10, 37, 300])
def test_one_cycle_is_the_one_of_torch(n_steps):
    expected = _torch_factors(
        lambda o: OneCycleLR(o, max_lr=1.0, total_steps=n_steps + 1), n_steps + 1
    )[:n_steps]
    # torch counts one step more; the shape is the same on the same number of steps
    ours = factors("one_cycle", n_steps + 1)[:n_steps]
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.mark.parametrize("n_steps", [40, 300])
def test_cosine_is_the_one_of_torch_after_the_warm_up(n_steps):
    expected = _torch_factors(lambda o: CosineAnnealingLR(o, T_max=n_steps), n_steps)
    warm = n_steps // 20
    np.testing.assert_allclose(factors("cosine", n_steps)[warm:], expected[warm:])


def test_linear_is_the_one_of_torch_after_the_warm_up():
    expected = _torch_factors(lambda o: LinearLR(o, 1.0, 0.0, total_iters=100), 100)
    np.testing.assert_allclose(factors("linear", 100)[5:], expected[5:])


@pytest.mark.parametrize("name", ["cosine", "linear"])
def test_warm_up_rises_from_a_share_of_the_peak(name):
    first = factors(name, 200)[:10]
    np.testing.assert_allclose(first / first[-1], np.arange(1, 11) / 10, rtol=0.06)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n_steps", [1, 2, 3, 4])
def test_short_runs_have_finite_positive_factors(name, n_steps):
    values = factors(name, n_steps)
    assert values.shape == (n_steps,)
    assert np.all((values > 0) & (values <= 1))
