import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from sktransfer.metrics import get_adaptation_scorer

from .classifiers import Rule

SAMPLE_DOMAIN = np.repeat([1, -2], 40)


@pytest.fixture
def data():
    y = np.tile([0, 1], 40)
    X = np.c_[y * 4.0, np.random.default_rng(0).normal(size=80)]
    return X, y


def test_predictions_that_lead_back(data):
    X, y = data
    scorer = get_adaptation_scorer("circular")
    right, wrong = Rule(lambda X: X[:, 0] > 2), Rule(lambda X: X[:, 0] < 2)
    assert scorer(right, X, y, SAMPLE_DOMAIN) == 1
    assert scorer(wrong, X, y, SAMPLE_DOMAIN) == 0


def test_a_collapse_scores_the_share_of_its_class(data):
    X, y = data
    y = np.where(np.arange(80) < 10, 1, y)
    scorer = get_adaptation_scorer("circular")
    expected = np.mean(y[:40] == 1)
    collapsed = Rule(lambda X: np.ones(len(X)))
    assert scorer(collapsed, X, y, SAMPLE_DOMAIN) == pytest.approx(expected)


def test_the_way_back_takes_the_classifier_given_and_leaves_it_unfitted(data):
    X, y = data
    nearest = KNeighborsClassifier(1)
    scorer = get_adaptation_scorer("circular", classifier=nearest)
    # a boundary that only a classifier that bends can follow
    ring = Rule(lambda X: np.abs(X[:, 1]) > 0.7)
    y = (np.abs(X[:, 1]) > 0.7).astype(int)
    linear = get_adaptation_scorer("circular")
    bent = scorer(ring, X, y, SAMPLE_DOMAIN)
    assert bent > 0.85 > linear(ring, X, y, SAMPLE_DOMAIN)
    assert not hasattr(nearest, "classes_")


def test_what_is_no_classifier_is_named(data):
    X, y = data
    scorer = get_adaptation_scorer("circular", classifier="svm")
    with pytest.raises(ValueError, match="'classifier' parameter"):
        scorer(Rule(lambda X: X[:, 0] > 2), X, y, SAMPLE_DOMAIN)
