"""Features: batch by batch, as one pass gives them, nothing changed."""

import threading
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer._inference import compute_features
from sktransfer._inference._streams import run_ahead
from sktransfer._inputs import Table, read_images
from sktransfer.backbones import load_backbone

from ..nets import images, same_state, state_of, table, tiny_backbone, write_images

CPU = torch.device("cpu")


def _features(backbone, inputs, batch_size=5, **options):
    return compute_features(
        backbone, inputs, batch_size=batch_size, device=CPU, **options
    )


def test_they_are_those_of_one_forward_pass():
    X, _ = images(13)
    backbone = tiny_backbone()
    with torch.no_grad():
        expected = backbone(torch.from_numpy(X).permute(0, 3, 1, 2)).numpy()
    assert_allclose(_features(backbone, read_images(X)), expected, rtol=1e-5, atol=1e-6)


def test_order_and_number_of_rows_are_kept_for_files(tmp_path):
    X, _ = images(13)
    paths = read_images(write_images(X, tmp_path))
    from_files = _features(tiny_backbone(), paths)
    assert from_files.shape == (13, 8)
    assert_allclose(from_files, _features(tiny_backbone(), read_images(X)), rtol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_nothing_changes(training):
    X, _ = images(6)
    backbone = tiny_backbone().train(training)
    before = state_of(backbone)
    _features(backbone, read_images(X))
    assert same_state(backbone.state_dict(), before)
    assert backbone.training is training
    assert all(part.training is training for part in backbone.stages)


def test_views_are_averaged():
    X, _ = images(6)
    backbone = tiny_backbone()
    mirrored = np.ascontiguousarray(X[:, :, ::-1])
    one, other = (_features(backbone, read_images(v)) for v in (X, mirrored))
    both = _features(backbone, read_images(X), n_views=2)
    assert_allclose(both, (one + other) / 2, rtol=1e-5, atol=1e-6)


def test_stages_are_concatenated():
    X, _ = images(6)
    inputs, backbone = read_images(X), tiny_backbone()
    parts = [_features(backbone, inputs, layers=[k]) for k in (0, "stage2")]
    assert [part.shape[1] for part in parts] == [4, 8]
    both = _features(backbone, inputs, layers=[0, "stage2"])
    assert np.array_equal(both, np.hstack(parts))
    assert_allclose(parts[1], _features(backbone, inputs), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_keeps_its_precision(dtype):
    X = table(11)[0].astype(dtype)
    backbone = load_backbone("mlp", n_inputs=5, dtype=torch.from_numpy(X).dtype)
    assert _features(backbone, Table(X)).dtype == dtype


def test_bf16_comes_back_as_float32():
    X, _ = images(6)
    inputs, backbone = read_images(X), tiny_backbone()
    half = _features(backbone, inputs, precision="bf16")
    assert half.dtype == np.float32
    assert_allclose(half, _features(backbone, inputs), rtol=0.05, atol=0.02)


def test_an_unreadable_file_names_its_row_and_path(tmp_path):
    paths = write_images(images(7)[0], tmp_path)
    (tmp_path / "005.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"[Rr]ow 5 .*005\.png"):
        _features(tiny_backbone(), read_images(paths), batch_size=2)


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_batches_are_made_by_threads_and_keep_their_order(tmp_path, num_workers):
    X, _ = images(23)
    inputs = read_images(write_images(X, tmp_path))
    names, batch = set(), inputs.batch

    def seen(*args):
        names.add(threading.current_thread().name)
        return batch(*args)

    inputs.batch = seen
    ours = _features(tiny_backbone(), inputs, batch_size=2, num_workers=num_workers)
    assert_allclose(ours, _features(tiny_backbone(), read_images(X)), rtol=1e-5)
    assert threading.current_thread().name not in names
    assert len(names) <= max(1, num_workers)


def test_few_batches_lie_ready():
    made, used = [], []
    for batch in run_ahead((partial(_noted, made, i) for i in range(20)), 2):
        used.append(batch)
        assert len(made) <= len(used) + 2
    assert used == list(range(20))


def _noted(made, number):
    made.append(number)
    return number
