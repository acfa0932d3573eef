"""What a fit promises: nothing else changes, and the same seed gives the same net."""

import copy
import random

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sktransfer import FineTuneClassifier, FineTuneRegressor
from sktransfer.exceptions import TrainingDivergedError

from ..nets import images, same_state, state_of, table, tiny_backbone, write_images
from .fine_tuned import X, Y, fitted_state, image_model

STRATEGIES = ["linear_probe", "full", "lp_ft", "gradual", "partial", "bitfit"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_the_caller_gives_stays_as_it_is(strategy):
    pixels, y = images()
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    for backbone in (module, tiny_backbone()):
        before, flags = (
            state_of(backbone),
            [p.requires_grad for p in backbone.parameters()],
        )
        mode, names = backbone.training, set(vars(backbone))
        model = FineTuneClassifier(backbone, strategy=strategy, max_epochs=2, lr=0.1)
        model.fit(pixels, y).predict(pixels)
        assert same_state(backbone.state_dict(), before)
        assert [p.requires_grad for p in backbone.parameters()] == flags
        assert backbone.training == mode
        assert set(vars(backbone)) == names
        assert all(p.grad is None for p in backbone.parameters())
        assert model.backbone is backbone


def test_weights_given_as_a_dict_stay_as_they_are():
    from torchvision.models import squeezenet1_1

    weights = squeezenet1_1(weights=None).state_dict()
    before = copy.deepcopy(weights)
    pixels, y = images(6, side=32)
    model = FineTuneClassifier(
        "squeezenet1_1", weights=weights, image_size=32, max_epochs=1, strategy="full"
    ).fit(pixels, y)
    assert same_state(weights, before)
    assert model.weights_ == "state dict"


def _global_state():
    return (
        torch.get_rng_state().tolist(),
        [np.array(part).tolist() for part in np.random.get_state()[1:3]],
        random.getstate(),
        torch.get_num_threads(),
    )


@pytest.mark.parametrize("augment", [None, "light", "mixup"])
@pytest.mark.parametrize("kind", ["table", "images", "paths"])
def test_random_state_and_threads_stay_as_they_are(kind, augment, tmp_path):
    torch.manual_seed(3)
    if kind == "table":
        data, y = table()
        augment = None
        model = FineTuneClassifier(max_epochs=2)
    else:
        data, y = images()
        data = write_images(data, tmp_path) if kind == "paths" else data
        model = image_model(augment=augment, random_state=None, strategy="lp_ft")
    np.random.seed(0)
    random.seed(0)
    model.fit(data, y)  # random_state=None draws one seed from NumPy's generator
    drawn = np.random.RandomState(0)
    drawn.randint(np.iinfo(np.int32).max)
    expected = drawn.get_state()[1:3]
    ours = np.random.get_state()[1:3]
    assert np.array_equal(ours[0], expected[0])
    assert ours[1] == expected[1]
    before = _global_state()
    model.set_params(random_state=0).fit(data, y).predict(data)
    model.partial_fit(data, y)
    assert _global_state() == before


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_seed_gives_the_same_net_bit_by_bit(strategy):
    one, other, different = (
        FineTuneClassifier(
            strategy=strategy, max_epochs=3, batch_size=16, random_state=seed
        ).fit(X, Y)
        for seed in (0, 0, 1)
    )
    assert same_state(fitted_state(one), fitted_state(other))
    assert not same_state(fitted_state(one), fitted_state(different))


def test_the_same_seed_gives_the_same_net_with_augmentation():
    pixels, y = images()
    models = [
        image_model(augment=["light", "mixup"], strategy="full").fit(pixels, y)
        for _ in range(2)
    ]
    assert same_state(fitted_state(models[0]), fitted_state(models[1]))


def test_a_hidden_head_gets_its_rows_in_an_order_by_the_seed(monkeypatch):
    orders = []

    def randperm(n, generator):
        orders.append(original(n, generator=generator))
        return orders[-1]

    original = torch.randperm
    monkeypatch.setattr(torch, "randperm", randperm)
    pixels, y = images()
    settings = {"head": (4,), "strategy": "linear_probe", "max_epochs": 1}
    for seed in (0, 0, 1):
        image_model(**settings | {"random_state": seed}).fit(pixels, y)
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_threads_at_once_give_the_same_nets():
    pixels, y = images()
    model = image_model(augment="light", strategy="full")
    alone = fitted_state(clone(model).fit(pixels, y))
    together = joblib.Parallel(4, prefer="threads")(
        joblib.delayed(lambda: clone(model).fit(pixels, y))() for _ in range(4)
    )
    assert all(same_state(fitted_state(fitted), alone) for fitted in together)


def test_threads_may_predict_with_one_net():
    pixels, y = images(40)
    model = image_model(strategy="full").fit(pixels, y)
    alone, before = model.predict_proba(pixels), fitted_state(model)
    together = joblib.Parallel(4, prefer="threads")(
        joblib.delayed(model.predict_proba)(pixels) for _ in range(8)
    )
    assert all(np.array_equal(proba, alone) for proba in together)
    assert same_state(fitted_state(model), before)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("cls", [FineTuneClassifier, FineTuneRegressor])
def test_a_failed_fit_leaves_the_estimator_as_it_was(cls, method):
    model = cls(random_state=0, max_epochs=2, warm_start=True).fit(X, Y)
    before, state, names = model.predict(X), fitted_state(model), set(vars(model))
    with pytest.raises(ValueError, match=r"NaN|infinity|inconsistent|features"):
        getattr(model, method)(X[:, :3], Y)
    with pytest.raises(ValueError, match="inconsistent"):
        getattr(model, method)(X, Y[:-1])
    assert set(vars(model)) == names
    assert same_state(fitted_state(model), state)
    assert np.array_equal(model.predict(X), before)


def test_a_diverged_fit_leaves_the_estimator_unfitted_or_as_it_was():
    model = FineTuneClassifier(lr=1e200, optimizer="sgd", max_epochs=2)
    with pytest.raises(TrainingDivergedError):
        model.fit(X, Y)
    assert vars(model).keys() == model.get_params().keys()
    model.set_params(lr=0.01).fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(TrainingDivergedError):
        model.set_params(lr=1e200).fit(X, Y)
    assert np.array_equal(model.predict_proba(X), before)


def test_a_fitted_net_keeps_no_gradients():
    model = FineTuneClassifier(strategy="full", max_epochs=2).fit(X, Y)
    assert all(p.grad is None for p in model.net_.module_.parameters())
