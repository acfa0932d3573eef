"""What comes out of a fit, and what it leaves alone."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone

from sktransfer.adaptation import (
    DANN,
    FixMatch,
)

from ..nets import same_state, state_of, tiny_backbone
from .domains import (
    DOMAIN,
    IMAGE_DOMAIN,
    LABELLED,
    LABELS,
    PIXELS,
    TARGET,
    X,
    Y,
    adapt_images,
    new_model,
    proba_of,
)

# --- predictions and scores


def test_predictions_ignore_the_domain_and_keep_the_length():
    model = new_model().fit(X, Y, DOMAIN)
    for method in ("predict", "predict_proba", "decision_function"):
        predict = getattr(model, method)
        for domain in (DOMAIN, -DOMAIN, np.zeros(60), "nonsense"):
            assert np.array_equal(predict(X, sample_domain=domain), predict(X))
        assert len(predict(X)) == 60


def test_predictions_agree_with_one_another():
    model = new_model().fit(X, Y, DOMAIN)
    proba, decision = model.predict_proba(X), model.decision_function(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert_allclose(1 / (1 + np.exp(-decision)), proba[:, 1])
    assert np.array_equal(model.predict(X), model.classes_[proba.argmax(1)])


def test_score_counts_labelled_rows():
    model = new_model().fit(X, Y, DOMAIN)
    y = np.where(TARGET, -1, Y)
    expected = np.mean(model.predict(X)[LABELLED] == Y[LABELLED])
    assert model.score(X, y, sample_domain=DOMAIN) == expected
    assert model.score(X, Y) == np.mean(model.predict(X) == Y)
    domain = np.where(np.arange(60) < 45, 2, -2)
    expected = np.mean(model.predict(X)[:45] == Y[:45])
    assert model.score(X, Y, sample_domain=domain) == expected


def test_score_takes_weights():
    model = new_model().fit(X, Y, DOMAIN)
    hits, weight = model.predict(X) == Y, np.arange(60) + 1.0
    expected = np.average(hits, weights=weight)
    assert_allclose(model.score(X, Y, sample_weight=weight), expected)
    expected = np.average(hits[:30], weights=weight[:30])
    assert_allclose(model.score(X, Y, weight, DOMAIN), expected)


# --- nothing of the caller's is changed


def test_methods_of_the_caller_stay_as_they_are():
    methods = [DANN(weight=0.5), FixMatch()]
    before = copy.deepcopy([vars(m) for m in methods])
    model = new_model(methods).fit(X, Y, DOMAIN)
    assert model.method is methods
    assert [vars(m) for m in methods] == before


def test_a_backbone_of_the_caller_stays_as_it_is():
    backbone = tiny_backbone()
    before = state_of(backbone)
    new_model("dann", backbone=backbone).fit(PIXELS, LABELS, IMAGE_DOMAIN)
    assert same_state(before, state_of(backbone))


def test_arrays_of_the_caller_stay_as_they_are():
    arrays = [X.copy(), Y.copy(), DOMAIN.copy(), np.ones(60)]
    frozen = copy.deepcopy(arrays)
    for array in arrays:
        array.setflags(write=False)
    new_model(("mcc", "fixmatch")).fit(*arrays)
    for one, other in zip(arrays, frozen, strict=True):
        assert np.array_equal(one, other)


def test_random_numbers_of_the_caller_stay_as_they_are():
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    new_model(("cdan", "fixmatch")).fit(X, Y, DOMAIN)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@pytest.mark.parametrize(
    "method", [("mcc", "fixmatch"), "dann", "cdan", "shot", "wdgrl"], ids=str
)
def test_the_same_seed_gives_the_same_result(method):
    one, same, other = (
        proba_of(new_model(method, random_state=seed, batch_size=8), X, Y, DOMAIN)
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_second_fit_forgets_the_first():
    model = new_model("dann").fit(X + 3, 1 - Y, DOMAIN)
    assert np.array_equal(
        proba_of(model, X, Y, DOMAIN), proba_of(clone(model), X, Y, DOMAIN)
    )


def test_a_failed_fit_leaves_everything():
    model = new_model().fit(X, Y, DOMAIN)
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
        data, model = X, new_model(method).fit(X, Y, DOMAIN)
    else:
        data, model = PIXELS, adapt_images(PIXELS, method)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.predict_proba(data), model.predict_proba(data))
        assert list(other.history_) == list(model.history_)
    unfitted = clone(model)
    assert not hasattr(unfitted, "net_")
