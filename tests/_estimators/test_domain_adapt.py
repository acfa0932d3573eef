"""What `sample_domain` means, where adaptation starts, what comes out of it."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import Callback
from torch import nn

from sktransfer import DomainAdaptClassifier, FineTuneClassifier
from sktransfer.adaptation import (
    DANN,
    AdaptationMethod,
    DeepCORAL,
    FixMatch,
    Joint,
)
from sktransfer.callbacks import ClipGradient
from sktransfer.datasets import pack_domains
from sktransfer.exceptions import DiscriminatorWarning

from ..nets import images, same_state, state_of, table, tiny_backbone, write_images

X, Y = table(60)
DOMAIN = np.where(np.arange(60) < 30, 1, -2)
LABELLED, TARGET = DOMAIN > 0, DOMAIN < 0
PIXELS, LABELS = images(24)
IMAGE_DOMAIN = np.where(np.arange(24) < 12, 1, -2)
FAST = {"max_epochs": 2, "random_state": 0}


def _model(method="mcc", **parameters):
    return DomainAdaptClassifier(method=method, **{**FAST, **parameters})


def _proba(model, *args, **kwargs):
    return model.fit(*args, **kwargs).predict_proba(X)


class _Seen(AdaptationMethod):
    """Notes what it is shown, in the class: an estimator copies its methods."""

    batches = []

    def loss(self, batch, aux):
        self.batches.append(batch)


def _seen(X_, y, domain, **parameters):
    class Seen(_Seen):
        batches = []

    model = _model(Seen(), max_epochs=1, **parameters).fit(X_, y, domain)
    return model, Seen.batches


def _numbered(n=60):
    """Return a table in which a row can be told by the backbone's input."""
    return np.arange(n, dtype=float)[:, None] * np.ones((1, 5))


# --- what sample_domain means


@pytest.mark.parametrize(
    "junk", [-1, 7, np.nan, np.inf, 1e300], ids=lambda value: f"{value}"
)
def test_the_label_of_an_unlabelled_row_may_be_anything(junk):
    expected = _proba(_model(), X, Y, DOMAIN)
    y = np.where(TARGET, junk, Y)
    model = _model().fit(X, y, DOMAIN)
    assert model.classes_.tolist() == [0, 1]
    assert np.array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("junk", [None, np.nan, pd.NA, "?", 3.5, (1, 2)], ids=str)
def test_the_label_of_an_unlabelled_row_may_be_any_object(junk):
    y = np.array(["ant", "bee"], dtype=object)[Y]
    for row in np.flatnonzero(TARGET):
        y[row] = junk
    model = _model().fit(X, y, DOMAIN)
    assert model.classes_.tolist() == ["ant", "bee"]
    assert np.array_equal(
        model.predict_proba(X), _model().fit(X, Y, DOMAIN).predict_proba(X)
    )


@pytest.mark.parametrize(
    "labels",
    [
        np.array([-1, 1]),
        np.array([1, 2]),
        np.array(["ant", "bee"]),
        np.array(["ant", "bee"], dtype=object),
        np.array([0, 1], dtype=object),
        np.array([False, True]),
        np.array([3.0, 7.0]),
    ],
    ids=lambda labels: f"{labels.dtype}{labels.tolist()}",
)
def test_labels_of_every_kind_come_back(labels):
    y = labels[Y]
    model = _model().fit(X, y, DOMAIN)
    assert model.classes_.tolist() == labels.tolist()
    predicted = model.predict(X)
    assert set(predicted.tolist()) <= set(labels.tolist())
    assert np.array_equal(
        model.predict_proba(X), _model().fit(X, Y, DOMAIN).predict_proba(X)
    )
    assert model.score(X, y) == np.mean(predicted == y)


