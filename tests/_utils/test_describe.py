"""Digests of objects: equal for equal ones, different wherever values are."""

import copy
import enum
import functools
import math
import pickle
import subprocess
import sys
import threading
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sktransfer._utils.describe import NotDescribableError, array_digest, digest

from .user_code import model, of


class _Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class _Point:
    x: int
    y: tuple


class _Slots:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left, self.right = left, right


def _function(x, power=2):
    return math.pow(x, power)


PAIRS = {
    "types": (1, True),
    "float": (0.1, np.nextafter(0.1, 1).item()),
    "sign of zero": (0.0, -0.0),
    "str and bytes": ("a", b"a"),
    "surrogates": ("\udc80", "\udc81"),
    "tuple and list": ((1, 2), [1, 2]),
    "empty": ((), []),
    "nesting": (("ab", ("c",)), ("ab", "c")),
    "split": (("ab", "c"), ("a", "bc")),
    "order": ([1, 2], [2, 1]),
    "dict": ({"a": 1}, {"a": 2}),
    "keys": ({"a": 1}, {"b": 1}),
    "set": ({1, 2}, {1, 3}),
    "set and frozenset": ({1}, frozenset({1})),
    "enum": (_Colour.RED, _Colour.BLUE),
    "dataclass": (_Point(1, (2,)), _Point(1, (3,))),
    "slots": (_Slots(1, 2), _Slots(1, 3)),
    "partial": (functools.partial(_function, 1), functools.partial(_function, 2)),
    "released": (math.sin, math.cos),
    "array": (np.zeros(3), np.ones(3)),
    "dtype": (np.zeros(2), np.zeros(2, np.int64)),
    "shape": (np.zeros((2, 3)), np.zeros((3, 2))),
    "objects": (np.array([1, "a"], object), np.array([1, "b"], object)),
    "array in list": ([np.zeros(3)], [np.ones(3)]),
    "bound": (np.random.RandomState(0).rand, np.random.RandomState(1).rand),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_values(pair):
    one, other = pair
    assert of(one) != of(other)
    assert of(one) == of(copy.deepcopy(one))


@pytest.mark.parametrize("value", [pair[0] for pair in PAIRS.values()], ids=PAIRS)
def test_a_pickled_copy_has_the_same_digest(value):
    assert of(pickle.loads(pickle.dumps(value))) == of(value)


def test_identity_does_not_count():
    part = ["a", "b"]
    assert of([part, part]) == of([part, ["a", "b"]])


def test_what_holds_itself():
    def ring(length, value=0):
        first = last = [value]
        for _ in range(length - 1):
            last.append([value])
            last = last[1]
        last.append(first)
        return first

    assert of(ring(2)) == of(ring(2))
    assert len({of(ring(2)), of(ring(3)), of(ring(2, value=1))}) == 3


def test_layout_of_arrays_does_not_count():
    array = np.arange(12.0).reshape(3, 4)
    assert of(array) == of(np.asfortranarray(array)) == of(np.repeat(array, 2, 0)[::2])
    assert array_digest("a", array) != array_digest("b", array)


def test_lengths_of_parts_count():
    assert digest("kind", b"ab", b"c") != digest("kind", b"a", b"bc")
    assert digest("kind", b"1", b"") != digest("kind", b"1")
    assert len(digest("kind")) == 32


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: (i for i in range(3)), "generator"),
        (threading.Lock, "lock"),
        (lambda: types.SimpleNamespace(of=memoryview(b"")), "memoryview"),
    ],
)
def test_what_cannot_be_described(make, reason):
    value = make()
    with pytest.raises(NotDescribableError, match=reason):
        of(value)


def test_other_processes_give_the_same_digests():
    code = (
        "from tests._utils.test_describe import PAIRS, model, of\n"
        "print(of(model()).hex(), *(of(one).hex() for one, _ in PAIRS.values()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        env={"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours = [of(model()), *(of(one) for one, _ in PAIRS.values())]
    assert done.stdout.split() == [value.hex() for value in ours]
