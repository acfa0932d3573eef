"""Estimators on texts."""

import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import sktransfer._inference._cached as cached
from sktransfer import (
    DistillationClassifier,
    DomainAdaptClassifier,
    FineTuneClassifier,
    FineTuneRegressor,
    PretrainedFeatureExtractor,
    SelfSupervisedPretrainer,
)
from sktransfer.backbones import load_backbone
from sktransfer.cache import cache_info
from sktransfer.datasets import pack_domains
from sktransfer.exceptions import MissingExtraError, TruncatedTextWarning

from ..nets import same_state, state_of
from ..texts import texts, tiny_transformer, word_vectors

pytest.importorskip("transformers")

X, y = texts(60)
STRATEGIES = ["linear_probe", "full", "lp_ft", "gradual", "partial", "bitfit", "lora"]


@pytest.fixture(scope="module")
def name(tmp_path_factory):
    return f"text:{tiny_transformer(tmp_path_factory.mktemp('bert'))}"


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    file = tmp_path_factory.mktemp("vectors") / "words.txt"
    word_vectors(file, width=16)
    return str(file)


def _expected(name, rows):
    backbone = load_backbone(name)
    with torch.no_grad():
        parts = [backbone(backbone.preprocessing.batch([row])) for row in rows]
    return torch.cat(parts).numpy()


def _classifier(name, **settings):
    settings = {"lr": 0.01, "max_epochs": 30, "random_state": 0, **settings}
    return FineTuneClassifier(name, **settings)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_features_come_in_the_order_of_the_rows(name, batch_size):
    extractor = PretrainedFeatureExtractor(name, batch_size=batch_size)
    features = extractor.fit_transform(X)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, _expected(name, X), rtol=0, atol=1e-5)
    assert extractor.weights_ == extractor.backbone_.weights


def test_stages_and_poolings(name):
    features = PretrainedFeatureExtractor(name, layers=[0, -1]).fit_transform(X)
    assert features.shape == (60, 32)
    np.testing.assert_allclose(features[:, 16:], _expected(name, X), atol=1e-5)
    both = PretrainedFeatureExtractor(name, pooling="avgmax").fit_transform(X)
    np.testing.assert_allclose(both[:, :16], _expected(name, X), atol=1e-5)
    assert (both[:, 16:] >= both[:, :16]).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_strategies_learn(name, strategy):
    if strategy == "lora":
        pytest.importorskip("peft")
    model = _classifier(name, strategy=strategy, backbone_lr_ratio=1.0, batch_size=20)
    model.fit(X[:40], y[:40])
    assert model.strategy_ == strategy
    assert model.score(X[40:], y[40:]) >= (0.75 if strategy == "linear_probe" else 0.85)
    moved = not same_state(state_of(model.backbone_), state_of(load_backbone(name)))
    assert moved == (strategy != "linear_probe")


@pytest.mark.parametrize("strategy", ["linear_probe", "full", "lora"])
def test_a_pickle_predicts_the_same(name, strategy):
    if strategy == "lora":
        pytest.importorskip("peft")
    model = _classifier(name, strategy=strategy, max_epochs=2).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert "peft" not in {type(m).__module__[:4] for m in again.net_.module_.modules()}


def test_the_same_seed_gives_the_same_result(name):
    states = torch.random.get_rng_state()
    models = [_classifier(name, strategy="full", max_epochs=2) for _ in range(2)]
    one, other = (model.fit(X, y).predict_proba(X) for model in models)
    assert np.array_equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), states)


def test_lora_trains_few_numbers(name, monkeypatch):
    pytest.importorskip("peft")
    before = load_backbone(name).state_dict()
    model = _classifier(name, strategy="lora", lora_rank=1, max_epochs=3).fit(X, y)
    after = model.backbone_.state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed
    for key in changed:
        assert torch.linalg.matrix_rank(after[key] - before[key], atol=1e-5) == 1


def test_lora_goes_on_from_its_fit(name):
    pytest.importorskip("peft")
    settings = {"strategy": "lora", "max_epochs": 2, "warm_start": True}
    model = _classifier(name, **settings).fit(X, y)
    before = state_of(model.backbone_)
    model.fit(X, y)
    assert model.n_epochs_ == 4
    assert before.keys() == model.backbone_.state_dict().keys()
    assert not same_state(before, state_of(model.backbone_))
    with pytest.raises(ValueError, match="'lora' has no partial_fit"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="'l2sp' keeps weights near"):
        clone(model).set_params(regularizer="l2sp").fit(X, y)