def test_minus_one_is_a_label_like_any_other():
    y = np.where(Y == 0, -1, 1)
    model = _model().fit(X, y)
    assert model.classes_.tolist() == [-1, 1]
    assert model.history_[0].keys().isdisjoint({"mcc_loss"})
    both = _model().fit(X, y, DOMAIN)
    assert both.classes_.tolist() == [-1, 1]
    assert "mcc_loss" in both.history_[0]


def test_a_class_of_the_target_alone_is_no_class():
    y = np.where(TARGET, 5, Y)
    assert _model().fit(X, y, DOMAIN).classes_.tolist() == [0, 1]


def test_a_labelled_target_row_may_bring_a_class():
    domain = np.where(np.arange(60) >= 50, 2, DOMAIN)
    y = np.where(np.arange(60) >= 50, 5, Y)
    assert _model().fit(X, y, domain).classes_.tolist() == [0, 1, 5]


def test_the_convention_of_skada_is_a_special_case():
    expected = _proba(_model(), X, Y, DOMAIN)
    for source, target in [(1, -2), (0, -1), (3, -9)]:
        domain = np.where(LABELLED, source, target)
        assert np.array_equal(_proba(_model(), X, Y, domain), expected)


@pytest.mark.parametrize("domain", [0, 1, 7])
@pytest.mark.parametrize("method", ["mcc", "dann", "source_only", "shot", "joint"])
def test_without_a_target_it_is_supervised_training(domain, method):
    expected = _proba(_model("source_only"), X, Y)
    assert np.array_equal(_proba(_model(method), X, Y), expected)
    domains = np.full(60, domain)
    assert np.array_equal(_proba(_model(method), X, Y, domains), expected)


def test_supervised_training_is_that_of_fine_tuning():
    alone = DomainAdaptClassifier(method="mcc", random_state=0).fit(X, Y)
    other = FineTuneClassifier(random_state=0).fit(X, Y)
    assert alone.n_epochs_ == other.n_epochs_
    assert_allclose(alone.predict_proba(X), other.predict_proba(X), rtol=1e-6)


def test_who_is_source_and_who_is_target():
    domain = np.r_[np.full(20, 1), np.full(10, 4), np.full(10, 2), np.full(20, -2)]
    model, batches = _seen(_numbered(), Y, domain)
    labels = {1: set(), 4: set()}
    indices = set()
    for batch in batches:
        for name, label in zip(batch.domain_s.tolist(), batch.y_s, strict=True):
            labels[name].add(int(label))
        indices |= set(batch.index_t.tolist())
        assert batch.weight_s is None
    assert indices == set(range(30))  # labelled target rows are target rows too
    assert set(model.classes_) == {0, 1}


def _target_rows(X_, y, domain, **parameters):
    """Return how many rows a method sees as source and as target."""
    _, batches = _seen(X_, y, domain, **parameters, batch_size=100)
    (batch,) = batches
    n_t = 0 if batch.features_t is None else len(batch.features_t)
    return len(batch.features_s), n_t


def test_labelled_and_unlabelled_rows_of_one_domain_are_semi_supervised():
    domain = np.where(np.arange(60) < 30, 1, -1)
    assert _target_rows(X, Y, domain) == (30, 60)
    model = _model("mcc").fit(X, Y, domain)
    assert "mcc_loss" in model.history_[0]


def test_several_sources_and_targets():
    domain = np.r_[np.full(10, 1), np.full(20, 2), np.full(10, -3), np.full(20, -4)]
    assert _target_rows(X, Y, domain) == (30, 30)


def test_target_domain_names_a_target_whose_rows_are_all_labelled():
    domain = np.abs(DOMAIN)
    assert _target_rows(X, Y, domain, target_domain=2) == (30, 30)
    assert _target_rows(X, Y, DOMAIN, target_domain=2) == (30, 30)
    model = _model("joint", target_domain=2).fit(X, Y, domain)
    supervised = _model("source_only").fit(X, Y, DOMAIN)
    assert not np.array_equal(model.predict_proba(X), supervised.predict_proba(X))


