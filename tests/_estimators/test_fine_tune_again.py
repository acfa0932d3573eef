"""Fitting again: afresh, from a warm start or a part at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer import FineTuneClassifier, FineTuneRegressor

from ..nets import images, same_state, state_of
from .fine_tuned import X, Y, fitted_state, image_model


def test_a_new_fit_may_be_on_another_kind_of_input():
    pixels, y = images()
    model = FineTuneClassifier(max_epochs=1, weights=None).fit(X, Y, X_val=X, y_val=Y)
    assert model.n_features_in_ == 5
    model.fit(pixels, y, X_val=pixels, y_val=y)
    assert not hasattr(model, "n_features_in_")
    assert model.predict(pixels).shape == y.shape


def test_warm_start_goes_on_from_the_fitted_net():
    settings = {"lr_schedule": "constant", "random_state": 0, "max_epochs": 2}
    model = FineTuneClassifier(warm_start=True, **settings).fit(X, Y)
    first, net = fitted_state(model), model.net_
    model.fit(X, Y)
    assert model.n_epochs_ == 4
    assert model.net_ is not net
    assert same_state(first, state_of(net.module_))
    assert not same_state(first, fitted_state(model))
    losses = model.history_[:, "train_loss"]
    assert losses[2] < losses[1] < losses[0]


def test_warm_start_counts_the_classes_of_the_new_rows():
    model = FineTuneClassifier(
        loss="balanced_softmax", warm_start=True, max_epochs=1
    ).fit(X, Y)
    model.fit(X[:30], Y[:30])
    counts = model.net_.objective.class_counts
    assert counts.tolist() == np.bincount(Y[:30]).tolist()


def test_warm_start_weighs_the_classes_anew():
    source = FineTuneClassifier(random_state=0, max_epochs=2).fit(X, Y).backbone_
    settings = {"strategy": "linear_probe", "random_state": 0}
    model = FineTuneClassifier(source, warm_start=True, **settings).fit(X, Y)
    by_class = {0: 1.0, 1: 20.0, 2: 1.0}
    model.set_params(class_weight=by_class).fit(X, Y)
    fresh = FineTuneClassifier(source, class_weight=by_class, **settings).fit(X, Y)
    assert_allclose(model.predict_proba(X), fresh.predict_proba(X), rtol=1e-4)
    with pytest.raises(ValueError, match=r"needs rows of every class.*none of \[2\]"):
        model.set_params(class_weight="balanced").fit(X[Y < 2], Y[Y < 2])


def test_warm_start_goes_by_the_parameters_as_they_are():
    pixels, y = images()
    model = image_model(strategy="linear_probe", warm_start=True).fit(pixels, y)
    source = state_of(model.backbone_)
    changes = {"strategy": "full", "loss": "focal", "regularizer": "delta"}
    model.set_params(**changes).fit(pixels, y)
    assert model.strategy_ == "full"
    assert model.n_epochs_ == 1 + 2
    assert not same_state(model.backbone_.state_dict(), source)
    assert type(model.net_.objective.loss).__name__ == "Focal"
    assert same_state(model.net_.objective.source.state_dict(), source)
    trained = state_of(model.backbone_)
    model.set_params(strategy="linear_probe", regularizer=None).fit(pixels, y)
    assert same_state(model.backbone_.state_dict(), trained)


def test_warm_start_freezes_what_another_strategy_trained():
    pixels, y = images()
    model = image_model(strategy="bitfit", warm_start=True).fit(pixels, y)
    before = state_of(model.backbone_)
    model.set_params(strategy="linear_probe", augment="light").fit(pixels, y)
    assert same_state(model.backbone_.state_dict(), before)


@pytest.mark.parametrize("cls", [FineTuneClassifier, FineTuneRegressor])
def test_partial_fit_replaces_the_backbone(cls):
    model = cls(random_state=0, batch_size=16)
    first = {"classes": [0, 1, 2]} if cls is FineTuneClassifier else {}
    model.partial_fit(X, Y, **first)
    old, before = model.backbone_, state_of(model.backbone_)
    model.partial_fit(X, Y)
    assert model.backbone_ is not old
    assert same_state(old.state_dict(), before)
    assert not same_state(model.backbone_.state_dict(), before)
    assert (model.n_epochs_, model.C_) == (2, None)
    for _ in range(20):
        model.partial_fit(X, Y)
    assert model.score(X, Y) > 0.7


def test_partial_fit_takes_a_changed_learning_rate_and_keeps_the_moments():
    model = FineTuneClassifier(max_epochs=2, lr=0.01, random_state=0).fit(X, Y)
    before = fitted_state(model)
    (steps,) = {float(s["step"]) for s in model.net_.optimizer_.state.values()}
    model.set_params(lr=1e-30).partial_fit(X, Y)
    assert model.history_[-1, "lr"] == pytest.approx(1e-30)
    assert same_state(fitted_state(model), before)
    (more_steps,) = {float(s["step"]) for s in model.net_.optimizer_.state.values()}
    assert more_steps > steps


@pytest.mark.parametrize("loss", ["balanced_softmax", "logit_adjusted", "ldam"])
def test_partial_fit_counts_classes_as_they_come(loss):
    model = FineTuneClassifier(loss=loss, random_state=0)
    early = Y < 2
    model.partial_fit(X[early], Y[early], classes=[0, 1, 2])
    assert model.net_.objective.class_counts[2] == 0
    model.partial_fit(X, Y)
    expected = np.bincount(Y[early], minlength=3) + np.bincount(Y)
    assert model.net_.objective.class_counts.tolist() == expected.tolist()
    assert np.isfinite(model.predict_proba(X)).all()


def test_partial_fit_goes_on_where_there_is_no_longer_the_device_of_fit():
    model = FineTuneClassifier(max_epochs=2, regularizer="l2sp", random_state=0)
    model.fit(X, Y)
    config = replace(model.net_.config, device=torch.device("meta"))
    model.net_.config = config
    model.partial_fit(X, Y)
    assert model.net_.config.device.type == "cpu"
    assert model.n_epochs_ == 3
