"""Digests of code: different wherever it computes something else."""

import math

import numpy as np
import pytest

from sktransfer._utils.describe import Describer, NotDescribableError

from .user_code import LIBRARY, SOURCE, model, of

# Each changes what the code computes
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


# Code of packages


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
