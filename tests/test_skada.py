"""The splitters, scorers and data of skada with our classifier."""

import numpy as np
import pytest
import sklearn
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import DomainAdaptClassifier
from sktransfer.selection import TargetKFold

from .nets import table

X, LABELS = table(80)
DOMAIN = np.where(np.arange(80) < 40, 1, -2)
Y = np.where(DOMAIN > 0, LABELS, -1)
FOUR = np.repeat([1, 2, -3, -4], 20)  # two sources, two targets
BOTH = np.repeat([1, 2, -1, -2], 20)  # each is source and target in turn


def _model(**parameters):
    settings = {"method": "mcc", "max_epochs": 2, "random_state": 0, **parameters}
    return DomainAdaptClassifier(**settings)


@pytest.fixture(scope="module", autouse=True)
def skada():
    """Return skada, whose import enables metadata routing for the whole process."""
    before = sklearn.get_config()
    try:
        yield pytest.importorskip("skada")
    finally:
        sklearn.set_config(**before)


@pytest.fixture(autouse=True)
def _routing(skada):
    with config_context(enable_metadata_routing=True):
        yield


def _splitter(skada, name):
    count = "max_n_splits" if name == "LeaveOneDomainOut" else "n_splits"
    splitter = getattr(skada.model_selection, name)
    return splitter(**{count: 2}, test_size=0.3, random_state=0)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("SourceTargetShuffleSplit", DOMAIN),
        ("StratifiedDomainShuffleSplit", FOUR),
        ("DomainShuffleSplit", FOUR),
        ("LeaveOneDomainOut", BOTH),
    ],
)
def test_splitters(skada, name, domain):
    y = np.where(domain > 0, LABELS, -1)
    scores = cross_val_score(
        _model(),
        X,
        y,
        cv=_splitter(skada, name),
        params={"sample_domain": domain},
        scoring=skada.metrics.PredictionEntropyScorer(),
        error_score="raise",
    )
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "name", ["PredictionEntropyScorer", "SoftNeighborhoodDensity", "CircularValidation"]
)
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_scorers_without_target_labels(skada, name, in_pipeline):
    model = make_pipeline(StandardScaler(), _model()) if in_pipeline else _model()
    scores = cross_val_score(
        model,
        X,
        Y,
        cv=_splitter(skada, "SourceTargetShuffleSplit"),
        params={"sample_domain": DOMAIN},
        scoring=getattr(skada.metrics, name)(),
        error_score="raise",
    )
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", ["DeepEmbeddedValidation", "MaNoScorer"])
def test_scorers_that_take_other_libraries_in_pipelines_alone(skada, name):
    scores = cross_val_score(
        make_pipeline(StandardScaler(), _model()),
        X,
        Y,
        cv=_splitter(skada, "SourceTargetShuffleSplit"),
        params={"sample_domain": DOMAIN},
        scoring=getattr(skada.metrics, name)(),
        error_score="raise",
    )
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_importance_weights_judge_the_source_rows(skada, in_pipeline):
    model = _model().set_score_request(sample_weight=True)
    if in_pipeline:
        model = make_pipeline(StandardScaler(), model)
    model.fit(X, Y, sample_domain=DOMAIN)
    scorer = skada.metrics.ImportanceWeightedScorer()
    score = scorer(model, X, Y, sample_domain=DOMAIN)
    source_densities = scorer.weight_estimator_source_.score_samples(X[:40])
    weights = scorer.weight_estimator_target_.score_samples(X[:40]) - source_densities
    right = model.predict(X[:40]) == Y[:40]
    assert score == pytest.approx(np.average(right, weights=np.exp(weights)))


def test_the_entropy_that_skada_finds_is_that_of_our_probabilities(skada):
    model = _model().fit(X, Y, DOMAIN)
    scorer = skada.metrics.PredictionEntropyScorer()
    p = model.predict_proba(X[40:])
    expected = (p * np.log(p + 1e-7)).mean()
    score = scorer(model, X, Y, sample_domain=DOMAIN)
    np.testing.assert_allclose(score, expected, rtol=1e-6)


def test_the_scorer_by_target_labels(skada):
    cv = _splitter(skada, "SourceTargetShuffleSplit")
    scores = cross_val_score(
        _model(),
        X,
        Y,
        cv=cv,
        params={"sample_domain": DOMAIN, "target_labels": LABELS},
        scoring=skada.metrics.SupervisedScorer(),
        error_score="raise",
    )
    for (train, test), score in zip(cv.split(X, Y, DOMAIN), scores, strict=True):
        model = _model().fit(X[train], Y[train], DOMAIN[train])
        target = test[DOMAIN[test] < 0]
        assert score == np.mean(model.predict(X[target]) == LABELS[target])


def test_a_search(skada):
    search = GridSearchCV(
        _model(),
        {"method": ["mcc", "dann"]},
        cv=_splitter(skada, "SourceTargetShuffleSplit"),
        scoring=skada.metrics.SoftNeighborhoodDensity(),
        error_score="raise",
    ).fit(X, Y, sample_domain=DOMAIN)
    assert search.predict(X).shape == (80,)


def test_our_splitter_with_their_scorer(skada):
    scores = cross_val_score(
        _model(),
        X,
        Y,
        cv=TargetKFold(2),
        params={"sample_domain": DOMAIN},
        scoring=skada.metrics.PredictionEntropyScorer(),
        error_score="raise",
    )
    assert np.isfinite(scores).all()


def test_their_data(skada):
    from skada.datasets import make_shifted_datasets

    X_, y, domain = make_shifted_datasets(
        n_samples_source=10, n_samples_target=10, random_state=0
    )
    model = _model().fit(X_, np.where(domain < 0, -1, y), domain)
    assert model.classes_.tolist() == [0, 1]
    assert "mcc_loss" in model.history_[-1]
