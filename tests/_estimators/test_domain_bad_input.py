"""Bad domains, labels and methods: one clear error, or a meaning that is documented.

Each case names what the message must hold: the parameter or row, the value, the cure.
"""

import re

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from sktransfer import DomainAdaptClassifier, FineTuneClassifier
from sktransfer.adaptation import DANN, MCD, DeepCORAL, FixMatch
from sktransfer.adaptation._resolve import NAMES

from ..nets import images, table, tiny_backbone

X, Y = table(40)
DOMAIN = np.where(np.arange(40) < 20, 1, -2)
PIXELS, LABELS = images(24)
IMAGE_DOMAIN = np.where(np.arange(24) < 12, 1, -2)
FAST = {"max_epochs": 1, "random_state": 0}


def _model(method="mcc", **parameters):
    return DomainAdaptClassifier(method=method, **{**FAST, **parameters})


def _fails(match, model, *args, **kwargs):
    """Assert one clear error of `fit`, after which `model` is what it was."""
    before = dict(vars(model))
    with pytest.raises((ValueError, TypeError)) as info:
        model.fit(*args, **kwargs)
    assert re.search(match, str(info.value), re.DOTALL), str(info.value)
    assert vars(model) == before


def _with(values, row, value):
    changed = np.array(values, dtype=np.result_type(values, type(value)))
    changed[row] = value
    return changed


# --- sample_domain

DOMAINS = {
    "too_short": (DOMAIN[1:], "sample_domain has 39 values for 40 rows"),
    "too_long": (np.r_[DOMAIN, 1], "sample_domain has 41 values for 40 rows"),
    "two_columns": (np.c_[DOMAIN, DOMAIN], r"sample_domain .*has shape \(40, 2\)"),
    "a_number": (1, r"sample_domain .*has shape \(\)"),
    "fractions": (DOMAIN + 0.5, r"sample_domain must hold .*, 1\.5 in row 0\."),
    "nan": (_with(DOMAIN, 3, np.nan), "sample_domain must hold .*, nan in row 3"),
    "infinity": (_with(DOMAIN, 3, -np.inf), "sample_domain must hold one whole number"),
    "words": (DOMAIN.astype(str), "sample_domain must hold .*got <U"),
    "booleans": (DOMAIN > 0, "sample_domain must hold .*got bool"),
    "objects": (DOMAIN.astype(object), "sample_domain must hold .*got object"),
}


@pytest.mark.parametrize("case", DOMAINS)
def test_domains(case):
    domain, match = DOMAINS[case]
    _fails(match, _model(), X, Y, domain)


@pytest.mark.parametrize("method", NAMES)
def test_no_source_rows(method):
    message = (
        "needs labelled rows, but sample_domain is negative for every row.*add source "
        r"rows with a positive domain, or pass source=FrozenEstimator\(fitted\)"
    )
    _fails(message, _model(method), X, Y, np.full(40, -2))


def test_no_source_rows_beside_a_source_where_the_method_needs_some():
    source = FrozenEstimator(FineTuneClassifier(**FAST).fit(X, Y))
    message = "method='DANN' needs labelled rows, but sample_domain is negative"
    _fails(message, _model("dann", source=source), X, Y, np.full(40, -2))
    message = "requires y to be passed.*Only with source= and a method that needs no"
    _fails(message, _model("dann", source=source), X)
    _fails(message, _model("shot"), X)


