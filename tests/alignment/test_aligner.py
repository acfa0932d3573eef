"""DomainAligner: which rows are mapped how, and its place in scikit-learn's tools."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktransfer import DomainAligner, ReweightedClassifier
from sktransfer.alignment import CORAL, TCA, SubspaceAlignment
from sktransfer.alignment._resolve import NAMES
from sktransfer.datasets import pack_domains
from sktransfer.metrics import get_adaptation_scorer
from sktransfer.selection import TargetKFold

RNG = np.random.default_rng(0)
LABELS = np.arange(120) % 2
CLEAN = RNG.normal(size=(120, 3)) + 2 * LABELS[:, None]
MIX = np.array([[1.0, 0.5, 0.0], [0.0, 2.0, 0.0], [-1.0, 0.0, 1.0]])
X, Y, DOMAIN = pack_domains(CLEAN[:70], LABELS[:70], CLEAN[70:] @ MIX + 4)
SOURCE = DOMAIN == 1
routing_on_and_off = pytest.mark.parametrize("routing", [False, True])


@pytest.mark.parametrize("name", NAMES)
def test_each_domain_is_mapped_by_its_map(name):
    if name == "ot":
        pytest.importorskip("ot")
    aligner = DomainAligner(name)
    mapped = aligner.fit_transform(X, Y, sample_domain=DOMAIN)
    method = NAMES[name]().fit(X[SOURCE], X[~SOURCE], Y[SOURCE])
    np.testing.assert_allclose(mapped[SOURCE], method.map_source(X[SOURCE]))
    np.testing.assert_allclose(mapped[~SOURCE], method.map_target(X[~SOURCE]))
    np.testing.assert_allclose(aligner.transform(X, DOMAIN), mapped)
    # without domains all rows are the target's
    np.testing.assert_allclose(aligner.transform(X), method.map_target(X))
    mixed = np.r_[-2, 1, 2, 1]
    some = aligner.transform(X[[0, 1, 80, 81]], mixed)
    np.testing.assert_allclose(some[[1, 3]], method.map_source(X[[1, 81]]))
    np.testing.assert_allclose(some[[0, 2]], method.map_target(X[[0, 80]]))


@pytest.mark.parametrize("name", ["coral", "ot"])
def test_it_undoes_a_change_of_the_columns(name):
    if name == "ot":
        pytest.importorskip("ot")
    model = make_pipeline(DomainAligner(name), ReweightedClassifier(weighting=None))
    with config_context(enable_metadata_routing=True):
        model.fit(X, Y, sample_domain=DOMAIN)
    plain = LogisticRegression().fit(X[SOURCE], Y[SOURCE])
    truth = LABELS[70:]
    assert plain.score(X[~SOURCE], truth) < 0.7
    assert model.score(X[~SOURCE], truth) > 0.85


@routing_on_and_off
def test_in_a_pipeline(routing):
    pipeline = make_pipeline(
        StandardScaler(), DomainAligner(), ReweightedClassifier(weighting=None)
    )
    names = ["domainaligner__sample_domain", "reweightedclassifier__sample_domain"]
    names = ["sample_domain"] if routing else names
    with config_context(enable_metadata_routing=routing):
        pipeline.fit(X, Y, **dict.fromkeys(names, DOMAIN))
    scaled = StandardScaler().fit_transform(X)
    aligned = DomainAligner().fit_transform(scaled, sample_domain=DOMAIN)
    reference = LogisticRegression(max_iter=1000).fit(aligned[SOURCE], Y[SOURCE])
    np.testing.assert_array_equal(
        pipeline.predict(X[~SOURCE]), reference.predict(scaled[~SOURCE])
    )
    if routing:  # predict hands the domain on to transform
        with config_context(enable_metadata_routing=True):
            predicted = pipeline.predict(X, sample_domain=DOMAIN)
        np.testing.assert_array_equal(predicted, reference.predict(aligned))


@routing_on_and_off
def test_a_search_over_methods(routing):
    pipeline = make_pipeline(DomainAligner(), ReweightedClassifier(weighting=None))
    names = ["domainaligner__sample_domain", "reweightedclassifier__sample_domain"]
    fit = dict.fromkeys(["sample_domain"] if routing else [*names, "groups"], DOMAIN)
    grid = [
        {"domainaligner__method": ["coral", "tca"]},
        {
            "domainaligner__method": [SubspaceAlignment()],
            "domainaligner__method__n_components": [1, 2],
        },
    ]
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            pipeline,
            grid,
            cv=TargetKFold(2),
            scoring=get_adaptation_scorer("im"),
            error_score="raise",
        ).fit(X, Y, **fit)
    assert len(search.cv_results_["params"]) == 4
    assert search.predict(X).shape == (120,)


# --- columns


def test_names_of_columns():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    kept = DomainAligner().set_output(transform="pandas")
    result = kept.fit_transform(frame, sample_domain=DOMAIN)
    assert result.columns.tolist() == ["a", "b", "c"]
    assert kept.get_feature_names_out().tolist() == ["a", "b", "c"]
    other = DomainAligner(TCA(n_components=2)).set_output(transform="pandas")
    result = other.fit_transform(frame, sample_domain=DOMAIN)
    assert result.columns.tolist() == ["domainaligner0", "domainaligner1"]
    assert other.transform(frame).shape == (120, 2)


# --- which domain is which


def test_a_named_target():
    both = np.abs(DOMAIN)
    named = DomainAligner(target_domain=2).fit(X, sample_domain=both)
    unnamed = DomainAligner().fit(X, sample_domain=DOMAIN)
    np.testing.assert_array_equal(named.method_.matrix_, unnamed.method_.matrix_)
    assert named.source_domains_.tolist() == [1]
    assert named.target_domains_.tolist() == [2]


def test_several_domains():
    domain = np.repeat([0, 3, -4, -5], 30)
    aligner = DomainAligner("subspace").fit(X, sample_domain=domain)
    assert aligner.source_domains_.tolist() == [0, 3]
    assert aligner.target_domains_.tolist() == [4, 5]
    mapped = aligner.transform(X[:2], [3, 5])
    np.testing.assert_allclose(mapped[0], aligner.method_.map_source(X[:1])[0])
    np.testing.assert_allclose(mapped[1], aligner.method_.map_target(X[1:2])[0])


@pytest.mark.parametrize("name", ["coral", "ot"])
def test_without_a_target_rows_stay(name):
    if name == "ot":
        pytest.importorskip("ot")
    np.testing.assert_allclose(DomainAligner(name).fit_transform(X), X)
    with pytest.warns(UserWarning, match="No row is of a target domain"):
        mapped = DomainAligner(name).fit_transform(X, sample_domain=np.ones(120))
    np.testing.assert_allclose(mapped, X)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_domain": -np.abs(DOMAIN)}, "No row is of a source domain"),
        ({"sample_domain": np.r_[np.ones(119), -2]}, "The target has 1 sample"),
        ({"sample_domain": np.r_[1, np.full(119, -2)]}, "The source has 1 sample"),
        ({"sample_domain": DOMAIN[:5]}, "sample_domain has 5 values for 120 rows"),
        ({"X": np.where(X > 5, np.inf, X)}, "Input X contains infinity"),
        ({"y": Y[:5]}, "inconsistent numbers of samples"),
    ],
)
def test_bad_input(change, message):
    given = {"X": X, "y": Y, "sample_domain": DOMAIN, **change}
    with pytest.raises(ValueError, match=message):
        DomainAligner().fit(**given)


@pytest.mark.parametrize(
    ("method", "error", "message"),
    [
        ("corral", ValueError, "method='corral' is not known"),
        (CORAL, TypeError, r"CORAL is a class: pass an instance, CORAL\(\)"),
        (StandardScaler(), ValueError, "'method' parameter of DomainAligner"),
        (CORAL(shrinkage=2), ValueError, "'shrinkage' parameter of CORAL"),
        (TCA(mu=0), ValueError, "'mu' parameter of TCA"),
        (SubspaceAlignment(0), ValueError, "'n_components' parameter"),
    ],
)
def test_bad_methods(method, error, message):
    with pytest.raises(error, match=message):
        DomainAligner(method).fit(X, sample_domain=DOMAIN)


def test_domains_that_fit_did_not_see():
    aligner = DomainAligner().fit(X, sample_domain=DOMAIN)
    with pytest.raises(ValueError, match=r"domain 7, but fit saw the source.*\[1\]"):
        aligner.transform(X[:2], [1, 7])


def test_a_failed_fit_leaves_the_fit_before():
    aligner = DomainAligner().fit(X, sample_domain=DOMAIN)
    before = aligner.transform(X, DOMAIN)
    with pytest.raises(ValueError, match="No row is of a source"):
        aligner.fit(X[:, :2], sample_domain=-np.abs(DOMAIN))
    np.testing.assert_array_equal(aligner.transform(X, DOMAIN), before)
