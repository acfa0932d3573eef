"""The denoising autoencoder of tables."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from sktransfer import PretrainedFeatureExtractor
from sktransfer.pretraining import Denoising

from ..nets import same_state, state_of


def _uniform(n=400):
    return torch.rand(n, 50, generator=torch.Generator().manual_seed(0))


def test_the_given_share_of_entries_is_replaced():
    X = _uniform()
    torch.manual_seed(0)
    changed = (Denoising(0.2).corrupt(X) != X).float().mean().item()
    assert abs(changed - 0.2) < 0.01


def test_entries_come_from_the_same_column():
    X = _uniform() + torch.arange(50)
    corrupted = Denoising(1.0).corrupt(X)
    assert torch.equal(corrupted.floor(), torch.arange(50.0).expand(400, 50))
    assert all(torch.isin(corrupted[:, j], X[:, j]).all() for j in range(50))


def test_the_rows_themselves_stay_as_they_are():
    X = _uniform()
    before = X.clone()
    Denoising(0.5).corrupt(X)
    assert torch.equal(X, before)


def _table():
    rng = np.random.default_rng(0)
    return np.sin(rng.normal(size=(300, 3)) @ rng.normal(size=(3, 20)))


def test_features_hold_what_the_table_holds():
    X = _table()
    features = PretrainedFeatureExtractor(random_state=0).fit(X).transform(X)
    explained = LinearRegression().fit(features, X).score(features, X)
    assert explained > 0.98


def test_pretraining_is_reproducible_and_says_so():
    X = _table()
    one, other = (PretrainedFeatureExtractor(random_state=0).fit(X) for _ in range(2))
    assert same_state(one.backbone_.state_dict(), other.backbone_.state_dict())
    assert one.weights_ == "denoising autoencoder"
    assert one.backbone_.pretrained


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_extractor_changes_no_backbone_it_is_given(dtype):
    X = _table().astype(dtype)
    source = PretrainedFeatureExtractor(random_state=0).fit(X).backbone_
    before = state_of(source)
    other = PretrainedFeatureExtractor(source).fit(X + 1)
    assert same_state(source.state_dict(), before)
    assert same_state(other.backbone_.state_dict(), before)
    assert other.backbone_ is not source
