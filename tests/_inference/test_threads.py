"""Threads: who decodes and computes where, and what of it is left behind."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sktransfer import PretrainedFeatureExtractor
from sktransfer._inference import _copies, compute_features
from sktransfer._inputs import read_images
from sktransfer.backbones import Backbone, load_backbone

from ..nets import images, table, tiny_backbone, write_images

CPU = torch.device("cpu")


@pytest.fixture
def two_threads():
    """Let torch compute with two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def _lengths(inputs, backbone, **options):
    """Return the lengths of the batches of which features are computed."""
    lengths, batch = [], inputs.batch

    def noted(rows, *args):
        lengths.append(len(rows))
        return batch(rows, *args)

    inputs.batch = noted
    compute_features(backbone, inputs, device=CPU, **options)
    return lengths


@pytest.mark.parametrize(
    ("side", "expected"), [(224, [4, 3]), (448, [1] * 7), (64, [7])]
)
def test_batches_are_as_large_as_the_caches_of_a_core(two_threads, side, expected):
    X = np.zeros((7, side, side, 3), np.uint8)
    assert _lengths(read_images(X), tiny_backbone(), batch_size=64) == expected


def test_batches_are_never_larger_than_asked_for():
    X = np.zeros((7, 8, 8, 3), np.uint8)
    assert _lengths(read_images(X), tiny_backbone(), batch_size=3) == [3, 3, 1]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_number_of_threads_is_left_as_it_was(two_threads, precision):
    X, _ = images(13)
    compute_features(
        tiny_backbone(), read_images(X), batch_size=2, device=CPU, precision=precision
    )
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2


def test_the_number_of_threads_is_left_as_it_was_by_a_failure(two_threads, tmp_path):
    paths = write_images(images(7)[0], tmp_path)
    (tmp_path / "005.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="005"):
        compute_features(tiny_backbone(), read_images(paths), batch_size=2, device=CPU)
    assert torch.get_num_threads() == 2


def test_weights_are_packed_for_the_threads_of_a_stream(two_threads, monkeypatch):
    seen, fuse = [], _copies.fuse

    def noted(*args, **options):
        seen.append(torch.get_num_threads())
        return fuse(*args, **options)

    monkeypatch.setattr(_copies, "fuse", noted)
    X, _ = images(6)
    compute_features(tiny_backbone(), read_images(X), batch_size=2, device=CPU)
    assert seen == [1]


@pytest.mark.parametrize("kind", ["array", "paths", "table"])
def test_two_threads_may_use_one_extractor(two_threads, tmp_path, kind):
    if kind == "table":
        X, backbone = table(40)[0], load_backbone("mlp", n_inputs=5)
    else:
        X, backbone = images(40)[0], tiny_backbone()
    X = write_images(X, tmp_path) if kind == "paths" else X
    extractor = PretrainedFeatureExtractor(backbone, batch_size=3).fit(X)
    expected = extractor.transform(X)
    rows = [slice(start, start + 10) for start in range(0, 40, 10)] * 5
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(lambda part: extractor.transform(X[part]), rows)
    for part, features in zip(rows, parts, strict=True):
        assert_allclose(features, expected[part], rtol=1e-5, atol=1e-6)


class _WaitsOnce(nn.Module):
    """Waits until another batch has been decoded."""

    def __init__(self, decoded):
        super().__init__()
        self.decoded, self.in_time = decoded, []

    def forward(self, x):
        self.in_time.append(self.decoded.wait(timeout=20))
        return x


def test_the_next_batch_is_decoded_while_the_backbone_computes(tmp_path):
    inputs = read_images(write_images(images(6)[0], tmp_path))
    decoded, batch = threading.Event(), inputs.batch

    def noted(rows, *args):
        if rows[0] == 2:
            decoded.set()
        return batch(rows, *args)

    inputs.batch = noted
    stage = _WaitsOnce(decoded)
    preprocessing = tiny_backbone().preprocessing
    backbone = Backbone([stage], name="waits", width=3, preprocessing=preprocessing)
    compute_features(backbone, inputs, batch_size=2, device=CPU)
    assert stage.in_time == [True] * 3
