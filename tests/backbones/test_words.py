"""Backbones of texts from files of word vectors."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch

from sktransfer.backbones import _vectors_index as vectors_index
from sktransfer.backbones import load_backbone

from ..texts import texts, word_vectors


@pytest.fixture
def vectors(tmp_path):
    return word_vectors(tmp_path / "words.txt")


def _backbone(tmp_path, content=None, source="vectors"):
    file = tmp_path / "words.txt"
    if content is not None:
        file.write_bytes(content)
    return load_backbone(f"{source}:{file}")


def _features(backbone, rows):
    with torch.no_grad():
        return backbone(backbone.preprocessing.batch(rows)).numpy()


def test_features_are_the_mean_of_the_vectors(vectors, tmp_path):
    X, _ = texts()
    backbone = _backbone(tmp_path)
    expected = [np.mean([vectors[word] for word in x.split()], axis=0) for x in X]
    np.testing.assert_allclose(_features(backbone, X), expected, rtol=1e-5, atol=1e-6)
    assert (backbone.n_features, backbone.weights) == (8, "words.txt")
    assert backbone.pretrained
    assert backbone.modality == "text"


def test_words_that_are_not_in_the_file_are_left_out(vectors, tmp_path):
    rows = ["the zebra cat", "THE Cat!", "the cat", "zebra"]
    found = _features(_backbone(tmp_path), rows)
    expected = (vectors["the"] + vectors["cat"]) / 2
    np.testing.assert_allclose(found[:3], [expected] * 3, rtol=1e-5, atol=1e-6)
    assert not found[3].any()


def test_a_word_as_it_stands_goes_before_its_lower_case(tmp_path):
    backbone = _backbone(tmp_path, b"us 1.0 0.0\nUS 0.0 1.0\n")
    assert _features(backbone, ["US", "us", "Us"]).tolist() == [[0, 1], [1, 0], [1, 0]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't", ["Do", "n't"]),
        ("it's 3.5%, isn't it?", ["it", "'s", "3.5", "%", ",", "is", "n't", "it", "?"]),
        ("1,000 cafés\n\tnaïve", ["1,000", "cafés", "naïve"]),
    ],
)
def test_words_are_told_apart_as_in_the_corpora_of_glove(text, words, tmp_path):
    lines = [f"{word} {i}.5" for i, word in enumerate(dict.fromkeys(words))]
    backbone = _backbone(tmp_path, "\n".join(lines).encode())
    found = backbone.preprocessing.batch([text])[0, :, 0]
    numbers = {word: i + 0.5 for i, word in enumerate(dict.fromkeys(words))}
    assert found.tolist() == [numbers[word] for word in words]


@pytest.mark.parametrize(
    "content",
    [
        b"cat 1.0 2.0\ndog 3.0 4.0",
        b"2 2\ncat 1.0 2.0\ndog 3.0 4.0\n",  # as word2vec writes it
        b"cat 1.0 2.0 \r\ndog 3.0 4.0 \r\n",
        b"cat 1.0 2.0\n. . . 9.0 9.0\ndog 3.0 4.0\n",  # a word with spaces
        b"\xff\xfe 1.0 1.0\ncat 1.0 2.0\ndog 3.0 4.0\ncat 7.0 7.0\n",
        b"1999 0.5 0.5\ncat 1 2\ndog 3 4e0\n",
    ],
)
def test_forms_of_files(content, tmp_path):
    features = _features(_backbone(tmp_path, content), ["cat", "dog"])
    assert features.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1.0 2.0\nb 1.0\n", "Line 2 .* has 1 numbers .* line 1 has 2"),
        (b"2 2\na 1.0 2.0\nb 1.0\n", "Line 3 .* has 1 numbers .* line 2 has 2"),
        (b"a 1.0 2.0\n\nb 1.0 2.0\n", "Line 2 .* has 0 numbers"),
        (b"a 1.0 2.0\nb 1.0 2.0 3.0\n", "Line 2 .* has 3 numbers"),
        (b"a x y\n", "Line 1 .* is no word with finite numbers"),
        (b"a\n", "Line 1 .* is no word with finite numbers"),
        (b"", "is empty"),
        (b"PK\x03\x04" + bytes(100), r"Line 1 .*\(unpacked\)"),
    ],
)
def test_malformed_files_are_refused(content, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        _backbone(tmp_path, content)


@pytest.mark.parametrize("number", [b"nan", b"x", b"inf"])
def test_wrong_numbers_are_refused_when_the_word_is_met(number, tmp_path):
    backbone = _backbone(tmp_path, b"a 1.0\nb 2.0\nc " + number + b"\n")
    assert _features(backbone, ["a b"]) == [[1.5]]
    with pytest.raises(ValueError, match=r"Line 3 .* no word with finite numbers"):
        backbone.preprocessing.batch(["a c"])


def test_a_line_without_end_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors_index, "_MAX_LINE", 64)
    with pytest.raises(ValueError, match="Line 2"):
        _backbone(tmp_path, b"a 1.0 2.0\n" + b"b" * 1000)


def test_every_word_of_a_large_file_is_found(tmp_path):
    n = 5000
    content = "".join(f"w{i} {i}.0\n" for i in range(n)).encode()
    found = _features(_backbone(tmp_path, content), [f"w{i}" for i in range(n)])
    assert np.array_equal(found[:, 0], np.arange(n))


def test_words_of_equal_keys_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors_index, "_key", lambda word: len(word))
    backbone = _backbone(tmp_path, b"cat 1.0\nthe 2.0\ndog 3.0\ncat 4.0\n")
    assert _features(backbone, ["dog", "cat", "the", "ran"]).tolist() == [
        [3],
        [1],
        [2],
        [0],
    ]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "no.txt"))):
        load_backbone(f"vectors:{tmp_path / 'no.txt'}")


@pytest.mark.parametrize("weights", [None, {}, "words.txt"])
def test_other_weights_are_refused(weights, vectors, tmp_path):
    with pytest.raises(ValueError, match="Leave weights='auto'"):
        load_backbone(f"vectors:{tmp_path / 'words.txt'}", weights=weights)


def test_a_pickle_is_small_and_wants_the_same_file(vectors, tmp_path):
    backbone = _backbone(tmp_path)
    expected = _features(backbone, ["the cat"])
    pickled = pickle.dumps(backbone)
    assert len(pickled) < 10_000
    assert np.array_equal(_features(pickle.loads(pickled), ["the cat"]), expected)
    word_vectors(tmp_path / "words.txt", seed=1)
    with pytest.raises(ValueError, match="put the former file back"):
        _features(pickle.loads(pickled), ["the cat"])
    (tmp_path / "words.txt").unlink()
    with pytest.raises(FileNotFoundError, match="keep it there"):
        _features(pickle.loads(pickled), ["the cat"])


def _lstm(backbone):
    return backbone.encoder.lstm


def _steps(cell, vectors, direction):
    """Return the hidden states of one direction, by the equations of the LSTM."""
    names = (f"weight_ih_l0{direction}", f"weight_hh_l0{direction}")
    W, U = (getattr(cell, name).detach().double() for name in names)
    b = sum(getattr(cell, f"bias_{k}_l0{direction}").detach() for k in ("ih", "hh"))
    h = c = torch.zeros(U.shape[1], dtype=torch.float64)
    states = []
    for vector in vectors:
        gates = W @ torch.as_tensor(vector) + U @ h + b.double()
        i, f, g, o = gates.chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        states.append(h)
    return torch.stack(states)


def test_the_lstm_reads_words_in_both_directions(vectors, tmp_path):
    X, _ = texts(6)
    backbone = _backbone(tmp_path, source="vectors+lstm")
    assert not backbone.pretrained
    assert backbone.weights == "words.txt, random LSTM"
    cell, expected = _lstm(backbone), []
    for text in X:
        rows = [vectors[word] for word in text.split()]
        ahead = _steps(cell, rows, "")
        back = _steps(cell, rows[::-1], "_reverse").flip(0)
        expected.append(torch.cat([ahead, back], dim=1).amax(0).numpy())
    np.testing.assert_allclose(_features(backbone, X), expected, rtol=1e-4, atol=1e-5)
    maps = backbone.feature_maps(backbone.preprocessing.batch(X))
    assert [tuple(m.shape) for m in maps] == [(6, 8), (6, 256)]


def test_padding_does_not_change_what_the_lstm_returns(vectors, tmp_path):
    X = [*texts()[0], "zebra"]
    backbone = _backbone(tmp_path, source="vectors+lstm")
    alone = np.concatenate([_features(backbone, [x]) for x in X])
    np.testing.assert_allclose(_features(backbone, X), alone, rtol=0, atol=1e-6)


def test_the_lstm_is_trained_but_not_the_vectors(vectors, tmp_path):
    backbone = copy.deepcopy(_backbone(tmp_path, source="vectors+lstm"))
    backbone(backbone.preprocessing.batch(texts()[0])).sum().backward()
    names = dict(backbone.named_parameters())
    assert {name.rpartition(".")[0] for name in names} == {"encoder.lstm"}
    assert all(p.grad.any() for p in names.values())
    assert not dict(_backbone(tmp_path).named_parameters())