def test_labels_of_target_rows_train_too():
    labelled = np.where(np.arange(60) < 40, np.abs(DOMAIN), DOMAIN)
    y = np.where(labelled == 2, 1 - Y, Y)
    right = _model(["mcc"]).fit(X, Y, labelled).predict_proba(X)
    wrong = _model(["mcc"]).fit(X, y, labelled).predict_proba(X)
    assert not np.allclose(right, wrong)


def test_joint_trains_on_both_domains():
    labelled = np.where(np.arange(60) < 40, np.abs(DOMAIN), DOMAIN)
    models = [_model(m).fit(X, Y, labelled) for m in ("joint", Joint(weight=0.0))]
    assert not same_state(*(state_of(m.net_.module_) for m in models))
    # by the target alone where the source weighs nothing
    y = np.where(labelled == 1, 1 - Y, Y)
    other = _model(Joint(weight=0.0)).fit(X, y, labelled)
    assert_allclose(other.predict_proba(X), models[1].predict_proba(X))


def test_source_only_ignores_the_target_altogether():
    expected = _proba(_model("source_only"), X[:30], Y[:30])
    labelled = np.where(np.arange(60) < 40, np.abs(DOMAIN), DOMAIN)
    for domain in (DOMAIN, labelled):
        assert np.array_equal(_proba(_model("source_only"), X, Y, domain), expected)


def test_domains_come_in_any_container():
    expected = _proba(_model(), X, Y, DOMAIN)
    for domain in (DOMAIN.tolist(), pd.Series(DOMAIN), DOMAIN.astype(float)):
        assert np.array_equal(_proba(_model(), X, Y, domain), expected)


def test_packed_domains_fit():
    packed = pack_domains(X[:30], Y[:30], X[30:])
    assert np.array_equal(_proba(_model(), *packed), _proba(_model(), X, Y, DOMAIN))


def test_the_order_of_domains_in_x_does_not_change_who_is_who():
    order = np.r_[30:60, 0:30]
    model = _model(batch_size=100)
    one = _proba(model, X, Y, DOMAIN)
    other = _proba(model, X[order], Y[order], DOMAIN[order])
    assert_allclose(one, other, rtol=1e-6)


# --- weights


def test_rows_of_weight_zero_are_as_if_they_were_not_there():
    weight = np.where(np.arange(60) % 3 == 0, 0.0, 1.0)
    kept = weight > 0
    y = np.where(kept, Y, 9)
    weighted = _model().fit(X, y, DOMAIN, sample_weight=weight)
    without = _model().fit(X[kept], Y[kept], DOMAIN[kept])
    assert weighted.classes_.tolist() == [0, 1]
    assert_allclose(weighted.predict_proba(X), without.predict_proba(X), rtol=1e-9)


def test_a_target_of_weight_zero_is_no_target():
    model = _model().fit(X, Y, DOMAIN, sample_weight=LABELLED.astype(float))
    expected = _proba(_model("source_only"), X[:30], Y[:30])
    assert_allclose(model.predict_proba(X), expected, rtol=1e-9)


@pytest.mark.parametrize("method", ["dan", "mcc", "fixmatch", "shot", "mcd", "wdgrl"])
def test_a_weight_is_a_number_of_rows(method):
    counts = np.random.default_rng(0).integers(1, 3, 30)
    rows, y = X[:30], Y[:30]
    domain = np.where(np.arange(30) < 15, 1, -2)
    again = np.repeat(np.arange(30), counts)
    model = _model(method, batch_size=200)
    weighted = _proba(model, rows, y, domain, sample_weight=counts)
    repeated = _proba(model, rows[again], y[again], domain[again])
    assert_allclose(weighted, repeated, rtol=1e-6)


