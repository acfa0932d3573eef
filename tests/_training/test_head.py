"""The head and the scale of its features."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sktransfer._training.head import (
    build_head,
    is_linear,
    put_linear_map,
    standardization,
)

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(50, 4)) * [1, 10, 0.1, 1] + 3


def _fitted(head="linear", modality="image"):
    backbone = SimpleNamespace(n_features=4, modality=modality)
    head = build_head(head, backbone, 3, torch.float64, standardizes=True)
    standardization(head).fit_(FEATURES)
    return head


def test_a_linear_map_of_raw_features_is_the_same_on_standardised_ones():
    head, weight, bias = _fitted(), RNG.normal(size=(3, 4)), RNG.normal(size=3)
    put_linear_map(head, weight, bias)
    ours = head(torch.from_numpy(FEATURES)).detach().numpy()
    np.testing.assert_allclose(ours, FEATURES @ weight.T + bias, rtol=1e-9)


@pytest.mark.parametrize("modality", ["image", "text"])
def test_features_are_limited_to_twice_the_range_of_training(modality):
    scale = standardization(_fitted(modality=modality))
    seen = scale(torch.from_numpy(FEATURES)).abs().amax(0)
    far = scale(torch.full((1, 4), 1e9, dtype=torch.float64))
    torch.testing.assert_close(far[0], 2 * seen)


def test_features_of_tables_go_on_without_a_limit():
    scale = standardization(_fitted(modality="table"))
    far = scale(torch.full((1, 4), 1e9, dtype=torch.float64)).numpy()
    expected = (1e9 - FEATURES.mean(0)) / FEATURES.std(0)
    np.testing.assert_allclose(far[0], expected, rtol=1e-12)


def test_a_feature_that_was_constant_has_no_say():
    features = FEATURES.copy()
    features[:, 2] = 0.7
    scale = standardization(_fitted()).fit_(features)
    moved = torch.from_numpy(features)
    moved[:, 2] = 1e6
    assert scale(moved)[:, 2].abs().max() < 1e-9


def test_hidden_layers_make_a_head_that_is_not_linear():
    assert is_linear(_fitted())
    assert not is_linear(_fitted((8,)))
