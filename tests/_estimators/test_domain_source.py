"""Where adaptation starts: from a fitted source."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sktransfer import FineTuneClassifier

from ..nets import same_state, state_of, tiny_backbone
from .domains import DOMAIN, FAST, LABELS, PIXELS, X, Y, new_model


@pytest.fixture(scope="module")
def source():
    return FineTuneClassifier(max_epochs=30, random_state=0).fit(X[:30], Y[:30])


def test_the_fitted_source_is_where_it_starts(source):
    # adabn of the same rows changes nothing but the scale of the columns
    model = new_model("adabn", source=FrozenEstimator(source)).fit(X[:30])
    assert_allclose(model.predict_proba(X), source.predict_proba(X), rtol=1e-9)
    assert model.n_epochs_ == 0


@pytest.mark.parametrize("method", ["shot", "tent", "adabn"])
def test_without_labels_all_rows_are_target(source, method):
    before = state_of(source.net_.module_)
    frozen = FrozenEstimator(source)
    model = new_model(method, source=frozen).fit(X[30:])
    domain = new_model(method, source=frozen).fit(X[30:], sample_domain=[-2] * 30)
    ignored = new_model(method, source=frozen).fit(X[30:], Y[30:], [-2] * 30)
    for other in (domain, ignored):
        assert np.array_equal(model.predict_proba(X), other.predict_proba(X))
    assert model.classes_ is source.classes_
    assert not np.array_equal(model.predict_proba(X), source.predict_proba(X))
    assert same_state(before, state_of(source.net_.module_))


@pytest.mark.parametrize("method", ["shot", "tent"])
def test_source_rows_do_not_matter_once_there_is_a_source(source, method):
    frozen = FrozenEstimator(source)
    free = new_model(method, source=frozen).fit(X[30:])
    beside = new_model(method, source=frozen).fit(X, Y, DOMAIN)
    assert_allclose(free.predict_proba(X), beside.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("method", ["mcc", "dann", "adda", "joint", "mcd"])
def test_other_methods_start_there_with_source_rows(source, method):
    model = new_model(method, source=FrozenEstimator(source), max_epochs=1, lr=1e-9)
    model.fit(X, Y, DOMAIN)
    assert_allclose(model.predict_proba(X), source.predict_proba(X), rtol=1e-4)


def test_labels_of_strings_come_from_the_source():
    names = np.array(["ant", "bee"])
    source = FineTuneClassifier(**FAST).fit(X, names[Y])
    model = new_model("shot", source=FrozenEstimator(source)).fit(X)
    assert model.classes_.tolist() == ["ant", "bee"]
    assert set(model.predict(X)) <= {"ant", "bee"}


def test_a_source_of_our_own_kind_goes_on():
    first = new_model("source_only").fit(X, Y, DOMAIN)
    assert new_model("shot", source=FrozenEstimator(first)).fit(X).n_epochs_ == 2
    second = new_model("shot", source=FrozenEstimator(first)).fit(X)
    third = new_model("mcc", source=FrozenEstimator(second)).fit(X, Y, DOMAIN)
    heads = (m.net_.module_.head for m in (second, third))
    assert not same_state(*(state_of(head) for head in heads))


def test_a_source_survives_clone(source):
    model = clone(new_model("shot", source=FrozenEstimator(source)))
    assert model.source.estimator is source
    assert model.fit(X).predict(X).shape == (60,)


@pytest.mark.parametrize("strategy", ["full", "linear_probe"])
def test_images_adapt_without_source_rows(strategy):
    source = FineTuneClassifier(tiny_backbone(), strategy=strategy, **FAST)
    source.fit(PIXELS[:12], LABELS[:12])
    model = new_model("shot", source=FrozenEstimator(source)).fit(PIXELS[12:])
    assert model.predict(PIXELS).shape == (24,)
    assert model.backbone_.name == "tiny"
