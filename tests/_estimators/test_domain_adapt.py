"""What `sample_domain` and `sample_weight` mean."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator

from sktransfer import DomainAdaptClassifier, FineTuneClassifier
from sktransfer.adaptation import (
    Joint,
)
from sktransfer.datasets import pack_domains

from ..nets import same_state, state_of
from .domains import (
    DOMAIN,
    LABELLED,
    TARGET,
    X,
    Y,
    new_model,
    numbered,
    proba_of,
    seen_by,
)

# --- what sample_domain means


@pytest.mark.parametrize(
    "junk", [-1, 7, np.nan, np.inf, 1e300], ids=lambda value: f"{value}"
)
def test_the_label_of_an_unlabelled_row_may_be_anything(junk):
    expected = proba_of(new_model(), X, Y, DOMAIN)
    y = np.where(TARGET, junk, Y)
    model = new_model().fit(X, y, DOMAIN)
    assert model.classes_.tolist() == [0, 1]
    assert np.array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("junk", [None, np.nan, pd.NA, "?", 3.5, (1, 2)], ids=str)
def test_the_label_of_an_unlabelled_row_may_be_any_object(junk):
    y = np.array(["ant", "bee"], dtype=object)[Y]
    for row in np.flatnonzero(TARGET):
        y[row] = junk
    model = new_model().fit(X, y, DOMAIN)
    assert model.classes_.tolist() == ["ant", "bee"]
    assert np.array_equal(
        model.predict_proba(X), new_model().fit(X, Y, DOMAIN).predict_proba(X)
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
    model = new_model().fit(X, y, DOMAIN)
    assert model.classes_.tolist() == labels.tolist()
    predicted = model.predict(X)
    assert set(predicted.tolist()) <= set(labels.tolist())
    assert np.array_equal(
        model.predict_proba(X), new_model().fit(X, Y, DOMAIN).predict_proba(X)
    )
    assert model.score(X, y) == np.mean(predicted == y)


def test_minus_one_is_a_label_like_any_other():
    y = np.where(Y == 0, -1, 1)
    model = new_model().fit(X, y)
    assert model.classes_.tolist() == [-1, 1]
    assert model.history_[0].keys().isdisjoint({"mcc_loss"})
    both = new_model().fit(X, y, DOMAIN)
    assert both.classes_.tolist() == [-1, 1]
    assert "mcc_loss" in both.history_[0]


def test_a_class_of_the_target_alone_is_no_class():
    y = np.where(TARGET, 5, Y)
    assert new_model().fit(X, y, DOMAIN).classes_.tolist() == [0, 1]


def test_a_labelled_target_row_may_bring_a_class():
    domain = np.where(np.arange(60) >= 50, 2, DOMAIN)
    y = np.where(np.arange(60) >= 50, 5, Y)
    assert new_model().fit(X, y, domain).classes_.tolist() == [0, 1, 5]


def test_the_convention_of_skada_is_a_special_case():
    expected = proba_of(new_model(), X, Y, DOMAIN)
    for source, target in [(1, -2), (0, -1), (3, -9)]:
        domain = np.where(LABELLED, source, target)
        assert np.array_equal(proba_of(new_model(), X, Y, domain), expected)


@pytest.mark.parametrize("domain", [0, 1, 7])
@pytest.mark.parametrize("method", ["mcc", "dann", "source_only", "shot", "joint"])
def test_without_a_target_it_is_supervised_training(domain, method):
    expected = proba_of(new_model("source_only"), X, Y)
    assert np.array_equal(proba_of(new_model(method), X, Y), expected)
    domains = np.full(60, domain)
    assert np.array_equal(proba_of(new_model(method), X, Y, domains), expected)


def test_supervised_training_is_that_of_fine_tuning():
    alone = DomainAdaptClassifier(method="mcc", random_state=0).fit(X, Y)
    other = FineTuneClassifier(random_state=0).fit(X, Y)
    assert alone.n_epochs_ == other.n_epochs_
    assert_allclose(alone.predict_proba(X), other.predict_proba(X), rtol=1e-6)


def test_who_is_source_and_who_is_target():
    domain = np.r_[np.full(20, 1), np.full(10, 4), np.full(10, 2), np.full(20, -2)]
    model, batches = seen_by(numbered(), Y, domain)
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
    _, batches = seen_by(X_, y, domain, **parameters, batch_size=100)
    (batch,) = batches
    n_t = 0 if batch.features_t is None else len(batch.features_t)
    return len(batch.features_s), n_t


def test_labelled_and_unlabelled_rows_of_one_domain_are_semi_supervised():
    domain = np.where(np.arange(60) < 30, 1, -1)
    assert _target_rows(X, Y, domain) == (30, 60)
    model = new_model("mcc").fit(X, Y, domain)
    assert "mcc_loss" in model.history_[0]


def test_several_sources_and_targets():
    domain = np.r_[np.full(10, 1), np.full(20, 2), np.full(10, -3), np.full(20, -4)]
    assert _target_rows(X, Y, domain) == (30, 30)


def test_target_domain_names_a_target_whose_rows_are_all_labelled():
    domain = np.abs(DOMAIN)
    assert _target_rows(X, Y, domain, target_domain=2) == (30, 30)
    assert _target_rows(X, Y, DOMAIN, target_domain=2) == (30, 30)
    model = new_model("joint", target_domain=2).fit(X, Y, domain)
    supervised = new_model("source_only").fit(X, Y, DOMAIN)
    assert not np.array_equal(model.predict_proba(X), supervised.predict_proba(X))


def test_labels_of_target_rows_train_too():
    labelled = np.where(np.arange(60) < 40, np.abs(DOMAIN), DOMAIN)
    y = np.where(labelled == 2, 1 - Y, Y)
    right = new_model(["mcc"]).fit(X, Y, labelled).predict_proba(X)
    wrong = new_model(["mcc"]).fit(X, y, labelled).predict_proba(X)
    assert not np.allclose(right, wrong)


def test_joint_trains_on_both_domains():
    labelled = np.where(np.arange(60) < 40, np.abs(DOMAIN), DOMAIN)
    models = [new_model(m).fit(X, Y, labelled) for m in ("joint", Joint(weight=0.0))]
    assert not same_state(*(state_of(m.net_.module_) for m in models))
    # by the target alone where the source weighs nothing
    y = np.where(labelled == 1, 1 - Y, Y)
    other = new_model(Joint(weight=0.0)).fit(X, y, labelled)
    assert_allclose(other.predict_proba(X), models[1].predict_proba(X))


def test_source_only_ignores_the_target_altogether():
    expected = proba_of(new_model("source_only"), X[:30], Y[:30])
    labelled = np.where(np.arange(60) < 40, np.abs(DOMAIN), DOMAIN)
    for domain in (DOMAIN, labelled):
        assert np.array_equal(
            proba_of(new_model("source_only"), X, Y, domain), expected
        )


def test_domains_come_in_any_container():
    expected = proba_of(new_model(), X, Y, DOMAIN)
    for domain in (DOMAIN.tolist(), pd.Series(DOMAIN), DOMAIN.astype(float)):
        assert np.array_equal(proba_of(new_model(), X, Y, domain), expected)


def test_packed_domains_fit():
    packed = pack_domains(X[:30], Y[:30], X[30:])
    assert np.array_equal(
        proba_of(new_model(), *packed), proba_of(new_model(), X, Y, DOMAIN)
    )


def test_the_order_of_domains_in_x_does_not_change_who_is_who():
    order = np.r_[30:60, 0:30]
    model = new_model(batch_size=100)
    one = proba_of(model, X, Y, DOMAIN)
    other = proba_of(model, X[order], Y[order], DOMAIN[order])
    assert_allclose(one, other, rtol=1e-6)


# --- weights


def test_rows_of_weight_zero_are_as_if_they_were_not_there():
    weight = np.where(np.arange(60) % 3 == 0, 0.0, 1.0)
    kept = weight > 0
    y = np.where(kept, Y, 9)
    weighted = new_model().fit(X, y, DOMAIN, sample_weight=weight)
    without = new_model().fit(X[kept], Y[kept], DOMAIN[kept])
    assert weighted.classes_.tolist() == [0, 1]
    assert_allclose(weighted.predict_proba(X), without.predict_proba(X), rtol=1e-9)


def test_a_target_of_weight_zero_is_no_target():
    model = new_model().fit(X, Y, DOMAIN, sample_weight=LABELLED.astype(float))
    expected = proba_of(new_model("source_only"), X[:30], Y[:30])
    assert_allclose(model.predict_proba(X), expected, rtol=1e-9)


@pytest.mark.parametrize("method", ["dan", "mcc", "fixmatch", "shot", "mcd", "wdgrl"])
def test_a_weight_is_a_number_of_rows(method):
    counts = np.random.default_rng(0).integers(1, 3, 30)
    rows, y = X[:30], Y[:30]
    domain = np.where(np.arange(30) < 15, 1, -2)
    again = np.repeat(np.arange(30), counts)
    model = new_model(method, batch_size=200)
    weighted = proba_of(model, rows, y, domain, sample_weight=counts)
    repeated = proba_of(model, rows[again], y[again], domain[again])
    assert_allclose(weighted, repeated, rtol=1e-6)


def test_weights_of_classes_count_for_labelled_rows():
    rare = np.where(np.arange(60) % 10, 0, Y)
    even, balanced = (
        new_model("mcc", class_weight=w, max_epochs=20).fit(X, rare, DOMAIN)
        for w in (None, "balanced")
    )
    share = [np.mean(m.predict_proba(X)[:, 1]) for m in (even, balanced)]
    assert share[1] > share[0]


def test_weights_of_classes_count_after_a_source():
    source = FrozenEstimator(new_model("source_only").fit(X, Y))
    even, heavy = (
        new_model(source=source, class_weight=w).fit(X, Y, DOMAIN).predict_proba(X)
        for w in (None, {0: 1, 1: 9})
    )
    assert heavy[:, 1].mean() > even[:, 1].mean()