def test_partial_fit(name):
    model = _classifier(name, strategy="full")
    model.partial_fit(X[:30], y[:30], classes=[0, 1]).partial_fit(X[30:], y[30:])
    assert model.n_epochs_ == 2


def test_regularizers_see_texts(name):
    model = _classifier(name, strategy="full", regularizer="delta", max_epochs=2)
    assert np.isfinite(model.fit(X, y).history_[-1]["train_loss"])


def test_regression(name):
    target = np.array([len(text.split()) for text in X], dtype=float)
    model = FineTuneRegressor(name, strategy="linear_probe", C=10).fit(X, target)
    assert model.score(X, target) > 0.5


def test_rows_of_weight_two_count_as_repeated(name):
    weight = np.where(np.arange(60) < 10, 2.0, 1.0)
    one = _classifier(name, strategy="linear_probe").fit(X, y, sample_weight=weight)
    other = _classifier(name, strategy="linear_probe").fit(
        X + X[:10], np.append(y, y[:10])
    )
    np.testing.assert_allclose(
        one.decision_function(X), other.decision_function(X), rtol=1e-3, atol=1e-3
    )


def test_searches_pipelines_and_clones(name):
    model = _classifier(name, strategy="linear_probe")
    search = GridSearchCV(model, {"C": [0.01, 1]}, cv=3, error_score="raise")
    assert search.fit(X, y).best_score_ > 0.7
    assert clone(search.best_estimator_).get_params() == (
        search.best_estimator_.get_params()
    )
    pipeline = make_pipeline(
        PretrainedFeatureExtractor(name), StandardScaler(), LogisticRegression()
    )
    assert cross_val_score(pipeline, X, y, error_score="raise").mean() > 0.7


def test_a_column_of_a_table(name):
    frame = pd.DataFrame({"text": X, "number": np.arange(60.0)})
    columns = make_column_transformer(
        (PretrainedFeatureExtractor(name), "text"), ("passthrough", ["number"])
    )
    assert columns.fit_transform(frame).shape == (60, 17)
    columns.set_output(transform="pandas")
    assert len(columns.fit_transform(frame).columns) == 17


def test_texts_are_computed_once(name, monkeypatch, tmp_path):
    computed = []
    compute = cached.compute_features

    def spy(backbone, inputs, **options):
        computed.extend(inputs.texts)
        return compute(backbone, inputs, **options)

    monkeypatch.setattr(cached, "compute_features", spy)
    file = tmp_path / "features.db"
    extractor = PretrainedFeatureExtractor(name, cache=file).fit(X)
    first = extractor.transform(X + X[:5])
    again = clone(extractor).fit(X).transform(X[::-1])
    assert sorted(computed) == sorted(set(X))
    np.testing.assert_array_equal(first[:60], again[::-1])
    np.testing.assert_allclose(first[:60], _expected(name, X), atol=1e-5)
    assert cache_info(file).n_rows == len(set(X))


def test_tags_say_that_rows_are_strings(name, words):
    for backbone in (name, f"vectors:{words}", load_backbone(name)):
        for kind in (PretrainedFeatureExtractor, FineTuneClassifier):
            tags = get_tags(kind(backbone)).input_tags
            assert tags.string
            assert tags.one_d_array
            assert not tags.two_d_array
    assert not get_tags(FineTuneClassifier("resnet18")).input_tags.string


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"augment": "light"}, "augment='light' is for images, but X holds texts"),
        ({"image_size": 8}, "image_size=8 is for images, but X holds texts"),
        ({"n_views": 2}, "n_views=2 is for images, but X holds texts"),
        ({"input_shape": (2, 2)}, "the backbone takes texts: leave input_shape=None"),
    ],
)
def test_parameters_of_images_are_refused(name, settings, message):
    with pytest.raises(ValueError, match=message):
        FineTuneClassifier(name, **settings).fit(X, y)


