"""What weights, images, regularizers and precision do to a fit."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sktransfer import FineTuneClassifier, FineTuneRegressor
from sktransfer.finetuning import BSS, DELTA, L2SP

from ..nets import images, same_state, tiny_backbone, write_images
from .fine_tuned import X, Y, image_model


@pytest.mark.parametrize("cls", [FineTuneClassifier, FineTuneRegressor])
def test_weights_of_any_scale_give_the_same_net(cls):
    weight = np.linspace(0.5, 2, len(X))
    models = [
        cls(strategy="full", max_epochs=5, random_state=0).fit(X, Y, sample_weight=w)
        for w in (weight, 1000 * weight)
    ]
    one, other = (model.features(X) for model in models)
    assert_allclose(one, other, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("strategy", ["full", "linear_probe"])
@pytest.mark.parametrize("given", ["balanced", {0: 2.0, 1: 0.5, 2: 1.0}])
def test_class_weight_equals_sample_weight(given, strategy):
    balanced = len(Y) / (3 * np.bincount(Y))
    by_class = balanced if given == "balanced" else np.array(list(given.values()))
    settings = {"strategy": strategy, "max_epochs": 3, "random_state": 0}
    by_name = FineTuneClassifier(class_weight=given, **settings).fit(X, Y)
    by_row = FineTuneClassifier(**settings).fit(X, Y, sample_weight=by_class[Y])
    assert_allclose(by_name.predict_proba(X), by_row.predict_proba(X), rtol=0.05)
    # the columns are standardised by sample weights alone: hand them over
    source = FineTuneClassifier(random_state=1, max_epochs=2).fit(X, Y).backbone_
    by_name = FineTuneClassifier(source, class_weight=given, **settings).fit(X, Y)
    by_row = FineTuneClassifier(source, **settings).fit(X, Y, sample_weight=by_class[Y])
    if strategy == "full":
        assert_allclose(by_name.predict_proba(X), by_row.predict_proba(X), rtol=1e-9)


def test_class_weights_of_training_hold_for_validation_rows():
    rows = Y > 0
    model = FineTuneClassifier(
        class_weight="balanced", max_epochs=2, lr=1e-12, lr_schedule="constant"
    ).fit(X, Y, X_val=X[rows], y_val=Y[rows])
    losses = -np.log(model.predict_proba(X)[np.arange(len(X)), Y])[rows]
    weight = (len(Y) / (3 * np.bincount(Y)))[Y[rows]]
    expected = np.average(losses, weights=weight)
    assert_allclose(model.history_[-1, "valid_loss"], expected, rtol=1e-6)


def test_validation_data_may_be_of_any_kind_of_image(tmp_path):
    pixels, y = images()
    paths = write_images(pixels, tmp_path)
    model = image_model(strategy="full").fit(pixels, y, X_val=paths, y_val=y)
    other = image_model(strategy="full").fit(pixels, y, X_val=pixels, y_val=y)
    assert_allclose(model.history_[:, "valid_loss"], other.history_[:, "valid_loss"])


def test_a_hidden_layer_on_frozen_features():
    pixels, y = images(40)
    model = image_model(head=(1024,), strategy="linear_probe", max_epochs=20)
    model.fit(pixels, y)
    layers = [m for m in model.net_.module_.head if isinstance(m, nn.Linear)]
    assert [layer.out_features for layer in layers] == [1024, 2]
    assert same_state(model.backbone_.state_dict(), tiny_backbone().state_dict())
    assert model.n_epochs_ == 20
    assert model.C_ is None
    assert model.score(pixels, y) == 1


@pytest.mark.parametrize(
    "augment", ["light", "auto", "mixup", "cutmix", ["light", "cutmix"]]
)
@pytest.mark.parametrize("strategy", ["linear_probe", "full"])
def test_augmentation_trains_every_strategy(augment, strategy):
    pixels, y = images()
    model = image_model(augment=augment, strategy=strategy).fit(pixels, y)
    assert model.n_epochs_ == 2
    assert np.isfinite(model.predict_proba(pixels)).all()


def test_views_average_features():
    pixels, y = images()
    model = image_model(strategy="full").fit(pixels, y)
    mirrored = np.ascontiguousarray(pixels[:, :, ::-1])
    expected = (model.features(pixels) + model.features(mirrored)) / 2
    model.set_params(n_views=2)
    assert_allclose(model.features(pixels), expected, rtol=1e-5, atol=1e-6)


def test_image_size_is_what_the_net_gets():
    pixels, y = images(side=20)
    model = image_model(image_size=12).fit(pixels, y)
    assert model.backbone_.preprocessing.crop == (12, 12)
    assert model.backbone_.preprocessing.fits(torch.zeros(1, 3, 12, 12))
    assert not model.backbone_.preprocessing.fits(torch.zeros(1, 3, 20, 20))


def test_a_backbone_carries_its_knowledge_on():
    source = FineTuneClassifier(random_state=0).fit(X, Y)
    assert source.weights_ == "random"
    assert source.backbone_.weights == "random, fine-tuned"
    target = FineTuneRegressor(source.backbone_, strategy="linear_probe").fit(X, Y)
    assert target.weights_ == "random, fine-tuned"
    assert same_state(target.backbone_.state_dict(), source.backbone_.state_dict())


def _tuned(source, regularizer):
    return FineTuneClassifier(
        source, strategy="full", regularizer=regularizer, random_state=0
    ).fit(X, 2 - Y)


@pytest.mark.parametrize("strong", [L2SP(100.0), DELTA(100.0)], ids=str)
def test_regularizers_hold_the_net_near_its_source(strong):
    source = FineTuneClassifier(random_state=0).fit(X, Y).backbone_

    def moved(regularizer):
        after = _tuned(source, regularizer).backbone_.parameters()
        pairs = zip(after, source.parameters(), strict=True)
        return sum((a - b).square().sum().item() for a, b in pairs)

    free = moved(None)
    assert moved(strong) < free / 5
    assert moved(type(strong).__name__.lower()) != free


def test_bss_shrinks_the_small_singular_values():
    source = FineTuneClassifier(random_state=0).fit(X, Y).backbone_
    values = [
        np.linalg.svd(_tuned(source, r).features(X), compute_uv=False)
        for r in (None, BSS(0.1, k=50))
    ]
    assert np.square(values[1][-50:]).sum() < np.square(values[0][-50:]).sum() / 2


@pytest.mark.parametrize(("fitted", "given"), [("f4", "f8"), ("f8", "f4")])
@pytest.mark.parametrize("backbone", ["mlp", nn.Linear(5, 4)])
def test_a_table_is_computed_in_the_precision_of_the_fit(backbone, fitted, given):
    here, there = X.astype(fitted), X.astype(given)
    model = FineTuneClassifier(backbone, strategy="full", max_epochs=2, random_state=0)
    model.fit(here, Y, X_val=there, y_val=Y)
    assert model.predict_proba(there).dtype == fitted
    assert_allclose(model.predict_proba(there), model.predict_proba(here), atol=1e-6)
    assert model.partial_fit(there, Y).features(there).dtype == fitted


def test_a_double_table_becomes_single_on_mps(monkeypatch):
    monkeypatch.setattr(
        "sktransfer._utils.device.resolve_device", lambda device: torch.device("mps")
    )
    assert FineTuneClassifier()._read(X, reset=True).array.dtype == np.float32


@pytest.mark.parametrize("regularizer", ["l2sp", "delta", "bss"])
@pytest.mark.parametrize("strategy", ["linear_probe", "lp_ft"])
def test_a_hidden_head_on_fixed_features_needs_no_regularizer(strategy, regularizer):
    pixels, y = images()
    model = image_model(strategy=strategy, head=(4,), regularizer=regularizer)
    model.fit(pixels, y)
    epochs = 1 if strategy == "linear_probe" else 2
    assert model.n_epochs_ == epochs * 2
    plain = image_model(strategy=strategy, head=(4,)).fit(pixels, y)
    assert model.history_[0, "train_loss"] == plain.history_[0, "train_loss"]
