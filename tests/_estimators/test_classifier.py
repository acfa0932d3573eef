"""Labels of every kind, losses, and what the classifier returns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sktransfer import FineTuneClassifier
from sktransfer.finetuning import CrossEntropy, LogitAdjusted

from ..nets import images, table, tiny_backbone, write_images

X, Y = table(60)
FAST = {"max_epochs": 20, "random_state": 0}


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["ant", "bee"]),
        np.array(["ant", "bee"], dtype=object),
        np.array([False, True]),
        np.array([1, 2]),
        np.array([-1, 1]),
        np.array([3.0, 7.0]),
        np.array([0, 255], dtype=np.uint8),
    ],
    ids=lambda labels: f"{labels.dtype}{labels.tolist()}",
)
@pytest.mark.parametrize("strategy", ["full", "linear_probe"])
def test_labels_of_every_kind_come_back(labels, strategy):
    y = labels[Y]
    model = FineTuneClassifier(strategy=strategy, **FAST).fit(X, y, X_val=X, y_val=y)
    assert model.classes_.dtype == labels.dtype
    assert np.array_equal(model.classes_, labels)
    predicted = model.predict(X)
    assert predicted.dtype == labels.dtype
    assert np.mean(predicted == y) > 0.8
    reference = FineTuneClassifier(strategy=strategy, **FAST).fit(X, Y)
    assert np.array_equal(model.predict_proba(X), reference.predict_proba(X))


@pytest.mark.parametrize("as_", [list, pd.Series], ids=["list", "Series"])
def test_labels_come_in_any_container(as_):
    y = np.array(["ant", "bee"])[Y]
    model = FineTuneClassifier(**FAST).fit(pd.DataFrame(X), as_(y))
    assert set(model.predict(pd.DataFrame(X))) == {"ant", "bee"}


@pytest.mark.parametrize("n_classes", [2, 4])
def test_predictions_agree_with_one_another(n_classes):
    data, y = table(80, n_classes=n_classes)
    model = FineTuneClassifier(**FAST).fit(data, y)
    proba, decision = model.predict_proba(data), model.decision_function(data)
    assert_allclose(proba.sum(axis=1), 1)
    assert np.array_equal(model.predict(data), proba.argmax(axis=1))
    if n_classes == 2:
        assert decision.shape == (80,)
        assert_allclose(1 / (1 + np.exp(-decision)), proba[:, 1])
    else:
        assert_allclose(
            np.exp(decision[:, 0] - decision[:, 1]), proba[:, 0] / proba[:, 1]
        )


def test_a_linear_probe_is_logistic_regression_on_its_features():
    source = FineTuneClassifier(**FAST).fit(X, Y).backbone_
    model = FineTuneClassifier(source, strategy="linear_probe", C=0.3).fit(X, Y)
    Z = StandardScaler().fit_transform(model.features(X))
    reference = LogisticRegression(C=0.3, tol=1e-10, max_iter=10_000).fit(Z, Y)
    assert_allclose(model.predict_proba(X), reference.predict_proba(Z), atol=1e-5)
    assert model.C_ == 0.3
    assert model.n_epochs_ == 1
    losses = -np.log(model.predict_proba(X)[np.arange(60), Y])
    assert_allclose(model.history_[-1, "train_loss"], losses.mean(), rtol=1e-6)
    assert model.history_[-1, "train_acc"] == model.score(X, Y)


def test_a_linear_probe_on_files_is_the_one_on_arrays(tmp_path):
    pixels, y = images()
    paths = write_images(pixels, tmp_path)
    models = [
        FineTuneClassifier(tiny_backbone(), strategy="linear_probe").fit(data, y)
        for data in (pixels, paths)
    ]
    assert models[0].weights_ == "made for tests"
    one, other = (
        m.decision_function(d) for m, d in zip(models, (pixels, paths), strict=True)
    )
    assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "loss", ["cross_entropy", "focal", "balanced_softmax", "logit_adjusted", "ldam"]
)
@pytest.mark.parametrize("strategy", ["full", "linear_probe"])
def test_every_loss_learns(loss, strategy):
    model = FineTuneClassifier(loss=loss, strategy=strategy, C=1.0, **FAST).fit(X, Y)
    assert model.score(X, Y) > 0.85


def test_long_tail_losses_favour_the_rare_class():
    rng = np.random.default_rng(0)
    y = np.r_[np.zeros(190, int), np.ones(10, int)]
    data = rng.normal(size=(200, 3)) + y[:, None]
    rare = {
        loss: (
            FineTuneClassifier(loss=loss, **FAST).fit(data, y).predict(data) == 1
        ).sum()
        for loss in ("cross_entropy", "balanced_softmax", "ldam")
    }
    assert rare["balanced_softmax"] > rare["ldam"] >= rare["cross_entropy"]


def test_losses_by_object_are_copied_and_used():
    smooth = CrossEntropy(label_smoothing=0.4)
    model = FineTuneClassifier(loss=smooth, max_epochs=100, random_state=0).fit(X, Y)
    assert model.loss is smooth
    # the least smoothed loss is at a probability of .8
    assert 0.7 < np.median(model.predict_proba(X).max(axis=1)) < 0.87
    same = FineTuneClassifier(loss=LogitAdjusted(0.0), **FAST).fit(X, Y)
    plain = FineTuneClassifier(**FAST).fit(X, Y)
    assert_allclose(same.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


def test_rows_of_weight_zero_are_as_if_they_were_not_there():
    weight = (np.arange(60) % 3 > 0).astype(float)
    kept = weight > 0
    y = np.where(kept, Y, 2)  # a class of weightless rows is no class
    weighted = FineTuneClassifier(**FAST).fit(X, y, sample_weight=weight)
    without = FineTuneClassifier(**FAST).fit(X[kept], Y[kept])
    assert weighted.classes_.tolist() == [0, 1]
    assert_allclose(weighted.predict_proba(X), without.predict_proba(X), rtol=1e-9)


def test_auto_says_what_it_picked():
    pixels, y = images()
    assert FineTuneClassifier(**FAST).fit(X, Y).strategy_ == "full"
    probe = FineTuneClassifier(tiny_backbone()).fit(pixels, y)
    assert probe.strategy_ == "linear_probe"
    tuned = FineTuneClassifier(tiny_backbone(), augment="light", max_epochs=1)
    assert tuned.fit(pixels, y).strategy_ == "lp_ft"


def test_features_are_those_of_the_backbone():
    import torch

    model = FineTuneClassifier(**FAST).fit(X, Y)
    with torch.no_grad():
        expected = model.backbone_(torch.tensor(X)).numpy()
    assert_allclose(model.features(X), expected)
    assert model.features(X).dtype == np.float64
    assert (
        FineTuneClassifier(**FAST).fit(X.astype("f"), Y).features(X.astype("f")).dtype
        == np.float32
    )