def test_weights_of_classes_count_for_labelled_rows():
    rare = np.where(np.arange(60) % 10, 0, Y)
    even, balanced = (
        _model("mcc", class_weight=w, max_epochs=20).fit(X, rare, DOMAIN)
        for w in (None, "balanced")
    )
    share = [np.mean(m.predict_proba(X)[:, 1]) for m in (even, balanced)]
    assert share[1] > share[0]


def test_weights_of_classes_count_after_a_source():
    source = FrozenEstimator(_model("source_only").fit(X, Y))
    even, heavy = (
        _model(source=source, class_weight=w).fit(X, Y, DOMAIN).predict_proba(X)
        for w in (None, {0: 1, 1: 9})
    )
    assert heavy[:, 1].mean() > even[:, 1].mean()


# --- predictions and scores


def test_predictions_ignore_the_domain_and_keep_the_length():
    model = _model().fit(X, Y, DOMAIN)
    for method in ("predict", "predict_proba", "decision_function"):
        predict = getattr(model, method)
        for domain in (DOMAIN, -DOMAIN, np.zeros(60), "nonsense"):
            assert np.array_equal(predict(X, sample_domain=domain), predict(X))
        assert len(predict(X)) == 60


def test_predictions_agree_with_one_another():
    model = _model().fit(X, Y, DOMAIN)
    proba, decision = model.predict_proba(X), model.decision_function(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert_allclose(1 / (1 + np.exp(-decision)), proba[:, 1])
    assert np.array_equal(model.predict(X), model.classes_[proba.argmax(1)])


def test_score_counts_labelled_rows():
    model = _model().fit(X, Y, DOMAIN)
    y = np.where(TARGET, -1, Y)
    expected = np.mean(model.predict(X)[LABELLED] == Y[LABELLED])
    assert model.score(X, y, sample_domain=DOMAIN) == expected
    assert model.score(X, Y) == np.mean(model.predict(X) == Y)
    domain = np.where(np.arange(60) < 45, 2, -2)
    expected = np.mean(model.predict(X)[:45] == Y[:45])
    assert model.score(X, Y, sample_domain=domain) == expected


def test_score_takes_weights():
    model = _model().fit(X, Y, DOMAIN)
    hits, weight = model.predict(X) == Y, np.arange(60) + 1.0
    expected = np.average(hits, weights=weight)
    assert_allclose(model.score(X, Y, sample_weight=weight), expected)
    expected = np.average(hits[:30], weights=weight[:30])
    assert_allclose(model.score(X, Y, weight, DOMAIN), expected)


# --- a source to start from


@pytest.fixture(scope="module")
def source():
    return FineTuneClassifier(max_epochs=30, random_state=0).fit(X[:30], Y[:30])


def test_the_fitted_source_is_where_it_starts(source):
    # adabn of the same rows changes nothing but the scale of the columns
    model = _model("adabn", source=FrozenEstimator(source)).fit(X[:30])
    assert_allclose(model.predict_proba(X), source.predict_proba(X), rtol=1e-9)
    assert model.n_epochs_ == 0


@pytest.mark.parametrize("method", ["shot", "tent", "adabn"])
def test_without_labels_all_rows_are_target(source, method):
    before = state_of(source.net_.module_)
    frozen = FrozenEstimator(source)
    model = _model(method, source=frozen).fit(X[30:])
    domain = _model(method, source=frozen).fit(X[30:], sample_domain=[-2] * 30)
    ignored = _model(method, source=frozen).fit(X[30:], Y[30:], [-2] * 30)
    for other in (domain, ignored):
        assert np.array_equal(model.predict_proba(X), other.predict_proba(X))
    assert model.classes_ is source.classes_
    assert not np.array_equal(model.predict_proba(X), source.predict_proba(X))
    assert same_state(before, state_of(source.net_.module_))


@pytest.mark.parametrize("method", ["shot", "tent"])
def test_source_rows_do_not_matter_once_there_is_a_source(source, method):
    frozen = FrozenEstimator(source)
    free = _model(method, source=frozen).fit(X[30:])
    beside = _model(method, source=frozen).fit(X, Y, DOMAIN)
    assert_allclose(free.predict_proba(X), beside.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("method", ["mcc", "dann", "adda", "joint", "mcd"])
def test_other_methods_start_there_with_source_rows(source, method):
    model = _model(method, source=FrozenEstimator(source), max_epochs=1, lr=1e-9)
    model.fit(X, Y, DOMAIN)
    assert_allclose(model.predict_proba(X), source.predict_proba(X), rtol=1e-4)


def test_labels_of_strings_come_from_the_source():
    names = np.array(["ant", "bee"])
    source = FineTuneClassifier(**FAST).fit(X, names[Y])
    model = _model("shot", source=FrozenEstimator(source)).fit(X)
    assert model.classes_.tolist() == ["ant", "bee"]
    assert set(model.predict(X)) <= {"ant", "bee"}


def test_a_source_of_our_own_kind_goes_on():
    first = _model("source_only").fit(X, Y, DOMAIN)
    assert _model("shot", source=FrozenEstimator(first)).fit(X).n_epochs_ == 2
    second = _model("shot", source=FrozenEstimator(first)).fit(X)
    third = _model("mcc", source=FrozenEstimator(second)).fit(X, Y, DOMAIN)
    heads = (m.net_.module_.head for m in (second, third))
    assert not same_state(*(state_of(head) for head in heads))


def test_a_source_survives_clone(source):
    model = clone(_model("shot", source=FrozenEstimator(source)))
    assert model.source.estimator is source
    assert model.fit(X).predict(X).shape == (60,)


@pytest.mark.parametrize("strategy", ["full", "linear_probe"])
def test_images_adapt_without_source_rows(strategy):
    source = FineTuneClassifier(tiny_backbone(), strategy=strategy, **FAST)
    source.fit(PIXELS[:12], LABELS[:12])
    model = _model("shot", source=FrozenEstimator(source)).fit(PIXELS[12:])
    assert model.predict(PIXELS).shape == (24,)
    assert model.backbone_.name == "tiny"


# --- other inputs


def _adapt_images(X_, method, **parameters):
    model = _model(method, backbone=tiny_backbone(), **parameters)
    return model.fit(X_, LABELS, IMAGE_DOMAIN)


@pytest.mark.parametrize(
    "method", [("mcc", "fixmatch"), "dann", "shot", "mcd", "adabn"], ids=str
)
def test_images_of_every_form_adapt_alike(method, tmp_path):
    expected = _adapt_images(PIXELS, method).predict_proba(PIXELS)
    paths = write_images(PIXELS, tmp_path)
    pictures = [Image.fromarray(image) for image in PIXELS]
    forms = [paths, list(paths), pictures, np.moveaxis(PIXELS, 3, 1), PIXELS / 255]
    for data in forms:
        model = _adapt_images(data, method)
        assert_allclose(model.predict_proba(data), expected, atol=1e-2)
        assert model.features(data[:3]).shape == (3, 8)


def test_flat_images_adapt_as_images():
    flat = PIXELS.reshape(24, -1)
    model = _adapt_images(flat, "dann", input_shape=(8, 8, 3))
    expected = _adapt_images(PIXELS, "dann").predict_proba(PIXELS)
    assert_allclose(model.predict_proba(flat), expected, rtol=1e-4, atol=1e-6)
    assert model.n_features_in_ == 192


@pytest.mark.parametrize("augment", ["light", "auto", "mixup", ["light", "cutmix"]])
@pytest.mark.parametrize("method", [("mcc", "fixmatch"), "deepjdot", "mcd"], ids=str)
def test_augmentation(augment, method):
    domain = np.where(np.arange(24) < 16, np.abs(IMAGE_DOMAIN), IMAGE_DOMAIN)
    model = _model(method, backbone=tiny_backbone(), augment=augment)
    model.fit(PIXELS, LABELS, domain)
    assert np.isfinite(model.predict_proba(PIXELS)).all()


@pytest.mark.filterwarnings("ignore::sktransfer.exceptions.RandomWeightsWarning")
def test_grey_images_adapt_with_the_net_that_is_taken_by_default():
    model = _model(("mcc", "fixmatch")).fit(PIXELS[..., 0], LABELS, IMAGE_DOMAIN)
    assert model.backbone_.name == "smallnet"
    assert model.predict(PIXELS[..., 0]).shape == (24,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_is_computed_in_its_precision(dtype):
    model = _model(("mcc", "fixmatch", "dann")).fit(X.astype(dtype), Y, DOMAIN)
    assert model.features(X.astype(dtype)).dtype == dtype
    assert next(model.net_.module_.parameters()).dtype == getattr(
        torch, np.dtype(dtype).name
    )


def test_columns_have_names():
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = _model().fit(frame, pd.Series(Y), pd.Series(DOMAIN))
    assert model.feature_names_in_.tolist() == list("abcde")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"a": "z"}))


