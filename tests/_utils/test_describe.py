"""Digests of objects: equal for equal ones, different wherever code or values are."""

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

from sktransfer._utils.describe import (
    Describer,
    NotDescribableError,
    array_digest,
    digest,
)

# What a user may write in a notebook; each change below changes what it computes.
SOURCE = '''
import functools
import math

SCALE = 2
SETTINGS = {"power": 3, "names": ["a", "b"]}


def helper(x):
    return shifted(x) ** SETTINGS["power"]


def shifted(x):
    return x + 1


def with_offset(offset):
    def add(x, *, twice=False):
        return x + offset

    return add


def doubled(function):
    @functools.wraps(function)
    def wrapper(*args):
        return 2 * function(*args)

    return wrapper


class Base:
    slope = 0.5

    def squash(self, x):
        return math.tanh(self.slope * x)


class Model(Base):
    """A model."""

    add = staticmethod(with_offset(7))

    def __init__(self, weight=4):
        self.weight = weight
        self.cut = lambda x: max(x, -1)

    @property
    def gain(self):
        return self.weight * 10

    @classmethod
    def about(cls, x):
        return [math.sqrt(abs(x) + i) for i in (1, 2)]

    @doubled
    def __call__(self, x):
        x = self.cut(helper(x) * SCALE) + self.gain
        return sum(self.about(self.add(self.squash(x)))) / library.factor(x)
'''
LIBRARY = """
FACTOR = 8


def factor(x):
    return FACTOR


def not_called(x):
    return 9
"""
CHANGES = [
    ("SCALE = 2", "SCALE = 2.0"),
    ("SCALE = 2", "SCALE = 3"),
    ('"power": 3', '"power": 4'),
    ('["a", "b"]', '["a", "c"]'),
    ("x + 1", "x + 2"),
    ("x + offset", "x - offset"),
    ("twice=False", "twice=True"),
    ("with_offset(7)", "with_offset(8)"),
    ("2 * function", "3 * function"),
    ("slope = 0.5", "slope = 0.6"),
    ("math.tanh", "math.sin"),
    ("weight=4", "weight=5"),
    ("max(x, -1)", "max(x, -2)"),
    ("self.weight * 10", "self.weight * 11"),
    ("abs(x) + i", "abs(x) - i"),
    ("(1, 2)", "(1, 3)"),
    ("class Model(Base)", "class Model(Base, dict)"),
    ("@doubled", "@functools.lru_cache"),
    ("FACTOR = 8", "FACTOR = 9"),
    ("return FACTOR", "return FACTOR + 1"),
]


def of(value):
    return Describer().of(value)


def model(change=("", ""), pads=""):
    """Return an object of the class in the source after a change."""
    library = types.ModuleType("their_library")
    exec(LIBRARY.replace(*change), vars(library))
    names = {"__name__": "their_module", "library": library}
    exec(compile(pads + SOURCE.replace(*change), f"{pads!r}.py", "exec"), names)
    return names["Model"]()


def test_the_same_code_has_the_same_digest():
    assert of(model()) == of(model()) == of(model(pads="\n# moved\n"))


@pytest.mark.parametrize("change", CHANGES, ids="to ".join)
def test_other_code_has_another_digest(change):
    assert (SOURCE + LIBRARY).count(change[0]) == 1
    assert of(model(change)) != of(model())


def test_what_no_code_uses_changes_nothing():
    unused = ("return 9", "return 10")
    assert of(model(unused)) == of(model())
    assert of(model(("A model.", "Another text."))) == of(model())


def test_attributes_count():
    one, other = model(), model()
    other.weight = 5
    assert of(one) != of(other)
    other.weight = 4
    other.new = None
    assert of(one) != of(other)


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


def test_imports_of_a_users_code_inside_a_function_cannot_be_described():
    names = {"__name__": "their_module"}
    exec("def f(x):\n    import math\n    return math.sin(x)", names)
    exec("def g(x):\n    from their_library import h\n    return h(x)", names)
    of(names["f"])
    with pytest.raises(NotDescribableError, match="g imports"):
        of(names["g"])


# What code writes as it runs

RECORDS = """
import collections

N = 0
SEEN = []
COUNTS = {"calls": 0, "factor": 2}
BY_NAME = collections.Counter()
NESTED = {"first": {}}
SCALE = 3


def counter():
    n_calls, last = 0, {}

    def count(x):
        nonlocal n_calls
        n_calls += 1
        last["x"] = x

    return count


class Model:
    n_calls = 0
    count = staticmethod(counter())

    def __call__(self, x):
        global N
        N += 1
        SEEN.append(x)
        COUNTS["calls"] += 1
        BY_NAME["call"] += 1
        NESTED["first"]["x"] = x
        Model.n_calls += 1
        self.count(x)
        return x * SCALE * COUNTS["factor"]
"""


def test_records_do_not_count():
    names = {"__name__": "their_module"}
    exec(RECORDS, names)
    model, other = names["Model"](), names["Model"]()
    before = Describer()
    first = before.of(model)
    model(1)
    assert Describer(before).of(model) == first
    for x in range(3):
        model(x)
        assert of(model) == first
    names["SEEN"].clear()
    assert of(model) == of(other) == first


@pytest.mark.parametrize("name", ["SCALE", "factor"])
def test_settings_beside_records_count(name):
    names = {"__name__": "their_module"}
    exec(RECORDS, names)
    model, before = names["Model"](), Describer()
    first = before.of(model)
    model(1)
    Describer(before).of(model)
    settings = names if name == "SCALE" else names["COUNTS"]
    value, settings[name] = settings[name], 7
    assert of(model) != first
    settings[name] = value
    assert of(model) == first
    model.__class__.__call__ = lambda self, x: x
    assert of(model) != first


def test_another_version_of_a_package(monkeypatch):
    before = of(np.sin), of(np.random.RandomState(0))
    monkeypatch.setattr(np, "__version__", "1000.0")
    assert of(np.sin) != before[0]
    assert of(np.random.RandomState(0)) != before[1]


def test_another_function_in_place_of_that_of_a_package(monkeypatch):
    def sine(x):
        return 0

    sine.__module__, sine.__qualname__ = "math", "sin"
    assert of(sine) != of(math.sin)


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
