"""Random numbers that leave the global generators as they were found."""

from contextlib import nullcontext

import numpy as np
import torch

from sktransfer._utils.seeds import draw_seed, isolated_rng


def test_the_global_generator_is_restored():
    before = torch.get_rng_state()
    with isolated_rng(3):
        first = torch.rand(3)
    with isolated_rng(3):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_generator_of_the_device_named_is_seeded(monkeypatch):
    generators = [torch.Generator(), torch.Generator()]
    monkeypatch.setattr(torch.cuda, "default_generators", generators)
    forked = []
    monkeypatch.setattr(
        torch.random, "fork_rng", lambda devices: nullcontext(forked.extend(devices))
    )
    current = generators[0].get_state()
    state = torch.get_rng_state()
    with isolated_rng(5, "cuda:1"):
        assert generators[1].initial_seed() == 5
    torch.set_rng_state(state)
    assert forked == [1]
    assert torch.equal(generators[0].get_state(), current)


def test_an_int_gives_the_same_seed_and_a_generator_the_next():
    assert draw_seed(0) == draw_seed(0)
    generator = np.random.RandomState(0)
    assert draw_seed(generator) != draw_seed(generator)