# --- nothing of the caller's is changed


def test_methods_of_the_caller_stay_as_they_are():
    methods = [DANN(weight=0.5), FixMatch()]
    before = copy.deepcopy([vars(m) for m in methods])
    model = _model(methods).fit(X, Y, DOMAIN)
    assert model.method is methods
    assert [vars(m) for m in methods] == before


def test_a_backbone_of_the_caller_stays_as_it_is():
    backbone = tiny_backbone()
    before = state_of(backbone)
    _model("dann", backbone=backbone).fit(PIXELS, LABELS, IMAGE_DOMAIN)
    assert same_state(before, state_of(backbone))


def test_arrays_of_the_caller_stay_as_they_are():
    arrays = [X.copy(), Y.copy(), DOMAIN.copy(), np.ones(60)]
    frozen = copy.deepcopy(arrays)
    for array in arrays:
        array.setflags(write=False)
    _model(("mcc", "fixmatch")).fit(*arrays)
    for one, other in zip(arrays, frozen, strict=True):
        assert np.array_equal(one, other)


def test_random_numbers_of_the_caller_stay_as_they_are():
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    _model(("cdan", "fixmatch")).fit(X, Y, DOMAIN)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@pytest.mark.parametrize(
    "method", [("mcc", "fixmatch"), "dann", "cdan", "shot", "wdgrl"], ids=str
)
def test_the_same_seed_gives_the_same_result(method):
    one, same, other = (
        _proba(_model(method, random_state=seed, batch_size=8), X, Y, DOMAIN)
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_second_fit_forgets_the_first():
    model = _model("dann").fit(X + 3, 1 - Y, DOMAIN)
    assert np.array_equal(
        _proba(model, X, Y, DOMAIN), _proba(clone(model), X, Y, DOMAIN)
    )


def test_a_failed_fit_leaves_everything():
    model = _model().fit(X, Y, DOMAIN)
    before = dict(vars(model))
    for bad in ({"sample_domain": DOMAIN[1:]}, {"sample_domain": [-2] * 60}):
        with pytest.raises(ValueError, match="sample_domain"):
            model.fit(X, Y, **bad)
    model.set_params(method="dunn")
    with pytest.raises(ValueError, match="'dunn' is not known"):
        model.fit(X, Y, DOMAIN)
    model.set_params(method="mcc")
    assert vars(model) == before


@pytest.mark.parametrize(
    "method",
    [("mcc", "fixmatch"), ["dann", "mcc"], "mcd", "adda", "shot", "jan", "adabn"],
    ids=str,
)
@pytest.mark.parametrize("kind", ["table", "images"])
def test_pickled_and_copied_models_predict_the_same(method, kind):
    if kind == "table":
        data, model = X, _model(method).fit(X, Y, DOMAIN)
    else:
        data, model = PIXELS, _adapt_images(PIXELS, method)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.predict_proba(data), model.predict_proba(data))
        assert list(other.history_) == list(model.history_)
    unfitted = clone(model)
    assert not hasattr(unfitted, "net_")


