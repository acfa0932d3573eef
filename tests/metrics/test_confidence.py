import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from sktransfer.metrics import _confidence, get_adaptation_scorer
from sktransfer.metrics._confidence import (
    bnm_score,
    entropy_score,
    im_score,
    snd_score,
)

from .classifiers import Given, Rule


@pytest.fixture
def proba():
    logits = np.random.default_rng(0).normal(size=(15, 4)) * 2
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def entropy(p):
    return -sum(value * np.log(value) for value in p if value > 0)


def test_entropy(proba):
    expected = -np.mean([entropy(p) for p in proba])
    assert entropy_score(proba) == pytest.approx(expected, rel=1e-9)


def test_im(proba):
    expected = entropy(proba.mean(axis=0)) - np.mean([entropy(p) for p in proba])
    assert im_score(proba) == pytest.approx(expected, rel=1e-9)


def test_bnm(proba):
    singular = np.sqrt(np.linalg.eigvalsh(proba.T @ proba))
    assert bnm_score(proba) == pytest.approx(singular.sum() / 15, rel=1e-9)


@pytest.mark.parametrize("block", [4, 1000])
def test_snd(proba, block, monkeypatch):
    monkeypatch.setattr(_confidence, "_BLOCK", block)
    entropies = []
    for i, p in enumerate(proba):
        others = np.delete(proba, i, axis=0)
        cosine = others @ p / np.sqrt((others**2).sum(axis=1) * (p**2).sum())
        odds = np.exp(cosine / 0.05)
        entropies.append(entropy(odds / odds.sum()))
    assert snd_score(proba) == pytest.approx(np.mean(entropies), rel=1e-9)


def test_certain_and_balanced_predictions():
    certain = np.eye(4)[np.arange(20) % 4]
    assert entropy_score(certain) == pytest.approx(0)
    assert im_score(certain) == pytest.approx(np.log(4))
    assert bnm_score(certain) == pytest.approx(np.sqrt(4 / 20))
    # each row has four neighbours at similarity one, the rest at zero
    assert snd_score(certain) == pytest.approx(np.log(4), abs=1e-6)


def test_a_collapse_is_seen_by_im_and_bnm_but_not_by_entropy():
    collapsed, certain = np.eye(4)[np.zeros(20, int)], np.eye(4)[np.arange(20) % 4]
    assert entropy_score(collapsed) == entropy_score(certain)
    assert im_score(collapsed) == pytest.approx(0)
    assert bnm_score(collapsed) < bnm_score(certain)


def test_snd_of_one_row():
    with pytest.raises(ValueError, match="two target rows or more"):
        snd_score(np.eye(2)[:1])


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("entropy", entropy_score),
        ("im", im_score),
        ("bnm", bnm_score),
        ("snd", snd_score),
    ],
)
def test_scorers_take_target_rows_only(name, formula, proba):
    X = np.arange(15)[:, None]
    estimator = Given(proba, range(4))
    scorer = get_adaptation_scorer(name)
    sample_domain = np.r_[[1] * 5, [-2] * 6, [2] * 2, [0] * 2]
    assert scorer(estimator, X) == pytest.approx(formula(proba), rel=1e-12)
    assert scorer(estimator, X, None, sample_domain) == pytest.approx(
        formula(proba[5:13]), rel=1e-12
    )
    by_name = get_adaptation_scorer(name, target_domain=1)
    assert by_name(estimator, X, sample_domain=sample_domain) == pytest.approx(
        formula(proba[:5]), rel=1e-12
    )
    assert type(scorer(estimator, X)) is float


def test_float32_probabilities_are_summed_in_float64(proba):
    X = np.arange(15)[:, None]
    single = Given(proba.astype(np.float32), range(4))
    assert get_adaptation_scorer("im")(single, X) == pytest.approx(
        im_score(proba.astype(np.float32).astype(float)), rel=1e-12
    )


def test_class_cluster():
    rng = np.random.default_rng(0)
    found = np.repeat([0, 1, 2], 20)
    X = 20 * np.eye(3)[found] + rng.normal(size=(60, 3))
    scorer = get_adaptation_scorer("class_cluster")
    assert scorer(Rule(lambda X: X.argmax(axis=1), 3), X) == pytest.approx(1)
    assert scorer(Rule(lambda X: np.zeros(len(X)), 3), X) == pytest.approx(0)
    halves = np.arange(60) < 40
    expected = adjusted_mutual_info_score(halves, found)
    assert 0 < expected < 1
    assert scorer(Rule(lambda X: halves, 3), X) == pytest.approx(expected)


def test_class_cluster_of_fewer_rows_than_classes():
    X = np.arange(2.0)[:, None]
    score = get_adaptation_scorer("class_cluster")(Given(np.eye(3), range(3)), X)
    assert score == pytest.approx(1)