def test_bad_rows_are_named(name):
    model = _classifier(name, strategy="linear_probe").fit(X, y)
    for bad, kind in ((" ", ValueError), (None, ValueError), (3, TypeError)):
        with pytest.raises(kind, match="Row 1 of X is"):
            model.predict([X[0], bad])
        with pytest.raises(kind, match="Row 1 of X is"):
            clone(model).fit([X[0], bad], [0, 1])
    with pytest.raises(ValueError, match=r"X has shape \(2, 2\), .* takes texts"):
        model.predict(np.zeros((2, 2)))


def test_one_warning_counts_truncated_texts(name):
    rows = [*X, "cat " * 40, "dog " * 50]
    labels = [*y, 0, 1]
    match = "2 of 62 texts are longer than the 32 tokens"
    model = _classifier(name, strategy="full", max_epochs=1)
    with pytest.warns(TruncatedTextWarning, match=match) as caught:
        model.fit(rows, labels)
    assert len(caught) == 1
    with pytest.warns(TruncatedTextWarning, match=match) as caught:
        model.predict(rows)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X)


def test_a_missing_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sktransfer\[text\]'"):
        FineTuneClassifier(name).fit(X, y)


def test_a_fitted_backbone_goes_into_another_estimator(name):
    model = _classifier(name, strategy="full", max_epochs=2).fit(X, y)
    extractor = PretrainedFeatureExtractor(model.backbone_).fit(X)
    assert np.array_equal(extractor.transform(X), model.features(X))


@pytest.mark.parametrize("strategy", ["linear_probe", "auto"])
def test_word_vectors(words, strategy):
    model = _classifier(f"vectors:{words}", strategy=strategy).fit(X[:40], y[:40])
    assert model.strategy_ == "linear_probe"
    assert model.weights_ == "words.txt"
    assert model.score(X[40:], y[40:]) == 1
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


def test_an_lstm_over_word_vectors(words):
    model = _classifier(f"vectors+lstm:{words}").fit(X[:40], y[:40])
    assert model.strategy_ == "full"
    assert model.score(X[40:], y[40:]) >= 0.9
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


def test_adaptation_from_texts_to_texts(name):
    pool = X[:30], y[:30], X[30:]
    rows, labels, sample_domain = pack_domains(*(np.array(part) for part in pool))
    for method in ("dann", "deepcoral", "auto"):
        model = DomainAdaptClassifier(name, method=method, max_epochs=2)
        model.fit(rows, labels, sample_domain=sample_domain)
        assert model.predict_proba(X).shape == (60, 2)
    with pytest.raises(ValueError, match="FixMatch learns from changed views"):
        DomainAdaptClassifier(name, method="fixmatch").fit(
            rows, labels, sample_domain=sample_domain
        )


@pytest.mark.parametrize("method", ["tent", "adda"])
def test_word_vectors_have_nothing_that_could_be_adapted(words, method):
    model = DomainAdaptClassifier(f"vectors:{words}", method=method, max_epochs=1)
    with pytest.raises(ValueError, match=r"trains .* of the backbone, but 'vectors:"):
        model.fit(X, y, sample_domain=[1] * 30 + [-2] * 30)


def test_tent_learns_the_biases_of_an_lstm(words):
    settings = {"max_epochs": 2, "random_state": 0}
    source = FineTuneClassifier(f"vectors+lstm:{words}", **settings).fit(X[:30], y[:30])
    tent = DomainAdaptClassifier(
        method="tent", source=FrozenEstimator(source), **settings
    ).fit(X[30:])
    before = dict(source.backbone_.named_parameters())
    changed = {
        name
        for name, values in tent.backbone_.named_parameters()
        if not torch.equal(values, before[name])
    }
    assert changed == {name for name in before if "bias" in name}


def test_distillation_into_word_vectors(name, words):
    teacher = _classifier(name, strategy="full")
    student = DistillationClassifier(teacher, f"vectors+lstm:{words}", random_state=0)
    assert student.fit(X[:40], y[:40]).score(X[40:], y[40:]) >= 0.7
    with pytest.raises(ValueError, match=r"teacher=None .* none for texts"):
        DistillationClassifier(backbone=name).fit(X, y)


def test_what_does_not_know_texts_says_so(name):
    with pytest.raises(ValueError, match="tables and images, not on texts"):
        SelfSupervisedPretrainer(backbone=name).fit(X)
    with pytest.raises(FileNotFoundError, match=r"If X holds texts, .* 'text:"):
        FineTuneClassifier().fit(X, y)