# --- training


class _Watch(Callback):
    """Counts its calls, in the class: it is copied."""

    calls = {"epochs": 0, "batches": 0, "gradients": 0}

    def on_epoch_end(self, net, **kwargs):
        self.calls["epochs"] += 1

    def on_batch_end(self, net, batch, training, **kwargs):
        self.calls["batches"] += training

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.calls["gradients"] += 1
        assert any(p.grad is not None for _, p in named_parameters)


@pytest.mark.parametrize(("method", "learnt"), [("mcc", 1), ("shot", 1)])
def test_callbacks_hear_of_all(method, learnt):
    class Watch(_Watch):
        calls = dict.fromkeys(_Watch.calls, 0)

    model = _model(method, callbacks=[Watch(), ClipGradient()], batch_size=10)
    model.fit(X, Y, DOMAIN)
    n_epochs = 2 if method == "mcc" else 4
    assert Watch.calls == {
        "epochs": n_epochs,
        "batches": 3 * n_epochs,
        "gradients": 3 * n_epochs * learnt,
    }


@pytest.mark.parametrize("method", [("mcc", "fixmatch"), "dann", "mcd", "adda"])
def test_early_stopping_watches_rows_of_the_source(method):
    model = _model(
        method, early_stopping=True, n_iter_no_change=2, max_epochs=60, lr=0.05
    ).fit(X, Y, DOMAIN)
    assert "valid_loss" in model.history_[0]
    assert model.n_epochs_ < 60 * (1 + (method == "adda"))