def test_source_rows_of_weight_zero_are_none():
    message = r"sample_domain is negative for every row \(those of sample_weight zero"
    weight = (DOMAIN < 0).astype(float)
    _fails(message, _model(), X, Y, DOMAIN, sample_weight=weight)


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("domain", [None, 0, 1], ids=str)
def test_no_target_rows_mean_supervised_training(method, domain):
    domains = None if domain is None else np.full(40, domain)
    model = _model(method).fit(X, Y, domains)
    expected = _model("source_only").fit(X, Y)
    assert np.array_equal(model.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("method", NAMES)
def test_labelled_and_unlabelled_rows_of_one_domain_are_semi_supervised(method):
    domain = np.where(np.arange(40) < 20, 1, -1)
    assert _model(method).fit(X, Y, domain).predict(X).shape == (40,)


TARGET_DOMAINS = {
    "unknown": (7, DOMAIN, r"target_domain=7, .*holds the domains \[1, 2\]: name one"),
    "negative": (-2, DOMAIN, "target_domain=-2, .*name one of them"),
    "another": (1, DOMAIN, "target_domain=1, but domain 2 has unlabelled rows too"),
    "without": (2, None, "target_domain=2 needs sample_domain"),
    "a_word": ("b", DOMAIN, "'target_domain' parameter .*'b'"),
}


@pytest.mark.parametrize("case", TARGET_DOMAINS)
def test_target_domains(case):
    name, domain, match = TARGET_DOMAINS[case]
    _fails(match, _model(target_domain=name), X, Y, domain)


# --- labels


def test_one_class_in_the_source():
    message = r"at least 2 classes, but y has one class, \[0\].*Add rows of another"
    _fails(message, _model(), X, np.where(DOMAIN > 0, 0, Y), DOMAIN)


def test_one_class_of_the_unlabelled_rows_does_not_matter():
    assert _model().fit(X, np.where(DOMAIN < 0, 0, Y), DOMAIN).classes_.size == 2


LABELLED = {
    "nan": (_with(Y.astype(float), 3, np.nan), "Input y contains NaN"),
    "nan_of_objects": (_with(Y.astype(object), 3, np.nan), "NaN"),
    "continuous": (X[:, 0], "continuous|label type"),
    "too_short": (Y[1:], "inconsistent.*40, 39"),
    "two_columns": (np.c_[Y, Y], "y should be a 1d array|shape"),
    "none": (_with(Y.astype(object), 3, None), "y"),
    "words_and_numbers": (_with(Y.astype(object), 3, "bee"), "y"),
}


@pytest.mark.parametrize("case", LABELLED)
def test_labels_of_labelled_rows(case):
    y, match = LABELLED[case]
    _fails(match, _model(), X, y, DOMAIN)


def test_labels_that_the_source_does_not_know():
    source = FrozenEstimator(FineTuneClassifier(**FAST).fit(X, Y))
    message = r"y has labels that are not among the classes \[0 1\]: \[2\].*`source`"
    _fails(message, _model(source=source), X, _with(Y, 3, 2), DOMAIN)
    # those of unlabelled rows do not count
    _model(source=source).fit(X, np.where(DOMAIN < 0, 2, Y), DOMAIN)


@pytest.fixture(scope="module")
def fitted():
    return _model().fit(X, Y, DOMAIN)


@pytest.mark.parametrize(
    ("y", "shown"),
    [
        (np.where(DOMAIN < 0, -1, Y), "'-1'"),
        (np.where(DOMAIN < 0, np.nan, Y), "'nan'"),
        (np.where(DOMAIN < 0, None, Y), "'None'"),
        (np.where(DOMAIN < 0, "?", Y.astype(object)), "\"'\\?'\""),
        (np.full(40, 5), "'5'"),
    ],
    ids=str,
)
def test_score_on_sentinels(fitted, y, shown):
    message = (
        rf"labels that are not among the classes \[0 1\]: \[{shown}\].*pass "
        "sample_domain, which leaves these rows out .*, or score without labels"
    )
    with pytest.raises(ValueError, match=message):
        fitted.score(X, y)
    if not (y == 5).all():
        assert fitted.score(X, y, sample_domain=DOMAIN) == fitted.score(X[:20], Y[:20])


def test_score_without_a_labelled_row(fitted):
    message = "sample_domain is negative for every row.*TargetKFold"
    with pytest.raises(ValueError, match=message):
        fitted.score(X[20:], Y[20:], sample_domain=DOMAIN[20:])


def test_score_with_domains_of_another_length(fitted):
    with pytest.raises(ValueError, match="sample_domain has 39 values for 40 rows"):
        fitted.score(X, Y, sample_domain=DOMAIN[1:])


def test_validation_labels_that_are_no_class():
    message = r"In X_val, y_val, .*labels that are not among the classes \[0 1\]: \[2\]"
    _fails(message, _model(), X, Y, DOMAIN, X_val=X, y_val=Y + 1)


# --- domains of few rows


@pytest.mark.parametrize("method", NAMES)
def test_a_target_of_one_row_of_a_table(method):
    model = _model(method).fit(X[:21], Y[:21], DOMAIN[:21])
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("method", NAMES)
def test_a_target_of_one_image_is_too_little_for_batch_norm(method):
    rows = slice(0, 13)
    model = _model(method, backbone=tiny_backbone())
    data = PIXELS[rows], LABELS[rows], IMAGE_DOMAIN[rows]
    if method in ("source_only", "joint"):
        assert model.fit(*data).predict(PIXELS).shape == (24,)
        return
    message = "The target has one row only, too few for the batch norm.*'tiny': add"
    _fails(message, model, *data)


def test_a_labelled_target_of_one_image_is_too_little_for_batch_norm():
    rows, domain = slice(0, 13), np.r_[IMAGE_DOMAIN[:12], 2]
    model = _model("joint", backbone=tiny_backbone(), target_domain=2)
    message = "The target has one row only, too few for the batch norm"
    _fails(message, model, PIXELS[rows], LABELS[rows], domain)


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
@pytest.mark.parametrize("method", ["mcc", "dann", "mcd", "jan"])
def test_batches_of_any_size(method, batch_size):
    rows = np.r_[0:13, 20:23]
    domain = np.where(np.arange(24) < 20, 1, -2)
    model = _model(method, backbone=tiny_backbone(), batch_size=batch_size)
    model.fit(PIXELS[rows], LABELS[rows], domain[rows])
    assert np.isfinite(model.predict_proba(PIXELS)).all()


# --- methods

METHODS = {
    "unknown": ("dann2", "method='dann2' is not known: did you mean 'dann'"),
    "empty": ([], r"method=\[\] is empty: name at least one, or 'source_only'"),
    "a_class": (DANN, r"method=DANN is a class: pass an instance, DANN\(\)"),
    "a_number": (3, "'method' parameter .*Got 3"),
    "none": (None, "'method' parameter .*Got None"),
    "another_object": (LogisticRegression(), "'method' parameter"),
    "something_among_methods": (["mcc", 3], "method=3 is neither a name nor"),
    "alone": (["mcc", MCD()], "combines MCD with others.*Use it alone"),
    "weight": (DeepCORAL(weight=-1), "'weight' parameter of DeepCORAL.*-1"),
    "threshold": (["mcc", FixMatch(threshold=3)], "'threshold' parameter of FixMatch"),
    "hidden": (DANN(hidden=(0,)), r"hidden=\(0,\) must be a tuple of positive"),
}


@pytest.mark.parametrize("case", METHODS)
def test_methods(case):
    method, match = METHODS[case]
    _fails(match, _model(method), X, Y, DOMAIN)


# --- sources

FITTED = FineTuneClassifier(**FAST).fit(X, Y)
SOURCES = {
    "bare": (FITTED, "source=.* would lose its fit.*FrozenEstimator"),
    "not_fitted": (FrozenEstimator(FineTuneClassifier()), "not fitted"),
    "foreign": (
        FrozenEstimator(LogisticRegression().fit(X, Y)),
        "source holds a LogisticRegression, whose backbone and head are unknown: fit",
    ),
    "a_word": ("resnet18", "'source' parameter"),
}


@pytest.mark.parametrize("case", SOURCES)
def test_sources(case):
    source, match = SOURCES[case]
    _fails(match, _model("shot", source=source), X, Y, DOMAIN)


def test_a_source_and_a_backbone():
    model = _model("shot", source=FrozenEstimator(FITTED), backbone="mlp")
    _fails("backbone='mlp' and source are both given.*leave backbone='auto'", model, X)


def test_a_source_of_other_inputs():
    model = _model("shot", source=FrozenEstimator(FITTED))
    _fails("takes 5 columns, but X has 3", model, X[:, :3])
    _fails("takes tables, but X holds images", model, PIXELS)


def test_early_stopping_without_source_rows():
    model = _model("shot", source=FrozenEstimator(FITTED), early_stopping=True)
    message = "early_stopping=True cannot set .* of 0 rows aside.*Pass X_val and y_val"
    _fails(message, model, X)


# --- the rest


def test_augmentation_of_a_table():
    message = "augment='light' is for images, but X is a table. Leave augment=None"
    _fails(message, _model(augment="light"), X, Y, DOMAIN)


def test_rows_of_two_kinds():
    _fails("takes tables|images", _model(backbone="mlp"), PIXELS, LABELS, IMAGE_DOMAIN)


def test_ramps_are_on_or_off():
    _fails("'ramp' parameter.*'slow'", _model(ramp="slow"), X, Y, DOMAIN)


@pytest.mark.parametrize("method", ["predict", "score", "features"])
def test_before_it_is_fitted(method):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        getattr(_model(), method)(*((X, Y) if method == "score" else (X,)))
