"""The parameter `cache`: searches and fits compute each row once."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from torch import nn

from sktransfer import (
    FineTuneClassifier,
    FineTuneRegressor,
    PretrainedFeatureExtractor,
)
from sktransfer._inference import _cached, compute_features
from sktransfer._utils import files
from sktransfer.backbones import load_backbone, save_backbone
from sktransfer.cache import cache_info, clear_cache
from sktransfer.exceptions import FeatureCacheWarning

from ..nets import images, table, tiny_backbone, write_images

X, Y = images(40)
GRID = {"logisticregression__C": [0.1, 1, 10]}


@pytest.fixture(autouse=True)
def _empty():
    clear_cache(True)
    yield
    clear_cache(True)


@pytest.fixture
def computed(monkeypatch):
    """Return a list that gets the number of rows of each pass."""
    counts = []

    def counting(backbone, inputs, **options):
        counts.append(len(inputs))
        return compute_features(backbone, inputs, **options)

    monkeypatch.setattr(_cached, "compute_features", counting)
    return counts


def search(cache, backbone=None, **options):
    extractor = PretrainedFeatureExtractor(backbone or tiny_backbone(), cache=cache)
    pipeline = make_pipeline(extractor, LogisticRegression())
    return GridSearchCV(pipeline, GRID, cv=4, **options)


def test_a_search_computes_each_row_once(computed, tmp_path):
    paths = write_images(X, tmp_path)
    ours = search(True).fit(paths, Y)
    assert sum(computed) == 40
    assert cache_info(True).n_rows == 40
    ours.predict(paths)
    assert sum(computed) == 40
    plain = search(None).fit(paths, Y)
    assert_allclose(
        ours.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    coefs = [s.best_estimator_[-1].coef_ for s in (ours, plain)]
    assert_allclose(*coefs, rtol=1e-3, atol=1e-6)


class _Counting(nn.Module):
    n_rows = 0

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        _Counting.n_rows += len(x)
        return self.convolution(x).amax((2, 3))


def test_a_module_that_counts_its_rows():
    search(True, _Counting()).fit(X, Y)
    n_fits = 4 * 3 + 1  # each tries the module on a row
    assert _Counting.n_rows == 40 + n_fits


def test_a_search_over_processes(computed, tmp_path):
    path, pixels = tmp_path / "features.db", write_images(X, tmp_path)
    several = search(path, n_jobs=2).fit(pixels, Y)
    assert cache_info(path).n_rows == 40
    assert not computed, "the last fit, in this process, finds what others computed"
    alone = search(str(path)).fit(pixels, Y)
    assert not computed
    scores = [s.cv_results_["mean_test_score"] for s in (several, alone)]
    assert np.array_equal(*scores)


@pytest.mark.parametrize("change", [{"layers": [0]}, {"pooling": "max"}])
def test_other_settings_have_features_of_their_own(change):
    extractor = PretrainedFeatureExtractor(tiny_backbone(), cache=True)
    other = clone(extractor).set_params(**change)
    features = extractor.fit_transform(X), other.fit_transform(X)
    plain = clone(other).set_params(cache=None).fit_transform(X)
    assert_allclose(features[1], plain, rtol=1e-5, atol=1e-6)
    assert features[0].shape != features[1].shape or not np.allclose(*features)


def test_a_pickled_extractor_finds_its_features(computed, tmp_path):
    extractor = PretrainedFeatureExtractor(tiny_backbone(), cache=tmp_path / "f.db")
    features = extractor.fit_transform(X)
    copied = pickle.loads(pickle.dumps(extractor))
    assert copied.transform(X).tobytes() == features.tobytes()
    assert copied.features(X).tobytes() == features.tobytes()
    assert sum(computed) == 40


def test_features_of_a_fit_are_found_until_the_backbone_changes(
    computed, tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "_TICK", -(10**10))  # the file is of just now
    path = tmp_path / "mine.safetensors"
    save_backbone(load_backbone("smallnet", None), path)
    extractors = [PretrainedFeatureExtractor(path, cache=True) for _ in range(3)]
    first = extractors[0].fit_transform(X)
    assert_array_equal(extractors[1].fit(X).transform(X), first)
    assert_array_equal(extractors[0].transform(X), first)
    assert computed == [40]
    next(extractors[0].backbone_.parameters()).data.mul_(2)
    assert not np.allclose(extractors[0].transform(X), first)
    assert_array_equal(extractors[2].fit_transform(X), first)
    assert computed == [40, 40]


def test_the_statistics_of_a_table_count(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_TICK", -(10**10))  # the file is of just now
    path = tmp_path / "random.safetensors"
    save_backbone(load_backbone("mlp", None, n_inputs=4), path)
    rows, _ = table(50)
    rows = rows[:, :4]
    PretrainedFeatureExtractor(path, cache=True).fit_transform(rows)
    scaled = np.concatenate([rows[:10], 100 * rows[10:]])
    found = PretrainedFeatureExtractor(path, cache=True).fit_transform(scaled)
    assert_allclose(found, PretrainedFeatureExtractor(path).fit_transform(scaled))


def test_a_fit_with_a_backbone_that_cannot_be_described(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_TICK", -(10**10))
    path = tmp_path / "mine.safetensors"
    save_backbone(load_backbone("smallnet", None), path)
    forward = nn.Conv2d.forward

    def importing(self, x):
        import tests.nets  # noqa: F401

        return forward(self, x)

    monkeypatch.setattr(nn.Conv2d, "forward", importing)
    with pytest.warns(FeatureCacheWarning, match="imports"):
        PretrainedFeatureExtractor(path, cache=True).fit_transform(X)


@pytest.mark.parametrize("kind", [FineTuneClassifier, FineTuneRegressor])
def test_linear_probes_share_features(kind, computed):
    for C in (0.01, 0.1, 1):
        model = kind(tiny_backbone(), strategy="linear_probe", C=C, cache=True)
        model.fit(X, Y)
    assert sum(computed) == 40
    assert_allclose(model.features(X), model.set_params(cache=None).features(X))
    assert computed[-1] == 40
    plain = clone(model).fit(X, Y)
    assert_allclose(model.predict(X), plain.predict(X), rtol=1e-3, atol=1e-3)


def test_lp_ft_shares_the_features_before_training(computed):
    def model(**options):
        return FineTuneClassifier(
            tiny_backbone(), strategy="lp_ft", random_state=0, **options
        )

    models = [model(max_epochs=n, cache=True).fit(X, Y) for n in (1, 2)]
    assert sum(computed) == 40
    n_rows = cache_info(True).n_rows
    for trained in models:
        features = trained.features(X)
        plain = trained.set_params(cache=None).features(X)
        assert np.array_equal(features, plain), "trained features are not cached"
    assert cache_info(True).n_rows == n_rows


def test_a_table_without_a_backbone(computed):
    rows, _ = table(50)
    extractor = PretrainedFeatureExtractor(cache=True, random_state=0)
    first = extractor.fit_transform(rows)
    assert clone(extractor).fit_transform(rows).tobytes() == first.tobytes()
    assert sum(computed) == 50
    other = clone(extractor).set_params(random_state=1).fit_transform(rows)
    assert not np.allclose(other, first)


def test_a_damaged_file(tmp_path):
    path = tmp_path / "features.db"
    path.write_bytes(b"no database" * 1000)
    extractor = PretrainedFeatureExtractor(tiny_backbone(), cache=path)
    with pytest.warns(FeatureCacheWarning, match=r"features\.db.*cannot be used"):
        features = extractor.fit_transform(X)
    plain = clone(extractor).set_params(cache=None).fit_transform(X)
    assert_allclose(features, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cache", [1.5, b"file.db", ["file.db"]])
def test_what_is_no_cache(cache):
    with pytest.raises(ValueError, match="'cache' parameter"):
        PretrainedFeatureExtractor(tiny_backbone(), cache=cache).fit(X)
    with pytest.raises(ValueError, match="'cache' parameter"):
        FineTuneClassifier(tiny_backbone(), cache=cache).fit(X, Y)