def test_own_validation_data_are_watched_and_not_learnt_from():
    plain = _model().fit(X, Y, DOMAIN)
    watched = _model().fit(X, Y, DOMAIN, X_val=X[:20], y_val=Y[:20])
    assert same_state(*(state_of(m.net_.module_) for m in (plain, watched)))
    last = watched.history_[-1]
    assert {"valid_loss", "valid_acc"} <= last.keys()
    weighted = _model().fit(
        X, Y, DOMAIN, X_val=X, y_val=Y, sample_weight_val=np.arange(60) < 20
    )
    assert_allclose(weighted.history_[-1, "valid_loss"], last["valid_loss"])


def test_validation_data_beside_a_source_without_labels():
    source = FrozenEstimator(_model("source_only").fit(X, Y))
    model = _model("shot", source=source).fit(X, X_val=X[:20], y_val=Y[:20])
    assert "valid_loss" in model.history_[-1]


def test_warm_start_goes_on():
    model = _model("mcc", warm_start=True, lr_schedule="constant")
    model.fit(X, Y, DOMAIN)
    first, net = state_of(model.net_.module_), model.net_
    model.fit(X, Y, DOMAIN)
    assert model.n_epochs_ == 4
    assert [epoch["epoch"] for epoch in model.history_] == [1, 2, 3, 4]
    assert same_state(first, state_of(net.module_))
    assert not same_state(first, state_of(model.net_.module_))
    model.set_params(method="shot").fit(X, Y, DOMAIN)
    assert model.n_epochs_ == 6  # it knows the source already


def test_auto_epochs_aim_at_more_steps_where_there_is_a_target():
    counts = [
        DomainAdaptClassifier(method="source_only", batch_size=10, random_state=0)
        .fit(X, Y, *domain)
        .n_epochs_
        for domain in ((), (DOMAIN,))
    ]
    assert counts == [50, 100]
    adapting = DomainAdaptClassifier(method="afn", batch_size=2, random_state=0)
    assert adapting.fit(X, Y, DOMAIN).n_epochs_ == 67  # 15 steps make an epoch


