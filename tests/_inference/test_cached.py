"""Cached features: those first computed, of each distinct row once, of no other net."""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image, ImageFile
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from sktransfer._inference import _cached, cached_features, compute_features
from sktransfer._inputs import ImagePaths, Table, read_images
from sktransfer._inputs.contents import content_digest
from sktransfer._inputs.lazy import ImageContents
from sktransfer._utils.store import MemoryStore
from sktransfer.backbones import Backbone, ImagePreprocessing, load_backbone
from sktransfer.cache import cache_info, clear_cache
from sktransfer.exceptions import FeatureCacheWarning

from ..nets import images, table, tiny_backbone, write_images

CPU = torch.device("cpu")


@pytest.fixture(params=["process", "file"])
def cache(request, tmp_path):
    if request.param == "file":
        yield tmp_path / "features.db"
    else:
        clear_cache(True)
        yield True
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


def cached(cache, backbone, inputs, batch_size=5, device=CPU, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return cached_features(
            backbone, inputs, cache, batch_size=batch_size, device=device, **options
        )


def kinds_of(pixels, folder):
    """Return 40 images as each kind of input."""
    return {
        "images": read_images(pixels),
        "paths": read_images(write_images(pixels, folder)),
        "pil": read_images([Image.fromarray(image) for image in pixels]),
    }


@pytest.mark.parametrize("kind", ["images", "paths", "pil", "table"])
def test_they_are_those_first_computed(kind, cache, computed, tmp_path):
    if kind == "table":
        inputs = Table(table(40)[0])
        backbone = load_backbone("mlp", n_inputs=5, dtype=torch.float64, weights=None)
    else:
        inputs, backbone = kinds_of(images(40)[0], tmp_path)[kind], tiny_backbone()
    first = cached(cache, backbone, inputs)
    assert sum(computed) == 40
    again = cached(cache, copy.deepcopy(backbone), inputs)
    assert sum(computed) == 40
    assert first.dtype == again.dtype == (np.float64 if kind == "table" else "f4")
    assert again.tobytes() == first.tobytes()
    plain = compute_features(backbone, inputs, batch_size=40, device=CPU)
    assert_allclose(first, plain, rtol=1e-5, atol=1e-5 * np.abs(plain).max())
    assert cache_info(cache).n_rows == 40


def test_rows_are_known_by_their_content(cache, computed, tmp_path):
    pixels, _ = images(40)
    backbone = tiny_backbone()
    first = cached(cache, backbone, read_images(pixels))
    order = np.random.default_rng(0).permutation(40)
    again = cached(cache, backbone, read_images(pixels[order].copy()))
    assert np.array_equal(again, first[order])
    assert sum(computed) == 40
    pixels[7, 0, 0, 0] ^= 1
    changed = cached(cache, backbone, read_images(pixels))
    assert computed[-1] == 1
    assert not np.array_equal(changed[7], first[7])
    assert np.array_equal(np.delete(changed, 7, 0), np.delete(first, 7, 0))


def test_equal_rows_are_computed_once(cache, computed):
    pixels = np.repeat(images(4)[0], 10, axis=0)
    features = cached(cache, tiny_backbone(), read_images(pixels), batch_size=64)
    assert cache_info(cache).n_rows == 4
    assert np.array_equal(features, np.repeat(features[::10], 10, axis=0))


def test_a_file_that_is_rewritten_moved_or_copied(cache, computed, tmp_path):
    pixels, _ = images(12)
    paths = write_images(pixels, tmp_path)
    first = cached(cache, tiny_backbone(), read_images(paths))
    moved = tmp_path / "moved.png"
    (tmp_path / "003.png").rename(moved)
    Image.fromarray(255 - pixels[5]).save(paths[5])
    paths = [moved if path.endswith("003.png") else path for path in paths]
    second = cached(cache, tiny_backbone(), read_images(paths))
    assert computed[-1] == 1
    assert np.array_equal(np.delete(first, 5, 0), np.delete(second, 5, 0))
    inverted = compute_features(
        tiny_backbone(), read_images(paths).take([5]), batch_size=1, device=CPU
    )
    assert_allclose(second[5], inverted[0], rtol=1e-5)


def test_a_file_that_changes_after_it_got_its_key(cache, tmp_path, monkeypatch):
    pixels, _ = images(12)
    paths = write_images(pixels, tmp_path)
    stale = [b"%d" % number for number in range(12)]
    with monkeypatch.context() as patch:
        patch.setattr(ImagePaths, "digest", lambda self, i: stale[self._rows[i]])
        patch.setattr(
            ImageContents,
            "digest",
            lambda self, i: content_digest(self._contents[i][0]),
        )
        first = cached(cache, tiny_backbone(), read_images(paths))
    again = cached(cache, tiny_backbone(), read_images(paths))
    assert np.array_equal(again, first)
    assert cache_info(cache).n_rows == 12, "none under a key that was stale"


def test_an_unreadable_file_names_its_row_and_path(cache, tmp_path):
    paths = write_images(images(40)[0], tmp_path)
    (tmp_path / "035.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"Row 35 .*035\.png"):
        cached(cache, tiny_backbone(), read_images(paths))
    (tmp_path / "035.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"Row 35 .*035\.png"):
        cached(cache, tiny_backbone(), read_images(paths))


def _with_weight(backbone):
    with torch.no_grad():
        backbone.stages[0][0].weight[0] += 0.5
    return backbone


def _with_hook(backbone):
    backbone.stages[1].register_forward_hook(lambda module, args, out: out + 1)
    return backbone


OTHERS = {
    "another net": (lambda b: tiny_backbone(seed=1), {}),
    "changed in place": (_with_weight, {}),
    "hook": (_with_hook, {}),
    "pooling": (lambda b: b.with_pooling("max"), {}),
    "size": (lambda b: b.with_image_size(6), {}),
    "layers": (lambda b: b, {"layers": [0]}),
    "views": (lambda b: b, {"n_views": 2}),
    "precision": (lambda b: b, {"precision": "bf16"}),
}


@pytest.mark.parametrize(("change", "options"), OTHERS.values(), ids=OTHERS)
def test_other_ways_to_compute_share_nothing(change, options, cache):
    inputs, backbone = read_images(images(16)[0]), tiny_backbone()
    first = cached(cache, backbone, inputs)
    other = change(backbone)
    features = cached(cache, other, inputs, **options)
    plain = compute_features(other, inputs, batch_size=5, device=CPU, **options)
    assert_allclose(features, plain, rtol=1e-4, atol=1e-5)
    assert features.shape != first.shape or not np.allclose(features, first, rtol=1e-4)
    assert cache_info(cache).n_rows == 32


@pytest.mark.parametrize("package", ["torch", "torchvision", "PIL"])
def test_another_version_of_a_package(package, cache, computed, monkeypatch):
    inputs, backbone = read_images(images(16)[0]), tiny_backbone()
    cached(cache, backbone, inputs)
    monkeypatch.setattr(getattr(_cached, package), "__version__", "1000.0")
    cached(cache, backbone, inputs)
    assert sum(computed) == 32


def test_whether_damaged_files_are_images(cache, tmp_path, monkeypatch):
    paths = write_images(images(12)[0], tmp_path)
    whole = (tmp_path / "003.png").read_bytes()
    (tmp_path / "003.png").write_bytes(whole[: len(whole) // 2])
    with monkeypatch.context() as patch:
        patch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        cached(cache, tiny_backbone(), read_images(paths))
    with pytest.raises(ValueError, match=r"Row 3 .*003\.png"):
        cached(cache, tiny_backbone(), read_images(paths))


@pytest.mark.parametrize(
    ("backend", "precision"), [("cuda", "tf32"), ("mkldnn", "bf16")]
)
def test_precision_of_products(backend, precision, cache, computed):
    inputs, backbone = read_images(images(16)[0]), tiny_backbone()
    cached(cache, backbone, inputs)
    products = getattr(torch.backends, backend).matmul
    before, products.fp32_precision = products.fp32_precision, precision
    try:
        cached(cache, backbone, inputs)
    finally:
        products.fp32_precision = before
    assert sum(computed) == 32


def test_autocast_of_the_caller_does_not_get_into_the_cache(cache):
    dense = nn.Sequential(nn.Flatten(), nn.Linear(192, 8))
    backbone = Backbone(
        [dense], name="dense", width=8, preprocessing=ImagePreprocessing(crop=(8, 8))
    )
    inputs = read_images(images(4)[0])
    with torch.autocast("cpu", torch.bfloat16):
        first = cached(cache, backbone, inputs)
    expected = compute_features(backbone, inputs, batch_size=5, device=CPU)
    assert_allclose(first, expected, rtol=1e-5)


def test_kinds_of_input_share_nothing(cache, tmp_path):
    kinds = kinds_of(images(16)[0], tmp_path)
    for number, inputs in enumerate(kinds.values(), 1):
        cached(cache, tiny_backbone(), inputs)
        assert cache_info(cache).n_rows == 16 * number
    floats = read_images((images(16)[0] / 255).astype("float32"))
    cached(cache, tiny_backbone(), floats)
    assert cache_info(cache).n_rows == 64


# Networks that cannot be told apart, or change as they compute


def wrapped(module):
    """Return a module of the user's as estimators take it."""
    unchanged = ImagePreprocessing(mean=None, std=None, flexible=True)
    return Backbone([module], name="theirs", width=3, preprocessing=unchanged)


class _Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.stream = (i for i in range(3))

    def forward(self, x):
        return x.float().mean((2, 3))


def test_a_network_that_cannot_be_described_is_not_cached(cache):
    inputs = read_images(images(16)[0])
    backbone = wrapped(_Odd())
    compute = partial(cached_features, backbone, inputs, batch_size=5, device=CPU)
    with pytest.warns(FeatureCacheWarning, match="'theirs' are not cached.*generator"):
        features = compute(cache)
    assert np.array_equal(features, compute(None))
    assert cache_info(cache).n_rows == 0


N_ROWS = [0]


class _Counting(nn.Module):
    n_passes = 0

    def forward(self, x):
        _Counting.n_passes += 1
        N_ROWS[0] += len(x)
        self.last_shape = tuple(x.shape)
        return x.float().mean((2, 3))


def test_a_network_that_counts_its_passes_is_cached(cache):
    inputs = read_images(images(40)[0])
    backbone = wrapped(_Counting())
    before = N_ROWS[0]
    for rows in (slice(0, 30), slice(0, 40), slice(10, 40)):
        cached(cache, backbone, inputs.take(rows))
    assert N_ROWS[0] == before + 40


def test_a_hook_that_records_passes(cache, computed):
    inputs, backbone, seen = read_images(images(40)[0]), tiny_backbone(), []
    handle = register_module_forward_hook(lambda m, args, out: seen.append(len(out)))
    try:
        for _ in range(3):
            cached(cache, backbone, inputs)
    finally:
        handle.remove()
    assert seen
    assert sum(computed) == 40


# Stores


def test_a_store_that_keeps_nothing(monkeypatch, computed):
    monkeypatch.setattr(_cached, "open_store", lambda cache: MemoryStore(max_bytes=0))
    inputs = read_images(np.repeat(images(20)[0], 2, axis=0))
    features = cached(True, tiny_backbone(), inputs)
    plain = compute_features(tiny_backbone(), inputs, batch_size=5, device=CPU)
    assert_allclose(features, plain, rtol=1e-5, atol=1e-6)


def test_a_damaged_file_costs_a_warning_and_a_pass(tmp_path, computed):
    path, inputs = tmp_path / "features.db", read_images(images(20)[0])
    first = cached(path, tiny_backbone(), inputs)
    path.write_bytes(path.read_bytes()[:100] + bytes(range(256)) * 200)
    compute = partial(cached_features, tiny_backbone(), inputs, batch_size=5)
    with pytest.warns(FeatureCacheWarning, match="cannot be used"):
        features = compute(path, device=CPU)
    assert sum(computed) == 40
    assert_allclose(features, first, rtol=1e-5, atol=1e-6)


def test_nothing_is_cached_unless_asked(computed):
    clear_cache(True)
    cached(None, tiny_backbone(), read_images(images(20)[0]))
    cached(False, tiny_backbone(), read_images(images(20)[0]))
    assert computed == [20, 20]
    assert cache_info(True).n_rows == 0


def test_the_random_state_is_left_alone(cache):
    torch.manual_seed(0)
    np.random.seed(0)
    before, np_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    cached(cache, tiny_backbone(), read_images(images(20)[0]))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], np_before)


@pytest.mark.parametrize("value", [np.True_, np.False_])
def test_numpy_booleans_are_booleans(value, computed):
    clear_cache(True)
    inputs = Table(np.eye(4, 3, dtype=np.float32))
    backbone = load_backbone("mlp", n_inputs=3)
    for _ in range(2):
        cached(value, backbone, inputs)
    assert computed == ([4] if value else [4, 4])
    clear_cache(True)
