import numpy as np
import pytest

from sktransfer.metrics import get_adaptation_scorer
from sktransfer.metrics._importance import (
    dev_risk,
    importance_weights,
    iwcv_risk,
    log_losses,
    zero_one_losses,
)

from .classifiers import Rule, SourceOnly, make_domains

WEIGHTS = np.array([0.5, 2.0, 1.0, 0.25, 1.5])
LOSSES = np.array([1.0, 0.0, 1.0, 0.0, 1.0])


def test_iwcv_is_the_weighted_mean():
    assert iwcv_risk(LOSSES, WEIGHTS) == pytest.approx((0.5 + 1 + 1.5) / 5)


def test_dev_is_its_definition():
    weighted = [w * loss for w, loss in zip(WEIGHTS, LOSSES, strict=True)]
    mean_w, mean_wl = sum(WEIGHTS) / 5, sum(weighted) / 5
    covariance = sum(
        (w - mean_w) * (wl - mean_wl) for w, wl in zip(WEIGHTS, weighted, strict=True)
    )
    variance = sum((w - mean_w) ** 2 for w in WEIGHTS)
    eta = -covariance / variance
    expected = mean_wl + eta * mean_w - eta
    assert dev_risk(LOSSES, WEIGHTS) == pytest.approx(expected, rel=1e-12)


def test_dev_of_a_constant_loss_is_that_loss():
    # the control variate takes all of the weights' error away; IWCV keeps it
    assert dev_risk(np.full(5, 0.3), WEIGHTS) == pytest.approx(0.3)
    assert iwcv_risk(np.full(5, 0.3), WEIGHTS) == pytest.approx(0.3 * WEIGHTS.mean())


def test_dev_of_equal_weights_is_the_mean():
    assert dev_risk(LOSSES, np.ones(5)) == pytest.approx(0.6)


def test_losses():
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    y = np.array(["a", "a", "unseen"])
    classes = np.array(["a", "b"])
    np.testing.assert_array_equal(zero_one_losses(proba, y, classes), [0, 1, 1])
    np.testing.assert_allclose(
        log_losses(proba, y, classes),
        -np.log([0.9, 0.2, np.finfo(float).eps]),
    )


def test_weights_of_one_distribution_are_about_one():
    rng = np.random.default_rng(0)
    weights = importance_weights(rng.normal(size=(3000, 2)), rng.normal(size=(900, 2)))
    np.testing.assert_allclose(weights, 1, atol=0.3)
    assert weights.mean() == pytest.approx(1, abs=0.02)


def test_weights_are_the_ratio_of_densities():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(5000, 1))
    target = 0.7 + rng.normal(size=(2000, 1))
    expected = np.exp(0.7 * source[:, 0] - 0.7**2 / 2)
    weights = importance_weights(source, target)
    np.testing.assert_allclose(weights, expected, rtol=0.25)


def test_weights_of_rows_that_outnumber_their_features_do_not_collapse():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, 60, 300))
    assert np.median(importance_weights(source, target)) > 0.3


def test_weights_of_a_domain_of_one_row():
    with pytest.raises(ValueError, match="5 of the source and 1 of the target"):
        importance_weights(np.ones((5, 1)), np.ones((1, 1)))


@pytest.mark.parametrize("name", ["iwcv", "dev"])
@pytest.mark.parametrize("loss", ["zero_one", "log"])
def test_the_scorer_is_minus_the_risk_on_the_source(name, loss):
    X, y, sample_domain = make_domains()
    estimator = SourceOnly().fit(X, y, sample_domain)
    source = sample_domain > 0
    weights = importance_weights(10 * X[source], 10 * X[~source])
    p = estimator.predict_proba(X[source])
    of_label = p[np.arange(60), y[source]]
    losses = -np.log(of_label) if loss == "log" else (of_label < 0.5).astype(float)
    risk = {"iwcv": iwcv_risk, "dev": dev_risk}[name](losses, weights)
    scorer = get_adaptation_scorer(name, loss=loss)
    assert scorer(estimator, X, y, sample_domain) == pytest.approx(-risk, rel=1e-9)
    order = np.random.default_rng(0).permutation(len(y))
    labels_of_target = np.where(source, y, 1 - (X[:, 0] > 2))
    assert scorer(estimator, X, labels_of_target, sample_domain) == pytest.approx(-risk)
    assert np.isfinite(scorer(estimator, X[order], y[order], sample_domain[order]))


def test_errors_where_the_target_is_weigh_more():
    X, y, sample_domain = make_domains(400)
    low, high = (
        Rule(lambda X, side=side: _wrong_on(X, side)) for side in ("low", "high")
    )
    y = np.where(sample_domain > 0, 0, -1)
    for name in ("iwcv", "dev"):
        scorer = get_adaptation_scorer(name)
        # the target lies higher than the source
        assert scorer(low, X, y, sample_domain) > scorer(high, X, y, sample_domain)


def _wrong_on(X, side):
    mean = X.mean(axis=1)
    return mean < 0 if side == "low" else mean > 3


def test_unknown_loss():
    X, y, sample_domain = make_domains()
    estimator = SourceOnly().fit(X, y, sample_domain)
    with pytest.raises(ValueError, match="'loss' parameter"):
        get_adaptation_scorer("dev", loss="hinge")(estimator, X, y, sample_domain)
