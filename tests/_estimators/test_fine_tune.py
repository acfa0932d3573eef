"""What a fit promises: nothing else changes, and the same seed gives the same net."""

import copy
import random
from dataclasses import replace

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from torch import nn

from sktransfer import FineTuneClassifier, FineTuneRegressor
from sktransfer.exceptions import TrainingDivergedError
from sktransfer.finetuning import BSS, DELTA, L2SP

from ..nets import images, same_state, state_of, table, tiny_backbone, write_images

STRATEGIES = ["linear_probe", "full", "lp_ft", "gradual", "partial", "bitfit"]
X, Y = table(60, n_classes=3)


def _image_model(**parameters):
    settings = {"max_epochs": 2, "batch_size": 8, "random_state": 0}
    return FineTuneClassifier(tiny_backbone(), **settings | parameters)


def _state(model):
    return state_of(model.net_.module_)


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
        model = _image_model(augment=augment, random_state=None, strategy="lp_ft")
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
    assert same_state(_state(one), _state(other))
    assert not same_state(_state(one), _state(different))


def test_the_same_seed_gives_the_same_net_with_augmentation():
    pixels, y = images()
    models = [
        _image_model(augment=["light", "mixup"], strategy="full").fit(pixels, y)
        for _ in range(2)
    ]
    assert same_state(_state(models[0]), _state(models[1]))


def test_threads_at_once_give_the_same_nets():
    pixels, y = images()
    model = _image_model(augment="light", strategy="full")
    alone = _state(clone(model).fit(pixels, y))
    together = joblib.Parallel(4, prefer="threads")(
        joblib.delayed(lambda: clone(model).fit(pixels, y))() for _ in range(4)
    )
    assert all(same_state(_state(fitted), alone) for fitted in together)


def test_threads_may_predict_with_one_net():
    pixels, y = images(40)
    model = _image_model(strategy="full").fit(pixels, y)
    alone, before = model.predict_proba(pixels), _state(model)
    together = joblib.Parallel(4, prefer="threads")(
        joblib.delayed(model.predict_proba)(pixels) for _ in range(8)
    )
    assert all(np.array_equal(proba, alone) for proba in together)
    assert same_state(_state(model), before)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("cls", [FineTuneClassifier, FineTuneRegressor])
def test_a_failed_fit_leaves_the_estimator_as_it_was(cls, method):
    model = cls(random_state=0, max_epochs=2, warm_start=True).fit(X, Y)
    before, state, names = model.predict(X), _state(model), set(vars(model))
    with pytest.raises(ValueError, match=r"NaN|infinity|inconsistent|features"):
        getattr(model, method)(X[:, :3], Y)
    with pytest.raises(ValueError, match="inconsistent"):
        getattr(model, method)(X, Y[:-1])
    assert set(vars(model)) == names
    assert same_state(_state(model), state)
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
    model = _image_model(strategy="full").fit(pixels, y, X_val=paths, y_val=y)
    other = _image_model(strategy="full").fit(pixels, y, X_val=pixels, y_val=y)
    assert_allclose(model.history_[:, "valid_loss"], other.history_[:, "valid_loss"])


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
    first, net = _state(model), model.net_
    model.fit(X, Y)
    assert model.n_epochs_ == 4
    assert model.net_ is not net
    assert same_state(first, state_of(net.module_))
    assert not same_state(first, _state(model))
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
    before = _state(model)
    (steps,) = {float(s["step"]) for s in model.net_.optimizer_.state.values()}
    model.set_params(lr=1e-30).partial_fit(X, Y)
    assert model.history_[-1, "lr"] == pytest.approx(1e-30)
    assert same_state(_state(model), before)
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


def test_a_hidden_layer_on_frozen_features():
    pixels, y = images(40)
    model = _image_model(head=(1024,), strategy="linear_probe", max_epochs=20)
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
    model = _image_model(augment=augment, strategy=strategy).fit(pixels, y)
    assert model.n_epochs_ == 2
    assert np.isfinite(model.predict_proba(pixels)).all()


def test_views_average_features():
    pixels, y = images()
    model = _image_model(strategy="full").fit(pixels, y)
    mirrored = np.ascontiguousarray(pixels[:, :, ::-1])
    expected = (model.features(pixels) + model.features(mirrored)) / 2
    model.set_params(n_views=2)
    assert_allclose(model.features(pixels), expected, rtol=1e-5, atol=1e-6)


def test_image_size_is_what_the_net_gets():
    pixels, y = images(side=20)
    model = _image_model(image_size=12).fit(pixels, y)
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
    model = _image_model(strategy=strategy, head=(4,), regularizer=regularizer)
    model.fit(pixels, y)
    epochs = 1 if strategy == "linear_probe" else 2
    assert model.n_epochs_ == epochs * 2
    plain = _image_model(strategy=strategy, head=(4,)).fit(pixels, y)
    assert model.history_[0, "train_loss"] == plain.history_[0, "train_loss"]


def test_partial_fit_goes_on_where_there_is_no_longer_the_device_of_fit():
    model = FineTuneClassifier(max_epochs=2, regularizer="l2sp", random_state=0)
    model.fit(X, Y)
    config = replace(model.net_.config, device=torch.device("meta"))
    model.net_.config = config
    model.partial_fit(X, Y)
    assert model.net_.config.device.type == "cpu"
    assert model.n_epochs_ == 3


def test_warm_start_goes_by_the_parameters_as_they_are():
    pixels, y = images()
    model = _image_model(strategy="linear_probe", warm_start=True).fit(pixels, y)
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
    model = _image_model(strategy="bitfit", warm_start=True).fit(pixels, y)
    before = state_of(model.backbone_)
    model.set_params(strategy="linear_probe", augment="light").fit(pixels, y)
    assert same_state(model.backbone_.state_dict(), before)


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
        _image_model(**settings | {"random_state": seed}).fit(pixels, y)
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_a_fitted_net_keeps_no_gradients():
    model = FineTuneClassifier(strategy="full", max_epochs=2).fit(X, Y)
    assert all(p.grad is None for p in model.net_.module_.parameters())
