"""TrAdaBoost against the published steps, written out by hand."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sktransfer import TrAdaBoostClassifier, TrAdaBoostRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(220, 3))
DOMAIN = np.repeat([1, 2, -2], [150, 30, 40])
SOURCE, TARGET = DOMAIN == 1, DOMAIN == 2
LABELLED = DOMAIN > 0


def _labels(n_classes):
    """Return classes by one column; half of the source goes by another column."""
    scores = X[:, 0].copy()
    scores[:75] = X[:75, 1]
    edges = np.quantile(scores, np.arange(1, n_classes) / n_classes)
    y = np.searchsorted(edges, scores + RNG.normal(0, 0.3, 220))
    return np.where(LABELLED, y, -1)


def _values():
    y = X[:, 0] - X[:, 1]
    y[:75] = X[:75, 0] + X[:75, 1]
    return np.where(LABELLED, y + RNG.normal(0, 0.3, 220), np.nan)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_rounds_of_the_classifier(n_classes):
    y = _labels(n_classes)
    model = TrAdaBoostClassifier(n_estimators=5).fit(X, y, DOMAIN)
    rows, labels, is_source = X[:180], y[:180], np.arange(180) < 150
    w = np.ones(180)
    beta_source = 1 / (1 + np.sqrt(2 * np.log(150) / 5))
    votes = np.zeros((220, n_classes))
    for t in range(5):
        p = w / w.sum() * 180
        learner = LogisticRegression(max_iter=1000).fit(rows, labels, p)
        wrong = learner.predict(rows) != labels
        error = (w * wrong)[~is_source].sum() / w[~is_source].sum()
        beta = error / (1 - error) / (n_classes - 1)
        assert model.estimator_errors_[t] == pytest.approx(error)
        for i in range(180):
            if wrong[i]:
                w[i] *= beta_source if is_source[i] else 1 / beta
        if t + 1 >= 3:  # from the third of five, ceil(5 / 2), on
            assert model.estimator_weights_[t] == pytest.approx(np.log(1 / beta))
            for k in range(n_classes):
                votes[:, k] += np.log(1 / beta) * (learner.predict(X) == k)
        else:
            assert model.estimator_weights_[t] == 0
    assert len(model.estimators_) == 5
    np.testing.assert_allclose(model.weights_[:180], w / w.sum() * 180)
    np.testing.assert_array_equal(model.weights_[180:], 0)
    np.testing.assert_array_equal(model.predict(X), votes.argmax(axis=1))
    expected = votes / votes.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected)


def test_the_rounds_of_the_regressor():
    y = _values()
    model = TrAdaBoostRegressor(n_estimators=4).fit(X, y, DOMAIN)
    rows, values, is_source = X[:180], y[:180], np.arange(180) < 150
    w = np.ones(180)
    beta_source = 1 / (1 + np.sqrt(2 * np.log(150) / 4))
    predictions, votes = [], []
    for t in range(4):
        learner = Ridge().fit(rows, values, w / w.sum() * 180)
        gaps = np.abs(learner.predict(rows) - values)
        e = gaps / gaps.max()
        error = (w * e)[~is_source].sum() / w[~is_source].sum()
        beta = error / (1 - error)
        assert model.estimator_errors_[t] == pytest.approx(error)
        w *= np.where(is_source, beta_source**e, beta**-e)
        if t + 1 >= 2:
            predictions.append(learner.predict(X))
            votes.append(np.log(1 / beta))
    np.testing.assert_allclose(model.weights_[:180], w / w.sum() * 180)
    for i, predicted in enumerate(model.predict(X)):
        pairs = sorted(zip([p[i] for p in predictions], votes, strict=True))
        so_far = np.cumsum([vote for _, vote in pairs])
        median = pairs[int(np.argmax(so_far >= so_far[-1] / 2))][0]
        assert predicted == pytest.approx(median)


def test_it_beats_both_domains_pooled_and_the_target_alone():
    gains, kept = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(920, 10))
        y = (rows[:, 0] > 0).astype(int)
        y[:200] = rows[:200, 1] > 0
        domain = np.repeat([1, 2, -2], [400, 20, 500])
        model = TrAdaBoostClassifier().fit(rows, y, domain)
        rivals = [LogisticRegression().fit(rows[a:420], y[a:420]) for a in (0, 400)]
        scores = [m.score(rows[420:], y[420:]) for m in (model, *rivals)]
        gains.append(scores[0] - np.array(scores[1:]))
        kept.append([model.weights_[:200].sum(), model.weights_[200:400].sum()])
    assert np.mean(gains, axis=0).min() > 0.01
    misleading, helpful = np.mean(kept, axis=0)
    assert misleading < 0.9 * helpful


def test_weights_to_start_from():
    y = _labels(2)
    weight = np.random.default_rng(0).integers(0, 3, 220)
    weighted = TrAdaBoostClassifier().fit(X, y, DOMAIN, weight)
    repeated = TrAdaBoostClassifier().fit(
        X.repeat(weight, axis=0), y.repeat(weight), DOMAIN.repeat(weight)
    )
    np.testing.assert_allclose(
        weighted.estimator_errors_, repeated.estimator_errors_, rtol=1e-6
    )
    np.testing.assert_array_equal(weighted.predict(X), repeated.predict(X))
    assert weighted.weights_.sum() == pytest.approx(weight[LABELLED].sum())


def test_a_perfect_round_and_one_no_better_than_chance():
    y = (X[:, 0] > 0).astype(int)
    perfect = TrAdaBoostClassifier(DecisionTreeClassifier(random_state=0))
    perfect.fit(X, y, DOMAIN)
    np.testing.assert_array_equal(perfect.estimator_errors_, 0)
    np.testing.assert_allclose(perfect.estimator_weights_[4:], np.log(999))
    np.testing.assert_array_equal(perfect.predict(X), y)
    opposite = np.where(TARGET, 1 - y, y)
    heavy = np.where(TARGET, 1e-9, 1.0)
    chance = TrAdaBoostClassifier(n_estimators=2).fit(X, opposite, DOMAIN, heavy)
    np.testing.assert_array_equal(chance.estimator_weights_, [0, 1])
    assert chance.estimator_errors_.min() > 0.5
    assert np.isfinite(chance.predict_proba(X)).all()


# --- domains


def test_a_target_whose_rows_are_all_labelled_has_to_be_named():
    y, domain = np.abs(_labels(2)), np.abs(DOMAIN)
    named = TrAdaBoostClassifier(target_domain=2).fit(X, y, domain)
    assert len(named.estimators_) == 10
    with pytest.warns(UserWarning, match="name it as target_domain"):
        unnamed = TrAdaBoostClassifier().fit(X, y, domain)
    assert len(unnamed.estimators_) == 1
    plain = LogisticRegression(max_iter=1000).fit(X, y)
    np.testing.assert_array_equal(unnamed.predict(X), plain.predict(X))


def test_no_labelled_target_row():
    domain = np.where(SOURCE, 1, -2)
    with pytest.raises(ValueError, match=r"needs labelled target rows.*Reweighted"):
        TrAdaBoostClassifier().fit(X, _labels(2), domain)
    with pytest.raises(ValueError, match="negative for every row"):
        TrAdaBoostRegressor().fit(X, _values(), -np.abs(DOMAIN))


def test_no_source_row_is_adaboost():
    y = _labels(2)
    model = TrAdaBoostClassifier().fit(X[150:], y[150:], DOMAIN[150:])
    assert len(model.estimators_) == 10
    assert model.weights_[:30].sum() == pytest.approx(30)


@pytest.mark.parametrize("routing", [False, True])
def test_in_a_pipeline(routing):
    y = _labels(2)
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    pipeline = make_pipeline(StandardScaler(), TrAdaBoostClassifier(inner))
    name = "sample_domain" if routing else "tradaboostclassifier__sample_domain"
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(X, y, **{name: DOMAIN})
    scaled = StandardScaler().fit_transform(X)
    reference = TrAdaBoostClassifier(inner).fit(scaled, y, DOMAIN)
    np.testing.assert_array_equal(pipeline.predict(X), reference.predict(scaled))
    assert reference.score(scaled, y, sample_domain=DOMAIN) > 0.6


def test_an_estimator_without_weights():
    with pytest.raises(TypeError, match="takes no sample_weight"):
        TrAdaBoostClassifier(KNeighborsClassifier()).fit(X, _labels(2), DOMAIN)


def test_an_estimator_of_the_other_kind():
    match = r"estimator=Ridge\(\) is a regressor, but TrAdaBoostClassifier takes a cla"
    with pytest.raises(TypeError, match=match):
        TrAdaBoostClassifier(Ridge()).fit(X, _labels(2), DOMAIN)
    match = "is a classifier, but TrAdaBoostRegressor takes a regressor"
    with pytest.raises(TypeError, match=match):
        TrAdaBoostRegressor(LogisticRegression()).fit(X, _values(), DOMAIN)


@pytest.mark.parametrize("n_estimators", [0, 2.5])
def test_bad_parameters(n_estimators):
    with pytest.raises(ValueError, match="'n_estimators' parameter"):
        TrAdaBoostClassifier(n_estimators=n_estimators).fit(X, _labels(2), DOMAIN)
