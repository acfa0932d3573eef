import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sktransfer.metrics import get_adaptation_scorer
from sktransfer.metrics._probes import partners_across, partners_within
from sktransfer.metrics._views import Rows, weak_view

from .classifiers import Given, Rule


def rng():
    return np.random.RandomState(0)


def blobs(n=400):
    """Return images of one bright spot, in the upper or the lower half."""
    centres = rng().uniform(5, 19, size=(n, 2))
    rows, columns = np.mgrid[:24, :24]
    distance = (rows - centres[:, :1, None]) ** 2 + (
        columns - centres[:, 1:, None]
    ) ** 2
    return np.exp(-distance / 8)


# views


@pytest.mark.parametrize(
    "shape", [(24, 24), (24, 24, 1), (24, 24, 3), (24, 24, 4), (1, 24, 24), (3, 24, 24)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64])
def test_views_of_images_are_small_moves(shape, dtype):
    images = blobs(20)
    if len(shape) == 3:
        axis = 1 if shape[0] < 24 else -1
        images = np.stack([images] * min(shape), axis=axis)
    scale = 255 if np.issubdtype(dtype, np.integer) else 1
    X = (scale * images).astype(dtype)
    view = weak_view(Rows(X), 0.1, rng())
    assert view.dtype == X.dtype
    assert view.shape == X.shape
    assert view.min() >= X.min()
    assert view.max() <= X.max()
    similar = np.corrcoef(X.ravel().astype(float), view.ravel().astype(float))[0, 1]
    assert 0.7 < similar < 0.999
    if len(shape) == 3:  # channels move together
        np.testing.assert_array_equal(
            np.take(view, 0, axis=axis), np.take(view, -1, axis=axis)
        )


def test_channels_last_wins_where_both_fit():
    X = np.repeat(rng().uniform(size=(2, 3, 9, 1)), 3, axis=-1)
    view = weak_view(Rows(X), 0, rng())
    np.testing.assert_array_equal(view[..., 0], view[..., 2])
    assert (view[:, 0] != view[:, 2]).any()


def test_a_constant_image_stays_so():
    X = np.full((3, 8, 8), 0.7)
    np.testing.assert_allclose(weak_view(Rows(X), 0.1, rng()), X)


def test_the_largest_move_is_known():
    # a spot moves by at most the shift, plus what turning and scaling do at its place
    X = blobs(200)
    view = weak_view(Rows(X), 0, rng())

    def centre(images):
        mass = images.sum(axis=(1, 2))
        rows, columns = np.mgrid[:24, :24]
        return np.c_[
            (images * rows).sum(axis=(1, 2)) / mass,
            (images * columns).sum(axis=(1, 2)) / mass,
        ]

    from_middle = np.linalg.norm(centre(X) - 11.5, axis=1)
    moved = np.linalg.norm(centre(view) - centre(X), axis=1)
    reach = np.sqrt(2) * 0.04 * 24 + from_middle * 0.25 + 0.3
    assert (moved < reach).all()
    assert moved.mean() > 0.5


def test_flat_images_move_as_images_do():
    X = (255 * blobs(5)).astype(np.uint8)
    flat = weak_view(Rows(X.reshape(5, -1), (24, 24)), 0.1, rng())
    assert flat.dtype == np.uint8
    np.testing.assert_array_equal(flat.reshape(X.shape), weak_view(Rows(X), 0.1, rng()))


def test_views_of_tables_have_noise_relative_to_the_column():
    X = rng().normal(size=(5000, 3)) * [1, 100, 0] + [0, 0, 5]
    noise = weak_view(Rows(X), 0.1, rng()) - X
    np.testing.assert_allclose(noise.std(axis=0), [0.1, 10, 0], rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.5)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)],
)
def test_views_of_tables_keep_the_dtype_of_floats(dtype, expected):
    X = np.arange(10).reshape(5, 2).astype(dtype)
    assert weak_view(Rows(X), 0.1, rng()).dtype == expected


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_views_of_frames_are_frames(frame):
    X = frame({"b": [1.0, 2.0, 4.0], "a": [1, 2, 3]})
    if frame is pd.DataFrame:
        X.index = [3, 5, 4]
    view = weak_view(Rows(X), 0.0, rng())
    assert isinstance(view, frame)
    assert list(view.columns) == ["b", "a"]
    np.testing.assert_array_equal(view, X)
    if frame is pd.DataFrame:
        assert list(view.index) == [3, 5, 4]


# consistency


def test_consistency_is_the_share_that_holds():
    X = np.random.RandomState(1).normal(size=(20000, 1))
    scorer = get_adaptation_scorer("consistency", noise=0.5, n_views=2)
    # x and x + 0.5 e have a correlation of 1 / sqrt(1.25); their signs agree with
    expected = 1 - np.arccos(1 / np.sqrt(1.25)) / np.pi
    score = scorer(Rule(lambda X: X[:, 0] > 0), X)
    assert score == pytest.approx(expected, abs=0.01)
    assert score == scorer(Rule(lambda X: X[:, 0] > 0), X)