def test_without_a_ramp_the_method_counts_from_the_start():
    models = [
        _model("mcc", ramp=ramp, max_epochs=1).fit(X, Y, DOMAIN)
        for ramp in (True, False)
    ]
    alone = DeepCORAL(weight=0.0)
    nothing = _model(alone, max_epochs=1).fit(X, Y, DOMAIN)
    ramped, full, none = (state_of(m.net_.module_) for m in (*models, nothing))
    assert same_state(ramped, none)  # its only step is at progress 0
    assert not same_state(full, none)


@pytest.mark.parametrize(
    "loss", ["focal", "balanced_softmax", "logit_adjusted", "ldam"]
)
def test_losses_of_labelled_rows(loss):
    model = _model("mcc", loss=loss, max_epochs=20).fit(X, Y, DOMAIN)
    assert model.score(X[:30], Y[:30]) > 0.8
    counts = model.net_.objective.class_counts
    assert counts.tolist() == np.bincount(Y[:30]).tolist()


def test_a_hidden_layer_in_the_head():
    model = _model("dann", head=(7,)).fit(X, Y, DOMAIN)
    layers = [m for m in model.net_.module_.head if isinstance(m, nn.Linear)]
    assert [layer.out_features for layer in layers] == [7, 2]


def test_lists_of_one_are_the_method_alone():
    assert np.array_equal(
        _proba(_model(["dann"]), X, Y, DOMAIN), _proba(_model("dann"), X, Y, DOMAIN)
    )


def test_a_method_of_ones_own():
    class Nearer(AdaptationMethod):
        def __init__(self, weight=1.0):
            self.weight = weight

        def loss(self, batch, aux):
            return (batch.features_s.mean(0) - batch.features_t.mean(0)).square().sum()

    far = X + 3 * TARGET[:, None]
    model = _model([Nearer(weight=3.0), "mcc"], max_epochs=20).fit(far, Y, DOMAIN)
    assert model.history_[-1, "nearer_loss"] < 0.3 * model.history_[0, "nearer_loss"]


def test_a_method_of_ones_own_may_want_views_of_a_table():
    class Steady(AdaptationMethod):
        needs_views = True

        def loss(self, batch, aux):
            return (batch.views_t - batch.logits_t).square().mean()

    assert "steady_loss" in _model(Steady()).fit(X, Y, DOMAIN).history_[-1]


# --- discriminators that teach nothing


class _Blind(DANN):
    """Its discriminator ends in a softmax over one logit, as skada's does."""

    def build(self, n_features, n_classes):
        class Discriminator(nn.Module):
            domain_accuracy = None

            def __init__(self):
                super().__init__()
                self.linear = nn.Linear(n_features, 1)

            def forward(self, features):
                return self.linear(features).softmax(1)[:, 0] * 0

        return Discriminator()


def test_a_blind_discriminator_is_reported():
    message = "discriminator of _Blind never left chance and its gradient is zero"
    with pytest.warns(DiscriminatorWarning, match=message):
        _model(["mcc", _Blind()]).fit(X, Y, DOMAIN)


def test_a_saturated_discriminator_is_reported():
    far = X + 30 * TARGET[:, None]
    message = "discriminator of DANN told .*% of the rows apart"
    with pytest.warns(DiscriminatorWarning, match=message):
        _model(DANN(weight=0.0), max_epochs=60).fit(far, Y, DOMAIN)


@pytest.mark.parametrize("method", ["dann", "cdan", "adda"])
def test_domains_that_are_alike_are_no_reason_to_warn(method):
    both = np.r_[X, X]
    domain = np.repeat([1, -2], 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DiscriminatorWarning)
        _model(method).fit(both, np.r_[Y, Y], domain)


def test_joint_without_labelled_target_rows_says_so():
    with pytest.warns(UserWarning, match="Joint learns from labelled target rows"):
        _model("joint").fit(X, Y, DOMAIN)
