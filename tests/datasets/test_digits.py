import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sktransfer.datasets import load_digit_domains
from sktransfer.exceptions import MissingExtraError


@pytest.fixture(scope="module")
def digits():
    return load_digit_domains()


def test_shapes_and_dtypes(digits):
    assert digits.X_source.shape == (3000, 16, 16)
    assert digits.X_target.shape == (1797, 16, 16)
    assert digits.X_source.dtype == digits.X_target.dtype == np.uint8
    assert np.bincount(digits.y_source).tolist() == [300] * 10
    assert digits.y_source.dtype == digits.y_target.dtype == np.int64


def test_pixels_use_the_whole_range(digits):
    for images in (digits.X_source, digits.X_target):
        assert images.min() == 0
        assert images.max() > 250


def test_same_seed_same_images(digits):
    np.testing.assert_array_equal(
        load_digit_domains(random_state=0).X_source, digits.X_source
    )
    assert (load_digit_domains(random_state=1).X_source != digits.X_source).any()


def test_a_prefix_of_the_default_is_a_smaller_set(digits):
    few = load_digit_domains(n_samples=30)
    np.testing.assert_array_equal(few.X_source, digits.X_source[:30])


def test_the_gap_between_the_domains(digits):
    X_source, X_target = (
        images.reshape(len(images), -1) / 255
        for images in (digits.X_source, digits.X_target)
    )
    model = LogisticRegression(C=0.1, max_iter=300).fit(X_source, digits.y_source)
    assert model.score(X_source, digits.y_source) > 0.95
    assert 0.5 < model.score(X_target, digits.y_target) < 0.7


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sktransfer\[demo\]'"):
        load_digit_domains()
