"""The self-supervised pretrainer: what it learns, hands on and gives back."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torchvision.transforms import v2

from sktransfer import (
    FineTuneClassifier,
    PretrainedFeatureExtractor,
    SelfSupervisedPretrainer,
)
from sktransfer._inputs import AugmentedBatches, ImageArray
from sktransfer._inputs.views import RepeatedViews
from sktransfer.backbones import Backbone
from sktransfer.callbacks import ClipGradient, WeightAverage
from sktransfer.pretraining import Autoencoder, Contractive, SimCLR, VICReg
from sktransfer.pretraining._resolve import NAMES

from ..nets import images, same_state, state_of, table, tiny_backbone, write_images

X, Y = table(80)
PIXELS, LABELS = images()
DECODING = ["autoencoder", "denoising", "contractive", "masked"]
COMPARING = ["simclr", "vicreg"]


def _pretrainer(objective="denoising", **parameters):
    parameters = {"max_epochs": 3, "random_state": 0, **parameters}
    return SelfSupervisedPretrainer(objective, **parameters)


def _of_images(objective="denoising", **parameters):
    return _pretrainer(objective, backbone=tiny_backbone(), **parameters)


def _low_rank(n=300):
    """Return a table of 12 columns, on scales of their own, that are 3 in truth."""
    rng = np.random.default_rng(0)
    scale, mean = rng.uniform(1, 100, 12), rng.uniform(-50, 50, 12)
    return rng.normal(size=(n, 3)) @ rng.normal(size=(3, 12)) * scale + mean


def _explained(decoded, truth):
    return 1 - np.mean((decoded - truth) ** 2) / truth.var(0).mean()


# What is learnt, and who gets it


@pytest.mark.parametrize("objective", NAMES)
def test_the_backbone_learns_and_the_head_stays_behind(objective):
    before = tiny_backbone()
    fitted = _of_images(objective).fit(PIXELS)
    weights, learnt = before.state_dict(), fitted.backbone_.state_dict()
    assert weights.keys() == learnt.keys()
    convolutions = [key for key in weights if weights[key].ndim == 4]
    assert all((weights[key] != learnt[key]).any() for key in convolutions)
    assert fitted.backbone_.pretrained
    assert not fitted.backbone_.training


@pytest.mark.parametrize("data", [X, PIXELS], ids=["table", "images"])
def test_the_backbone_feeds_other_estimators(data):
    y = Y if data is X else LABELS
    fitted = SelfSupervisedPretrainer(weights=None, max_epochs=2, random_state=0).fit(
        data
    )
    features = PretrainedFeatureExtractor(fitted.backbone_).fit_transform(data)
    assert_allclose(features, fitted.transform(data), rtol=1e-5, atol=1e-6)
    classifier = FineTuneClassifier(fitted.backbone_, max_epochs=1).fit(data, y)
    assert classifier.weights_ == fitted.objective_.label
    assert fitted.weights_ == "random"


def test_what_was_learnt_before_is_named_too():
    fitted = _of_images("simclr").fit(PIXELS)
    assert fitted.backbone_.weights == "made for tests, SimCLR"
    assert fitted.weights_ == "made for tests"
    again = _pretrainer("simclr", backbone=fitted.backbone_).fit(PIXELS)
    assert again.backbone_.weights == "made for tests, SimCLR"


def test_auto_goes_by_the_kind_of_input():
    labels = [
        SelfSupervisedPretrainer(max_epochs=1).fit(data).objective_.label
        for data in (X, PIXELS)
    ]
    assert labels == ["denoising autoencoder", "SimCLR"]


@pytest.mark.parametrize("objective", ["auto", "denoising"])
def test_real_digits_are_told_apart_by_five_labels_of_each(objective):
    digits, y = load_digits(return_X_y=True)
    digits = (digits / 16).reshape(-1, 8, 8)
    labelled = np.concatenate([np.flatnonzero(y[800:] == c)[:5] for c in range(10)])
    labelled += 800
    held_out = np.setdiff1d(np.arange(800, len(y)), labelled)

    def accuracy(features):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.02))
        probe.fit(features[labelled], y[labelled])
        return probe.score(features[held_out], y[held_out])

    untrained = PretrainedFeatureExtractor("smallnet", weights=None, random_state=0)
    fitted = _pretrainer(objective, backbone="smallnet", weights=None, max_epochs=6)
    ours = accuracy(fitted.fit(digits[:800]).transform(digits))
    assert ours > accuracy(untrained.fit(digits[:1]).transform(digits)) + 0.1


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("data", [X, PIXELS], ids=["table", "images"])
def test_the_same_seed_gives_the_same_weights(objective, data):
    backbone = "auto" if data is X else tiny_backbone()
    states = [
        _pretrainer(objective, backbone=backbone, random_state=seed)
        .fit(data)
        .net_.module_.state_dict()
        for seed in (0, 0, 1)
    ]
    assert same_state(*states[:2])
    assert not same_state(*states[1:])


@pytest.mark.parametrize("objective", ["masked", "simclr"])
def test_the_global_generators_stay_as_they_are(objective):
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    fitted = _pretrainer(objective).fit(X)
    fitted.score(X)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_the_backbone_of_the_caller_stays_as_it_is():
    backbone = tiny_backbone()
    before = state_of(backbone)
    _pretrainer(backbone=backbone).fit(PIXELS)
    assert same_state(backbone.state_dict(), before)
    assert backbone.weights == "made for tests"


def test_a_module_of_ones_own():
    module = nn.Sequential(nn.Linear(5, 8), nn.ReLU())
    fitted = _pretrainer(backbone=module).fit(X)
    assert fitted.transform(X).shape == (80, 8)
    assert fitted.inverse_transform(fitted.transform(X)).shape == X.shape


# Features and their names


def test_features_names_and_frames():
    columns = pd.DataFrame(X, columns=list("abcde"))
    fitted = _pretrainer().fit(columns)
    assert fitted.transform(columns).dtype == np.float32
    assert list(fitted.feature_names_in_) == list("abcde")
    names = fitted.get_feature_names_out()
    assert names[0] == "selfsupervisedpretrainer0"
    frame = fitted.set_output(transform="pandas").transform(columns)
    assert list(frame.columns) == list(names)


def test_paths_and_arrays_agree(tmp_path):
    paths = write_images(PIXELS, tmp_path)
    opened = [Image.open(path) for path in paths]
    kinds = [
        _of_images("autoencoder").fit(data).transform(data)
        for data in (PIXELS, paths, opened, np.moveaxis(PIXELS, 3, 1))
    ]
    for features in kinds[1:]:
        assert_allclose(features, kinds[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("objective", NAMES)
def test_fitted_on_arrays_it_scores_paths_alike(objective, tmp_path):
    paths = write_images(PIXELS, tmp_path)
    fitted = _of_images(objective).fit(PIXELS)
    assert_allclose(fitted.transform(paths), fitted.transform(PIXELS), atol=1e-5)
    if objective in ("autoencoder", "contractive"):
        assert_allclose(fitted.score(paths), fitted.score(PIXELS), rtol=0.01)


def test_it_is_searched_inside_a_pipeline():
    pipe = make_pipeline(_pretrainer(SimCLR()), LogisticRegression())
    grid = {"selfsupervisedpretrainer__objective__temperature": [0.1, 1.0]}
    search = GridSearchCV(pipe, grid, cv=2).fit(X, Y)
    assert len(search.cv_results_["params"]) == 2
    best = search.best_estimator_[0]
    assert best.objective_.temperature == search.best_params_.popitem()[1]


# The way back


@pytest.mark.parametrize("objective", DECODING)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decoded_tables_are_in_the_units_of_the_rows(objective, dtype):
    rows = _low_rank().astype(dtype)
    fitted = _pretrainer(objective, max_epochs="auto").fit(rows)
    decoded = fitted.inverse_transform(fitted.transform(rows))
    assert decoded.dtype == dtype
    assert _explained(decoded, rows) > 0.9


def test_decoding_features_that_cannot_be_written_to():
    fitted = _pretrainer().fit(X)
    features = fitted.transform(X)
    decoded = fitted.inverse_transform(features)
    features.flags.writeable = False  # as those of a DataFrame are
    warned_always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = fitted.inverse_transform(features)
    finally:
        torch.set_warn_always(warned_always)
    np.testing.assert_array_equal(again, decoded)


LAYOUTS = {
    "last": PIXELS,
    "first": np.moveaxis(PIXELS, 3, 1),
    "floats": (PIXELS / 255).astype(np.float32),
    "doubles": PIXELS / 255,
    "grey": PIXELS[..., 0],
    "grey, with an axis": PIXELS[..., :1],
    "alpha": np.concatenate([PIXELS, np.full((24, 8, 8, 1), 255, np.uint8)], axis=3),
    "integers": PIXELS.astype(np.int64),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_decoded_images_are_laid_out_as_the_images(layout):
    data = LAYOUTS[layout]
    fitted = _of_images("autoencoder", max_epochs=40, lr=0.01, backbone_lr_ratio=1.0)
    decoded = fitted.fit(data).inverse_transform(fitted.transform(data))
    assert decoded.shape == data.shape
    assert decoded.dtype == (np.float32 if data.dtype.kind == "f" else np.uint8)
    flat = (array.reshape(24, -1).astype(float) for array in (decoded, data))
    assert _explained(*flat) > 0.4  # all but the noise within the halves


def test_decoded_flat_images_have_the_columns_of_the_rows():
    flat = PIXELS.reshape(24, -1)
    fitted = _of_images(input_shape=(8, 8, 3)).fit(flat)
    decoded = fitted.inverse_transform(fitted.transform(flat))
    assert decoded.shape == flat.shape


def test_decoded_files_have_the_size_that_the_net_gets(tmp_path):
    paths = write_images(np.repeat(PIXELS, 2, axis=1), tmp_path)
    fitted = _of_images("masked").fit(paths)
    decoded = fitted.inverse_transform(fitted.transform(paths))
    assert decoded.shape == (24, 8, 8, 3)
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize("objective", [*COMPARING, SimCLR(), VICReg()])
def test_there_is_no_way_back_without_a_decoder(objective):
    pretrainer = _pretrainer(objective)
    assert not hasattr(pretrainer, "inverse_transform")
    with pytest.raises(AttributeError) as error:
        pretrainer.inverse_transform(np.zeros((1, 64)))
    assert "needs a decoder" in str(error.value.__cause__ or error.value)


def test_auto_on_images_has_no_way_back():
    fitted = SelfSupervisedPretrainer(max_epochs=1)
    assert hasattr(fitted, "inverse_transform")
    assert not hasattr(fitted.fit(PIXELS), "inverse_transform")


# The held-out objective


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("kind", ["table", "images", "augmented", "paths"])
def test_the_score_is_the_loss_on_validation_rows(objective, kind, tmp_path):
    parameters = {} if kind == "table" else {"backbone": tiny_backbone()}
    if kind == "augmented":
        parameters["augment"] = v2.RandomCrop(8, padding=2)
    data = X if kind == "table" else PIXELS
    if kind == "paths":
        data = write_images(PIXELS, tmp_path)
    fitted = _pretrainer(objective, **parameters).fit(data, X_val=data[:20])
    score = fitted.score(data[:20])
    assert_allclose(score, -fitted.history_[-1]["valid_loss"], rtol=1e-6)
    assert fitted.score(data[:20]) == score
    assert fitted.score(data[20:]) != score


def test_the_score_of_an_autoencoder_by_formula():
    rows = _low_rank()
    fitted = _pretrainer("autoencoder").fit(rows[:200])
    decoded = fitted.inverse_transform(fitted.features(rows[200:]))
    errors = (decoded - rows[200:]) / rows[:200].std(0)
    assert_allclose(fitted.score(rows[200:]), -np.mean(errors**2), rtol=1e-6)


@pytest.mark.parametrize("objective", NAMES)
def test_training_improves_the_score_on_rows_held_out(objective):
    rows = _low_rank()
    short, long = (
        _pretrainer(objective, max_epochs=n).fit(rows[:200]).score(rows[200:])
        for n in (1, 40)
    )
    assert long > short


def test_early_stopping_returns_to_the_best_epoch():
    rows = np.random.default_rng(0).normal(size=(60, 40))
    fitted = _pretrainer(
        "autoencoder", max_epochs=200, early_stopping=True, n_iter_no_change=3, lr=0.1
    )
    fitted.fit(rows[:30], X_val=rows[30:])
    losses = fitted.history_[:, "valid_loss"]
    assert fitted.n_epochs_ < 200
    assert_allclose(fitted.score(rows[30:]), -min(losses), rtol=1e-6)
    assert losses[-1] > min(losses)


def test_early_stopping_sets_rows_aside():
    fitted = _pretrainer(early_stopping=True).fit(X)
    assert "valid_loss" in fitted.history_[-1]


# Going on, pickling


def test_warm_start_goes_on_from_a_copy():
    first = _pretrainer(warm_start=True).fit(X)
    backbone, before = first.backbone_, state_of(first.backbone_)
    first.fit(X)
    assert first.n_epochs_ == 6
    assert first.backbone_ is not backbone
    assert same_state(backbone.state_dict(), before)
    assert not same_state(first.backbone_.state_dict(), before)


def test_warm_start_keeps_to_its_objective():
    fitted = _pretrainer("simclr", warm_start=True).fit(X)
    net = fitted.net_
    fitted.set_params(objective="vicreg")
    with pytest.raises(ValueError, match=r"goes on with SimCLR.*backbone=fitted"):
        fitted.fit(X)
    assert fitted.net_ is net


def test_warm_start_keeps_to_the_size_of_the_images():
    fitted = _of_images(warm_start=True).fit(PIXELS)
    with pytest.raises(ValueError, match="images of 8 x 8 pixels"):
        fitted.fit(np.repeat(PIXELS, 2, axis=1))


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("data", [X, PIXELS], ids=["table", "images"])
def test_a_pickle_knows_all_of_it(objective, data):
    backbone = "auto" if data is X else tiny_backbone()
    fitted = _pretrainer(objective, backbone=backbone).fit(data)
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.transform(data), fitted.transform(data))
    assert copy.score(data) == fitted.score(data)
    if objective in DECODING:
        features = fitted.transform(data)
        back = [e.inverse_transform(features) for e in (copy, fitted)]
        assert np.array_equal(*back)


def test_a_clone_is_not_fitted():
    fitted = _pretrainer(VICReg(variance=3.0)).fit(X)
    copy = clone(fitted)
    assert not hasattr(copy, "net_")
    assert copy.objective.variance == 3.0


# Views


def test_views_by_a_transform_differ_and_come_again():
    transform = v2.RandomCrop(8, padding=3)
    inputs = ImageArray(np.moveaxis(PIXELS, 3, 1))
    preprocessing = tiny_backbone().preprocessing
    views = RepeatedViews(transform, preprocessing, 2)
    dataset = AugmentedBatches(inputs, preprocessing, views, seed=3)
    batch, _ = dataset[1, np.arange(24)]
    first, second = batch.chunk(2, dim=1)
    assert first.shape == (24, 3, 8, 8)
    assert (first != second).flatten(1).any(1).sum() > 20
    assert torch.equal(batch, dataset[1, np.arange(24)][0])
    assert not torch.equal(batch, dataset[2, np.arange(24)][0])


@pytest.mark.parametrize(
    ("objective", "times"), [("simclr", 2), ("vicreg", 2), ("denoising", 1)]
)
def test_a_transform_makes_as_many_views_as_are_compared(objective, times):
    seen = []

    def transform(image):
        seen.append(image.dtype)
        return image.flip(-1)

    _of_images(objective, augment=transform, max_epochs=1).fit(PIXELS)
    assert seen == [torch.uint8] * (24 * times)


def test_named_changes_make_views_too():
    fitted = _of_images("simclr", augment="auto", max_epochs=1).fit(PIXELS)
    assert np.isfinite(fitted.history_[-1]["train_loss"])


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("n", [2, 5])
def test_batch_norm_and_a_last_batch_of_one_row(objective, n):
    fitted = _of_images(objective, batch_size=4).fit(PIXELS[:n])
    assert np.isfinite(fitted.transform(PIXELS)).all()
    assert np.isfinite(fitted.score(PIXELS[:n]))


@pytest.mark.parametrize("objective", NAMES)
def test_half_precision(objective):
    fitted = _of_images(objective, precision="bf16").fit(PIXELS)
    assert np.isfinite(fitted.score(PIXELS))
    assert next(fitted.backbone_.parameters()).dtype == torch.float32


def test_callbacks_of_ours():
    callbacks = [WeightAverage(), ClipGradient(0.5)]
    fitted = _of_images("simclr", callbacks=callbacks).fit(PIXELS)
    assert np.isfinite(fitted.score(PIXELS))
    assert not hasattr(callbacks[0], "average_")


# What goes wrong


@pytest.mark.parametrize(
    ("parameters", "data", "error", "message"),
    [
        ({"objective": "rotation"}, X, ValueError, "objective='rotation' is not known"),
        ({"objective": SimCLR}, X, TypeError, r"pass an instance, SimCLR\(\)"),
        ({"objective": SimCLR(-1.0)}, X, ValueError, "'temperature' parameter"),
        (
            {"objective": SimCLR(projection=())},
            X,
            ValueError,
            r"projection=\(\) must be a tuple of positive integers",
        ),
        ({"objective": "simclr"}, X[:1], ValueError, r"X has one row \(n_samples=1\)"),
        (
            {"objective": "vicreg", "batch_size": 1},
            X,
            ValueError,
            "batch_size=1, but VICReg compares the rows",
        ),
        (
            {"objective": "contractive", "compile": True},
            X,
            ValueError,
            "compile=True.*second derivative, which Contractive",
        ),
        ({"augment": "light"}, X, ValueError, "X is a table"),
        (
            {"objective": "simclr", "augment": "mixup"},
            PIXELS,
            ValueError,
            "mixes class labels",
        ),
        (
            {"objective": "autoencoder", "augment": v2.RandomCrop(5)},
            PIXELS,
            ValueError,
            "images of 8 x 8 pixels.*but got 5 x 5",
        ),
    ],
)
def test_what_is_wrong_is_named(parameters, data, error, message):
    backbone = "auto" if data is not PIXELS else tiny_backbone()
    pretrainer = SelfSupervisedPretrainer(backbone=backbone, **parameters)
    with pytest.raises(error, match=message):
        pretrainer.fit(data)
    assert not hasattr(pretrainer, "net_")


def test_something_else_than_an_objective():
    class Lookalike:
        def build(self):
            """Build nothing."""

        loss = build

    with pytest.raises(TypeError, match="neither a name nor a PretrainingObjective"):
        _pretrainer(Lookalike()).fit(X)


def test_an_objective_that_forgets_the_mean():
    class ByRow(Autoencoder):
        def loss(self, g, x):
            return (g(x) - x).square().mean(1)

    with pytest.raises(TypeError, match=r"ByRow\.loss must return a scalar tensor"):
        _pretrainer(ByRow()).fit(X)


def test_validation_data_that_does_not_fit():
    with pytest.raises(ValueError, match=r"In X_val: X has 3 features"):
        _pretrainer().fit(X, X_val=X[:, :3])
    with pytest.raises(ValueError, match="X_val has one row"):
        _pretrainer("simclr").fit(X, X_val=X[:1])


@pytest.mark.parametrize("objective", ["simclr", "vicreg"])
def test_a_single_row_cannot_be_compared(objective):
    fitted = SelfSupervisedPretrainer(objective, max_epochs=1).fit(X)
    with pytest.raises(ValueError, match=r"X has one row .* compares the rows"):
        fitted.score(X[:1])


def test_features_that_do_not_fit():
    fitted = _pretrainer().fit(X)
    with pytest.raises(ValueError, match="X has 5 columns, but the backbone has 64"):
        fitted.inverse_transform(X)


def test_a_preprocessing_that_cannot_be_undone():
    stages = [nn.Linear(5, 8)]
    backbone = Backbone(
        stages, name="mine", width=8, modality="table", preprocessing=nn.Tanh()
    )
    fitted = _pretrainer(backbone=backbone).fit(X)
    with pytest.raises(ValueError, match="a Tanh, has no method `invert`"):
        fitted.inverse_transform(fitted.transform(X))


def test_images_of_another_size_cannot_be_scored():
    fitted = _of_images().fit(PIXELS)
    larger = np.repeat(np.repeat(PIXELS, 2, axis=1), 2, axis=2)
    with pytest.raises(ValueError, match=r"but got 16 x 16\. Pass images of that size"):
        fitted.score(larger)


def test_a_contractive_net_of_attention_learns():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(5, 1, 8, batch_first=True)

        def forward(self, x):
            return self.layer(x[:, None]).mean(1)

    fitted = _pretrainer(Contractive(), backbone=Attends())
    fitted.fit(X.astype(np.float32))
    assert np.isfinite(fitted.score(X.astype(np.float32)))
