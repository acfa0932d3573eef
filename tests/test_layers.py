"""Imports go down the layers only, siblings never import one another.

A new package gets its place here first.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGE = Path(__file__).resolve().parents[1] / "sktransfer"
_LAYERS = [
    {"exceptions"},
    {"_utils"},
    {"_inputs", "backbones", "cache", "datasets", "metrics"},
    {
        "adaptation",
        "alignment",
        "distillation",
        "finetuning",
        "pretraining",
        "reweighting",
    },
    {"_inference", "_training", "callbacks"},
    {"_estimators"},
    {"selection"},
    {"inspection"},
    {"persistence"},
    {"__init__", "demo"},
]
_HEIGHT = {name: height for height, layer in enumerate(_LAYERS) for name in layer}
_WITHOUT = {
    "torch": {"cache", "datasets", "exceptions", "metrics"},
    "torchvision": {"cache", "datasets", "exceptions", "metrics"},
    "skorch": _HEIGHT.keys() - {"_training", "callbacks", "persistence"},
}
_MAX_LINES = 330
_FILES = sorted(_PACKAGE.rglob("*.py"))


def _home(path):
    """Return the part of the package that a file belongs to."""
    return path.relative_to(_PACKAGE).with_suffix("").parts[0]


def _imports(path):
    """Yield the absolute name of each module that a file imports, late ones too."""
    package = ["sktransfer", *path.relative_to(_PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) + 1 - node.level] if node.level else []
            stem = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and _is_relative_module(node.value):
            level = len(node.value) - len(node.value.lstrip("."))
            parents = package[: len(package) + 1 - level]
            yield ".".join([*parents, node.value.lstrip(".")])


def _is_relative_module(value):
    """Whether `value` is a name for `import_module`, such as "..backbones._load"."""
    if not isinstance(value, str) or not value.startswith("."):
        return False
    return all(part.isidentifier() for part in value.lstrip(".").split("."))


def _ids(path):
    return str(path.relative_to(_PACKAGE))


@pytest.mark.parametrize("path", _FILES, ids=_ids)
def test_imports_go_down(path):
    home = _home(path)
    assert home in _HEIGHT, f"Give sktransfer.{home} a place in _LAYERS."
    for name in _imports(path):
        root, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if root != "sktransfer" or target == home or home == "__init__":
            continue
        assert target in _HEIGHT, f"{name} is in no layer"
        assert _HEIGHT[target] < _HEIGHT[home], f"sktransfer.{home} imports {name}"


@pytest.mark.parametrize("path", _FILES, ids=_ids)
def test_imports_of_frameworks(path):
    for name in _imports(path):
        framework = name.partition(".")[0]
        assert _home(path) not in _WITHOUT.get(framework, ()), f"imports {name}"


@pytest.mark.parametrize("path", _FILES, ids=_ids)
def test_a_file_is_one_topic(path):
    n_lines = path.read_text(encoding="utf8").count("\n")
    assert n_lines <= _MAX_LINES, f"{n_lines} lines: make two files of two topics."


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import torch.nn as nn", ["torch.nn"]),
        (
            "from ..metrics import a, b",
            ["sktransfer.metrics.a", "sktransfer.metrics.b"],
        ),
        ("from .. import backbones", ["sktransfer.backbones"]),
        ("from ._load import x", ["sktransfer.backbones._load.x"]),
        (
            "def f():\n    from sktransfer.selection import y",
            ["sktransfer.selection.y"],
        ),
        ("FILES = {'a': '..selection._x'}", ["sktransfer.selection._x"]),
    ],
)
def test_every_form_of_import_is_seen(line, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "_PACKAGE", tmp_path)
    path = tmp_path / "backbones" / "_file.py"
    path.parent.mkdir()
    path.write_text(line)
    assert list(_imports(path)) == expected


_CONSTRUCT_ALL = """
import inspect, sys
import sktransfer

for name in sktransfer.__all__:
    member = getattr(sktransfer, name)
    if inspect.ismodule(member):
        dir(member)
    elif hasattr(member, "fit"):
        member()
print(*{"torch", "torchvision", "skorch", "matplotlib"} & set(sys.modules))
"""


def test_constructing_imports_no_framework():
    done = subprocess.run(
        [sys.executable, "-c", _CONSTRUCT_ALL],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
