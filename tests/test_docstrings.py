"""Public docstrings follow numpydoc; classes and functions show an example.

The checks that are left out for all names are listed in pyproject.toml.
"""

import inspect
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from numpydoc.validate import ERROR_MSGS, validate

import sktransfer

_ROOT = Path(__file__).resolve().parents[1]
_SETTINGS = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]
_LEFT_OUT = set(_SETTINGS["numpydoc_validation"]["checks"]) - {"all"}
# The methods of an estimator are documented in full. Those of the small objects that it
# calls (losses, callbacks, backbones) are overrides of a few lines: a summary will do.
_LEFT_OUT_OF_METHODS = {"EX01"}
_LEFT_OUT_OF_SMALL_OBJECTS = _LEFT_OUT_OF_METHODS | {"PR01", "PR07", "RT01", "RT03"}


def _public_packages():
    """Yield the façade and the public packages in it, by name."""
    yield sktransfer.__name__, sktransfer
    for name in sktransfer.__all__:
        if inspect.ismodule(getattr(sktransfer, name)):
            yield f"sktransfer.{name}", import_module(f"sktransfer.{name}")


def _methods(cls):
    """Return the names of the public methods that were written here."""
    return [
        name
        for name, member in inspect.getmembers(cls, callable)
        if not name.startswith("_")
        and getattr(member, "__module__", "").startswith("sktransfer")
    ]


def _public_names():
    """Yield each public name, with the checks that do not apply to it."""
    for package_name, package in _public_packages():
        estimators = package is sktransfer
        for name in package.__all__:
            member = getattr(package, name)
            if inspect.ismodule(member):
                continue
            is_error = inspect.isclass(member) and issubclass(member, Exception)
            yield f"{package_name}.{name}", {"EX01"} if is_error else set()
            if inspect.isclass(member):
                left_out = (
                    _LEFT_OUT_OF_METHODS if estimators else _LEFT_OUT_OF_SMALL_OBJECTS
                )
                for method in _methods(member):
                    yield f"{package_name}.{name}.{method}", left_out


@pytest.mark.parametrize(
    ("name", "left_out"),
    [pytest.param(name, codes, id=name) for name, codes in _public_names()],
)
def test_docstring(name, left_out):
    errors = [
        f"{code}: {message}"
        for code, message in validate(name)["errors"]
        if code not in _LEFT_OUT | left_out
    ]
    assert not errors, "\n".join(errors)


def test_the_checks_left_out_exist():
    assert set(ERROR_MSGS) >= _LEFT_OUT | _LEFT_OUT_OF_SMALL_OBJECTS
