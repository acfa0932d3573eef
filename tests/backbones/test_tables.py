"""The network for tables and its standardisation."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from sktransfer.backbones import load_backbone
from sktransfer.backbones._tables import Standardize, fit_statistics


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(loc=[1e6, -3, 0], scale=[1e-2, 5, 1], size=(50, 3))


def test_it_standardizes_as_scikit_learn_does(X):
    ours = Standardize(3).double().fit_(X)(torch.tensor(X))
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(X), rtol=1e-6)


def test_weights_equal_repeated_rows(X):
    weight = np.arange(50) % 3
    weighted = Standardize(3).double().fit_(X, weight)
    repeated = Standardize(3).double().fit_(np.repeat(X, weight, axis=0))
    torch.testing.assert_close(weighted.mean, repeated.mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(weighted.scale, repeated.scale, rtol=1e-9, atol=0)


@pytest.mark.parametrize("n_rows", [1, 3, 10_001])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e20, 1e-20])
def test_constant_columns_become_zero_not_noise(n_rows, value):
    X = torch.full((n_rows, 2), value, dtype=torch.float64)
    standardize = Standardize(2).double().fit_(X)
    assert torch.equal(standardize.scale, torch.ones(2).double())


def test_statistics_are_double_precision_even_for_a_float32_net():
    X = 16_777_216.0 + np.array([[0], [1], [5]])  # 2**24, where float32 gets coarse
    standardize = Standardize(1).fit_(X)
    assert standardize.scale.item() == pytest.approx(X.std(), rel=1e-6)


def test_the_mlp_is_two_hidden_layers_of_64(X):
    backbone = load_backbone("mlp", n_inputs=3, dtype=torch.float64)
    fit_statistics(backbone, X)
    x = torch.tensor((X - X.mean(0)) / X.std(0))
    first, second = backbone.stages
    with torch.no_grad():
        hidden = torch.relu(x @ first.weight.T + first.bias)
        expected = torch.relu(hidden @ second.weight.T + second.bias)
        torch.testing.assert_close(backbone(torch.tensor(X)), expected)
    assert backbone.n_features == 64
    assert [f.shape[1] for f in backbone.forward_stages(x, [0, 1])] == [64, 64]


def test_the_mlp_treats_rows_alone(X):
    backbone = load_backbone("mlp", n_inputs=3, dtype=torch.float64).train()
    x = torch.tensor(X)
    torch.testing.assert_close(backbone(x)[7:8], backbone(x[7:8]))


def test_the_wide_network_has_four_times_the_width():
    wide = load_backbone("mlp_wide", n_inputs=3)
    assert [tuple(stage.weight.shape) for stage in wide.stages] == [
        (256, 3),
        (256, 256),
    ]
    assert (wide.name, wide.n_features) == ("mlp_wide", 256)
