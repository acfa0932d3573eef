"""compile=True: the same features, compiled once for each shape of a batch."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer._inference._features import compute_features
from sktransfer._inputs import read_images

from ..nets import images, same_state, state_of, tiny_backbone

X, _ = images(13)


def _features(backbone, X=X, compile=True, **options):
    return compute_features(
        backbone,
        read_images(X),
        batch_size=5,
        device=torch.device("cpu"),
        compile=compile,
        **options,
    )


@pytest.fixture
def graphs(monkeypatch):
    """Let torch trace without a C++ compiler; return the graphs it has traced."""
    traced, compile = [], torch.compile

    def backend(graph, example_inputs):
        traced.append(graph)
        return graph

    def traces(function, dynamic):
        return compile(function, backend=backend, dynamic=dynamic)

    monkeypatch.setattr(torch, "compile", traces)
    return traced


def test_features_are_those_of_the_eager_network():
    backbone = tiny_backbone()
    expected = _features(backbone, compile=False)
    assert_allclose(_features(backbone), expected, rtol=1e-5, atol=1e-6)


def test_one_shape_is_compiled_whatever_the_number_of_rows(graphs):
    backbone = tiny_backbone()
    expected = _features(backbone, compile=False)
    for n_rows in (13, 1, 7, 13):
        assert_allclose(_features(backbone, X[:n_rows]), expected[:n_rows], rtol=1e-5)
    assert len(graphs) == 1


def test_each_shape_and_choice_of_stages_is_compiled_once(graphs):
    backbone = tiny_backbone()
    larger, _ = images(6, side=12)
    for _ in range(2):
        _features(backbone)
        _features(backbone, larger)
        assert _features(backbone, layers=[0, 2]).shape == (13, 12)
    assert len(graphs) == 3


def test_two_threads_compile_once_and_get_their_own_rows(graphs):
    backbone = tiny_backbone()
    expected = _features(backbone, compile=False)
    together = threading.Barrier(2)

    def features(rows):
        together.wait()
        return _features(backbone, X[rows])

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(features, (slice(0, 8), slice(8, 13))))
    assert_allclose(np.concatenate(parts), expected, rtol=1e-5, atol=1e-6)
    assert len(graphs) == 1


def test_changed_weights_are_compiled_anew(graphs):
    backbone = tiny_backbone()
    before = _features(backbone)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.mul_(1.5)
    expected = _features(backbone, compile=False)
    assert not np.allclose(expected, before)
    assert_allclose(_features(backbone), expected, rtol=1e-5, atol=1e-6)


def test_the_backbone_is_left_as_it_was_and_can_be_copied_and_pickled(graphs):
    backbone = tiny_backbone()
    before = state_of(backbone)
    expected = _features(backbone)
    assert same_state(backbone.state_dict(), before)
    assert backbone._compiled_call_impl is None
    for other in (copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
        assert np.array_equal(_features(other), expected)


def test_the_number_of_threads_is_left_as_it_was(graphs):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        _features(tiny_backbone())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_without_a_compiler_it_warns_and_computes(monkeypatch):
    def compile(function, **options):
        def compiled(batch):
            raise RuntimeError("No working C++ compiler found\nmore")

        return compiled

    monkeypatch.setattr(torch, "compile", compile)
    backbone = tiny_backbone()
    with pytest.warns(UserWarning, match=r"compile=True: .*No working C\+\+ compiler"):
        features = _features(backbone)
    expected = _features(backbone, compile=False)
    assert_allclose(features, expected, rtol=1e-5, atol=1e-6)
