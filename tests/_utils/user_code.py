"""Code of a user to describe, and its digest."""

import types

from sktransfer._utils.describe import Describer

# What a user may write in a notebook
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


def of(value):
    return Describer().of(value)


def model(change=("", ""), pads=""):
    """Return an object of the class in the source after a change."""
    library = types.ModuleType("their_library")
    exec(LIBRARY.replace(*change), vars(library))
    names = {"__name__": "their_module", "library": library}
    exec(compile(pads + SOURCE.replace(*change), f"{pads!r}.py", "exec"), names)
    return names["Model"]()
