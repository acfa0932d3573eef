"""The feature extractor: features, names, containers."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone

from sktransfer import FineTuneClassifier, PretrainedFeatureExtractor

from ..nets import images, same_state, state_of, table, tiny_backbone, write_images

X, Y = table(40)


def test_features_are_those_of_the_backbone():
    pixels, _ = images()
    extractor = PretrainedFeatureExtractor(tiny_backbone()).fit(pixels)
    with torch.no_grad():
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        expected = tiny_backbone()(batch).numpy()
    features = extractor.transform(pixels)
    assert features.dtype == np.float32
    assert_allclose(features, expected, rtol=1e-5, atol=1e-6)
    assert extractor.weights_ == "made for tests"


def test_every_kind_of_image_gives_the_same_features(tmp_path):
    from PIL import Image

    pixels, _ = images()
    paths = write_images(pixels, tmp_path)
    kinds = {
        "channels last": pixels,
        "channels first": np.moveaxis(pixels, 3, 1),
        "floats": (pixels / 255).astype(np.float32),
        "paths": paths,
        "column": pd.DataFrame({"file": paths}),
        "PIL": [Image.fromarray(image) for image in pixels],
    }
    extractor = PretrainedFeatureExtractor(tiny_backbone())
    features = {kind: extractor.fit_transform(data) for kind, data in kinds.items()}
    for kind, ours in features.items():
        expected = features["channels last"]
        assert_allclose(ours, expected, rtol=1e-4, atol=1e-5, err_msg=kind)
    flat = PretrainedFeatureExtractor(tiny_backbone(), input_shape=(8, 8, 3))
    from_table = flat.fit_transform(pixels.reshape(len(pixels), -1))
    assert_allclose(from_table, features["channels last"], rtol=1e-5, atol=1e-6)
    assert flat.n_features_in_ == 192


def test_layers_are_concatenated():
    pixels, _ = images()
    backbone = tiny_backbone()
    both = PretrainedFeatureExtractor(backbone, layers=[0, "stage2"]).fit_transform(
        pixels
    )
    parts = [
        PretrainedFeatureExtractor(backbone, layers=[layer]).fit_transform(pixels)
        for layer in (0, -1)
    ]
    assert both.shape[1] == 4 + 8
    assert np.array_equal(both, np.hstack(parts))


@pytest.mark.parametrize(
    ("pooling", "reduce"),
    [
        ("avg", lambda maps: maps.mean((2, 3))),
        ("max", lambda maps: maps.amax((2, 3))),
        ("avgmax", lambda m: torch.cat([m.mean((2, 3)), m.amax((2, 3))], dim=1)),
        ("gem", lambda m: m.clamp_min(1e-6).pow(3).mean((2, 3)).pow(1 / 3)),
    ],
)
def test_pooling(pooling, reduce):
    pixels, _ = images()
    ours = PretrainedFeatureExtractor(tiny_backbone(), pooling=pooling).fit(pixels)
    with torch.no_grad():
        maps = tiny_backbone().feature_maps(
            torch.from_numpy(pixels).permute(0, 3, 1, 2)
        )
    assert_allclose(ours.transform(pixels), reduce(maps[-1]), rtol=1e-4, atol=1e-5)
    assert len(ours.get_feature_names_out()) == ours.transform(pixels).shape[1]


def test_feature_names_and_frames():
    extractor = PretrainedFeatureExtractor(random_state=0).fit(X)
    names = extractor.get_feature_names_out()
    assert names[0] == "pretrainedfeatureextractor0"
    assert len(names) == 64
    frame = extractor.set_output(transform="pandas").transform(X)
    assert list(frame.columns) == list(names)
    assert (frame.dtypes == "float32").all()


def test_index_of_a_frame_is_kept():
    frame = pd.DataFrame(X, columns=list("abcde"), index=np.arange(40) + 100)
    extractor = PretrainedFeatureExtractor(random_state=0).set_output(
        transform="pandas"
    )
    assert extractor.fit_transform(frame).index.equals(frame.index)
    assert list(extractor.feature_names_in_) == list("abcde")


def test_polars_frames():
    polars = pytest.importorskip("polars", reason="polars is not installed.")
    extractor = PretrainedFeatureExtractor(random_state=0).set_output(
        transform="polars"
    )
    assert isinstance(extractor.fit_transform(X), polars.DataFrame)


def test_frames_from_paths(tmp_path):
    paths = write_images(images()[0], tmp_path)
    extractor = PretrainedFeatureExtractor(tiny_backbone())
    frame = extractor.set_output(transform="pandas").fit_transform(paths)
    assert frame.shape == (24, 8)
    assert not hasattr(extractor, "n_features_in_")


def test_the_backbone_of_the_caller_stays_as_it_is():
    pixels, _ = images()
    backbone = tiny_backbone().train()
    before = state_of(backbone)
    PretrainedFeatureExtractor(backbone).fit(pixels).transform(pixels)
    assert same_state(backbone.state_dict(), before)
    assert backbone.training


def test_features_are_those_of_the_classifier_it_hands_on():
    fitted = FineTuneClassifier(max_epochs=5, random_state=0).fit(X, Y)
    extractor = PretrainedFeatureExtractor(fitted.backbone_).fit(X)
    assert_allclose(extractor.features(X), fitted.features(X))
    assert extractor.features(X).dtype == np.float64


def test_a_clone_shares_the_backbone_and_no_fit():
    extractor = PretrainedFeatureExtractor(tiny_backbone()).fit(images()[0])
    copy = clone(extractor)
    assert copy.backbone is extractor.backbone
    assert not hasattr(copy, "backbone_")


def test_compile_compiles_what_computes_features_of_images(monkeypatch):
    compiled = []

    def compile(function, **options):
        compiled.append(function)
        return function

    monkeypatch.setattr(torch, "compile", compile)
    pixels, _ = images()
    plain, ours = (
        PretrainedFeatureExtractor(tiny_backbone(), compile=compile)
        for compile in (False, True)
    )
    assert_allclose(ours.fit_transform(pixels), plain.fit_transform(pixels), rtol=1e-5)
    assert len(compiled) == 1
    PretrainedFeatureExtractor(random_state=0, compile=True).fit_transform(X)
    assert len(compiled) == 1  # features of tables are computed without


def test_a_failed_fit_transform_leaves_the_fit_before():
    extractor = PretrainedFeatureExtractor(tiny_backbone()).fit(images()[0])
    before = dict(vars(extractor))
    with pytest.raises(ValueError, match="channels"):
        extractor.fit_transform(np.zeros((4, 8, 8, 2), np.uint8))
    assert vars(extractor) == before


@pytest.mark.parametrize("cls", [PretrainedFeatureExtractor, FineTuneClassifier])
def test_features_without_a_value_are_refused(cls):
    module = torch.nn.Conv2d(3, 4, 3)
    with torch.no_grad():
        module.weight[0] = torch.nan
    pixels, y = images()
    message = r"backbone 'Conv2d' are NaN or infinite for 24 of 24 rows.*NaN in its"
    with pytest.raises(ValueError, match=message):
        cls(module).fit(pixels, y).features(pixels)