def test_consistency_on_images_prefers_large_structure():
    X = blobs()
    scorer = get_adaptation_scorer("consistency")
    half = Rule(lambda X: X.reshape(-1, 24, 24).argmax(axis=1).max(axis=1) > 11)
    pixel = Rule(lambda X: X.reshape(len(X), -1).argmax(axis=1) % 2)
    assert scorer(half, X) > 0.8 > scorer(pixel, X)


def test_consistency_of_flat_images_by_their_input_shape():
    X = blobs(50)
    scorer = get_adaptation_scorer("consistency")
    rule = Rule(lambda X: X.reshape(len(X), -1).argmax(axis=1) % 2)
    expected = scorer(rule, X)
    rule.input_shape = (24, 24)
    assert scorer(rule, X.reshape(50, -1)) == expected


class Decoder(Rule):
    """Takes names of images, and knows how to decode them."""

    def __init__(self, rule, images):
        super().__init__(lambda X: rule(self.decoded(X)))
        self.images = images

    def decoded(self, X):
        if isinstance(X, np.ndarray) and X.dtype.kind == "f":
            return X
        return np.stack([self.images[int(name)] for name in X])


@pytest.mark.parametrize("name", ["consistency", "mixval"])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_files_are_scored_as_the_images_in_them(name, in_pipeline):
    X = blobs(50)

    def rule(X):
        return X.reshape(len(X), -1).argmax(axis=1) % 2

    decoder = Decoder(rule, X)
    steps = (FunctionTransformer(), decoder)
    estimator = make_pipeline(*steps) if in_pipeline else decoder
    scorer = get_adaptation_scorer(name)
    expected = scorer(Rule(rule), X)
    assert 0 < expected < 1
    assert scorer(estimator, [str(i) for i in range(50)]) == expected


def test_consistency_of_paths_says_what_to_do():
    with pytest.raises(TypeError, match=r'Pass an array, or .* "im"'):
        get_adaptation_scorer("consistency")(Rule(lambda X: [0] * len(X)), ["a", "b"])


# mixval


def test_partners():
    labels = np.array([0, 0, 0, 1, 1, 2])
    for seed in range(20):
        within = partners_within(labels, np.random.RandomState(seed))
        across = partners_across(labels, np.random.RandomState(seed))
        np.testing.assert_array_equal(labels[within], labels)
        assert (labels[across] != labels).all()
        np.testing.assert_array_equal(within == np.arange(6), labels == 2)
    np.testing.assert_array_equal(partners_across(np.zeros(3), rng()), [0, 1, 2])


def test_mixval_of_a_boundary_halfway_between_clusters_is_perfect():
    X = np.repeat([-1.0, 1.0], 20)[:, None]
    scorer = get_adaptation_scorer("mixval")
    assert scorer(Rule(lambda X: X[:, 0] > 0), X) == 1
    # every mix of -1 with 1 is 0.1 or -0.1: half of them are on the wrong side
    assert scorer(Rule(lambda X: X[:, 0] > 0.5), X) == pytest.approx((1 + 1 / 2) / 2)
    # the boundary runs beyond both mixes
    far = get_adaptation_scorer("mixval", share=0.9)
    assert far(Rule(lambda X: X[:, 0] > 0.5), X) == 1


def test_mixval_of_a_collapse_has_no_pair_across():
    X = rng().normal(size=(20, 2))
    assert get_adaptation_scorer("mixval")(Rule(lambda X: [0] * len(X)), X) == 0.5


def test_mixval_of_single_rows():
    scorer = get_adaptation_scorer("mixval")
    assert scorer(Given(np.eye(2)), np.zeros((1, 1))) == 0
    assert scorer(Given(np.eye(2)), np.array([[0.0], [1.0]])) == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["mixval", "consistency"])
def test_probes_are_of_the_dtype_of_the_images(name):
    rule = Rule(lambda X: X.reshape(len(X), -1).mean(axis=1) > 20)
    X = (255 * blobs(10)).astype(np.uint8)
    get_adaptation_scorer(name)(rule, X)
    assert rule.seen_.dtype == np.uint8
    get_adaptation_scorer(name)(rule, X.astype(np.float32) / 255)
    assert rule.seen_.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("consistency", {"n_views": 0}, "'n_views'"),
        ("consistency", {"noise": -1}, "'noise'"),
        ("mixval", {"share": 0.5}, "'share'"),
        ("mixval", {"random_state": "a"}, "'random_state'"),
    ],
)
def test_bad_settings_are_named(name, params, message):
    scorer = get_adaptation_scorer(name, **params)
    with pytest.raises(ValueError, match=message):
        scorer(Rule(lambda X: X[:, 0] > 0), np.ones((4, 1)))
