import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sktransfer.datasets import make_shifted_classification

SHIFTS = ("covariate", "prior", "concept")


@pytest.mark.parametrize("shift", SHIFTS)
def test_shapes_and_determinism(shift):
    first, again = (
        make_shifted_classification(50, 7, n_classes=3, shift=shift, random_state=5)
        for _ in range(2)
    )
    assert first.X_source.shape == first.X_target.shape == (50, 7)
    assert set(first.y_source) <= {0, 1, 2}
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])


@pytest.mark.parametrize("shift", SHIFTS)
def test_strength_zero_is_no_shift(shift):
    d = make_shifted_classification(4000, shift=shift, strength=0, random_state=0)
    model = SVC().fit(d.X_source, d.y_source)
    on_source = SVC().fit(d.X_target, d.y_target).score(d.X_source, d.y_source)
    assert model.score(d.X_target, d.y_target) == pytest.approx(on_source, abs=0.02)


def test_covariate_shift_moves_the_rows_by_twice_the_strength():
    d = make_shifted_classification(20000, 4, strength=1.5, random_state=0)
    gap = d.X_target.mean(axis=0) - d.X_source.mean(axis=0)
    assert np.linalg.norm(gap) == pytest.approx(3, abs=0.05)
    np.testing.assert_allclose(d.X_target.std(axis=0), 1, atol=0.05)


def test_covariate_shift_misleads_a_linear_model():
    d = make_shifted_classification(2000, random_state=0)
    source = LogisticRegression().fit(d.X_source, d.y_source)
    target = LogisticRegression().fit(d.X_target, d.y_target)
    gap = target.score(d.X_target, d.y_target) - source.score(d.X_target, d.y_target)
    assert gap > 0.1


def test_prior_shift_changes_the_frequencies_by_the_strength():
    d = make_shifted_classification(
        20000, 5, n_classes=3, shift="prior", strength=0.7, random_state=0
    )
    ratio = np.bincount(d.y_target) / np.bincount(d.y_source)
    np.testing.assert_allclose(ratio[1:] / ratio[:-1], np.exp(-0.7), rtol=0.05)


def test_prior_shift_keeps_the_rows_of_a_class():
    d = make_shifted_classification(20000, 3, shift="prior", random_state=0)
    for label in (0, 1):
        source = d.X_source[d.y_source == label]
        target = d.X_target[d.y_target == label]
        np.testing.assert_allclose(source.mean(axis=0), target.mean(axis=0), atol=0.05)
        np.testing.assert_allclose(np.cov(source.T), np.cov(target.T), atol=0.07)


def test_concept_shift_at_two_leaves_nothing_in_common():
    scores = []
    for seed in range(5):
        d = make_shifted_classification(
            2000, shift="concept", strength=2, random_state=seed
        )
        model = SVC().fit(d.X_source, d.y_source)
        scores.append(model.score(d.X_target, d.y_target))
        np.testing.assert_allclose(d.X_target.mean(axis=0), 0, atol=0.1)
    assert np.mean(scores) == pytest.approx(0.5, abs=0.1)


def test_columns_beyond_the_informative_ones_are_noise():
    d = make_shifted_classification(5000, 30, n_informative=5, random_state=0)
    gap = d.X_target.mean(axis=0) - d.X_source.mean(axis=0)
    np.testing.assert_allclose(gap[5:], 0, atol=0.1)
    noise = SVC().fit(d.X_source[:2000, 5:], d.y_source[:2000])
    frequency = max(np.bincount(d.y_source[2000:])) / 3000
    assert noise.score(d.X_source[2000:, 5:], d.y_source[2000:]) < frequency + 0.03


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shift", "label"),
        ("strength", -1),
        ("n_samples", 0),
        ("n_features", 2.5),
        ("n_informative", 0),
        ("n_classes", 1),
        ("random_state", "seed"),
    ],
)
def test_bad_parameters_are_named(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        make_shifted_classification(**{name: value})
