"""The self-supervised pretrainer: what it learns, hands on and gives back."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sktransfer import (
    FineTuneClassifier,
    PretrainedFeatureExtractor,
    SelfSupervisedPretrainer,
)
from sktransfer.pretraining import SimCLR, VICReg
from sktransfer.pretraining._resolve import NAMES

from ..nets import same_state, state_of, tiny_backbone, write_images
from .pretrainers import (
    DECODING,
    LABELS,
    PIXELS,
    X,
    Y,
    pretrainer_of_images,
    small_pretrainer,
)

# What is learnt, and who gets it


@pytest.mark.parametrize("objective", NAMES)
def test_the_backbone_learns_and_the_head_stays_behind(objective):
    before = tiny_backbone()
    fitted = pretrainer_of_images(objective).fit(PIXELS)
    weights, learnt = before.state_dict(), fitted.backbone_.state_dict()
    assert weights.keys() == learnt.keys()
    convolutions = [key for key in weights if weights[key].ndim == 4]
    assert all((weights[key] != learnt[key]).any() for key in convolutions)
    assert fitted.backbone_.pretrained
    assert not fitted.backbone_.training


@pytest.mark.parametrize("data", [X, PIXELS], ids=["table", "images"])
def test_the_backbone_feeds_other_estimators(data):
    y = Y if data is X else LABELS
    fitted = SelfSupervisedPretrainer(weights=None, max_epochs=2, random_state=0).fit(
        data
    )
    features = PretrainedFeatureExtractor(fitted.backbone_).fit_transform(data)
    assert_allclose(features, fitted.transform(data), rtol=1e-5, atol=1e-6)
    classifier = FineTuneClassifier(fitted.backbone_, max_epochs=1).fit(data, y)
    assert classifier.weights_ == fitted.objective_.label
    assert fitted.weights_ == "random"


def test_what_was_learnt_before_is_named_too():
    fitted = pretrainer_of_images("simclr").fit(PIXELS)
    assert fitted.backbone_.weights == "made for tests, SimCLR"
    assert fitted.weights_ == "made for tests"
    again = small_pretrainer("simclr", backbone=fitted.backbone_).fit(PIXELS)
    assert again.backbone_.weights == "made for tests, SimCLR"


def test_auto_goes_by_the_kind_of_input():
    labels = [
        SelfSupervisedPretrainer(max_epochs=1).fit(data).objective_.label
        for data in (X, PIXELS)
    ]
    assert labels == ["denoising autoencoder", "SimCLR"]


@pytest.mark.parametrize("objective", ["auto", "denoising"])
def test_real_digits_are_told_apart_by_five_labels_of_each(objective):
    digits, y = load_digits(return_X_y=True)
    digits = (digits / 16).reshape(-1, 8, 8)
    labelled = np.concatenate([np.flatnonzero(y[800:] == c)[:5] for c in range(10)])
    labelled += 800
    held_out = np.setdiff1d(np.arange(800, len(y)), labelled)

    def accuracy(features):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.02))
        probe.fit(features[labelled], y[labelled])
        return probe.score(features[held_out], y[held_out])

    untrained = PretrainedFeatureExtractor("smallnet", weights=None, random_state=0)
    fitted = small_pretrainer(
        objective, backbone="smallnet", weights=None, max_epochs=6
    )
    ours = accuracy(fitted.fit(digits[:800]).transform(digits))
    assert ours > accuracy(untrained.fit(digits[:1]).transform(digits)) + 0.1


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("data", [X, PIXELS], ids=["table", "images"])
def test_the_same_seed_gives_the_same_weights(objective, data):
    backbone = "auto" if data is X else tiny_backbone()
    states = [
        small_pretrainer(objective, backbone=backbone, random_state=seed)
        .fit(data)
        .net_.module_.state_dict()
        for seed in (0, 0, 1)
    ]
    assert same_state(*states[:2])
    assert not same_state(*states[1:])


@pytest.mark.parametrize("objective", ["masked", "simclr"])
def test_the_global_generators_stay_as_they_are(objective):
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    fitted = small_pretrainer(objective).fit(X)
    fitted.score(X)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_the_backbone_of_the_caller_stays_as_it_is():
    backbone = tiny_backbone()
    before = state_of(backbone)
    small_pretrainer(backbone=backbone).fit(PIXELS)
    assert same_state(backbone.state_dict(), before)
    assert backbone.weights == "made for tests"


def test_a_module_of_ones_own():
    module = nn.Sequential(nn.Linear(5, 8), nn.ReLU())
    fitted = small_pretrainer(backbone=module).fit(X)
    assert fitted.transform(X).shape == (80, 8)
    assert fitted.inverse_transform(fitted.transform(X)).shape == X.shape


# Features and their names


def test_features_names_and_frames():
    columns = pd.DataFrame(X, columns=list("abcde"))
    fitted = small_pretrainer().fit(columns)
    assert fitted.transform(columns).dtype == np.float32
    assert list(fitted.feature_names_in_) == list("abcde")
    names = fitted.get_feature_names_out()
    assert names[0] == "selfsupervisedpretrainer0"
    frame = fitted.set_output(transform="pandas").transform(columns)
    assert list(frame.columns) == list(names)


def test_paths_and_arrays_agree(tmp_path):
    paths = write_images(PIXELS, tmp_path)
    opened = [Image.open(path) for path in paths]
    kinds = [
        pretrainer_of_images("autoencoder").fit(data).transform(data)
        for data in (PIXELS, paths, opened, np.moveaxis(PIXELS, 3, 1))
    ]
    for features in kinds[1:]:
        assert_allclose(features, kinds[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("objective", NAMES)
def test_fitted_on_arrays_it_scores_paths_alike(objective, tmp_path):
    paths = write_images(PIXELS, tmp_path)
    fitted = pretrainer_of_images(objective).fit(PIXELS)
    assert_allclose(fitted.transform(paths), fitted.transform(PIXELS), atol=1e-5)
    if objective in ("autoencoder", "contractive"):
        assert_allclose(fitted.score(paths), fitted.score(PIXELS), rtol=0.01)


def test_it_is_searched_inside_a_pipeline():
    pipe = make_pipeline(small_pretrainer(SimCLR()), LogisticRegression())
    grid = {"selfsupervisedpretrainer__objective__temperature": [0.1, 1.0]}
    search = GridSearchCV(pipe, grid, cv=2).fit(X, Y)
    assert len(search.cv_results_["params"]) == 2
    best = search.best_estimator_[0]
    assert best.objective_.temperature == search.best_params_.popitem()[1]


# Copies


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("data", [X, PIXELS], ids=["table", "images"])
def test_a_pickle_knows_all_of_it(objective, data):
    backbone = "auto" if data is X else tiny_backbone()
    fitted = small_pretrainer(objective, backbone=backbone).fit(data)
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.transform(data), fitted.transform(data))
    assert copy.score(data) == fitted.score(data)
    if objective in DECODING:
        features = fitted.transform(data)
        back = [e.inverse_transform(features) for e in (copy, fitted)]
        assert np.array_equal(*back)


def test_a_clone_is_not_fitted():
    fitted = small_pretrainer(VICReg(variance=3.0)).fit(X)
    copy = clone(fitted)
    assert not hasattr(copy, "net_")
    assert copy.objective.variance == 3.0
