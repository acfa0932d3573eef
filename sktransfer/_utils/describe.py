"""Digests of Python objects: equal for those that do the same, by the same code.

An object is described as a tree of what decides on what it does: its class with its
code, the globals and closures that the code uses, attributes. What is imported from a
released package counts by name and version. What cannot be described is an error.
"""

import copyreg
import dis
import hashlib
import platform
import sys
import sysconfig
import types
from functools import lru_cache

import numpy as np

# Packages whose code changes with their version alone, as that of Python does. This one
# is among them: what it computes has a version of its own wherever digests are kept.
_RELEASED = {"numpy", "PIL", "scipy", "sklearn", "sktransfer", "torch", "torchvision"}
_RELEASED |= {"sentence_transformers", "timm", "tokenizers", "transformers"}
_STANDARD_LIBRARY = tuple(map(sysconfig.get_path, ("stdlib", "platstdlib")))

_LEAVES = {type(None), bool, int, float, complex, str, bytes, type(...)}
_CONTAINERS = {tuple, list, dict, set, frozenset}

# Of a class: what Python itself makes of the rest, or what nothing depends on.
_MADE_BY_PYTHON = {"__dict__", "__weakref__", "__doc__", "__module__", "_abc_impl"}
_MADE_BY_PYTHON |= {"__annotations__", "__annotate_func__", "__annotations_cache__"}
_MADE_BY_PYTHON |= {"__firstlineno__", "__static_attributes__", "__abstractmethods__"}
_MADE_BY_PYTHON |= {"__dataclass_fields__", "__dataclass_params__", "__match_args__"}

_DESCRIPTORS = (
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
)


class NotDescribableError(TypeError):
    """Something in an object cannot be described; the message says what."""


def digest(kind, *parts):
    """Return 32 bytes that tell a kind (str) and its parts (bytes) from any others."""
    lengths = ",".join([str(len(part)) for part in parts])
    # in hardware on most processors, then twice as fast as blake2
    hasher = hashlib.sha256(f"{kind}:{lengths}:".encode())
    for part in parts:
        hasher.update(part)
    return hasher.digest()


def array_digest(kind, array):
    """Return 32 bytes for a kind (str) and dtype, shape and numbers of an array."""
    about = f"{array.dtype.descr} {array.shape}".encode()
    # of what is contiguous already nothing is copied
    return digest(kind, about, np.ascontiguousarray(array).reshape(-1).view(np.uint8))


class Describer:
    """Walks through an object; a subclass may add rules for other types.

    An object that holds itself is described, inside, by how far above it is.
    """

    def __init__(self):
        self._open = {}
        self._done = {}
        self._rules = self.rules()

    def of(self, value):
        """Return bytes that tell `value` from others: what it is, or its digest."""
        kind = type(value)
        if kind in _LEAVES:
            return f"{kind.__name__}:{value!r}".encode()
        if kind in _CONTAINERS and not value:
            return f"no {kind.__name__}".encode()
        return self._once(id(value), value, self._described)

    def _once(self, key, value, describe):
        if key in self._open:
            return digest("above", b"%d" % self._open[key])
        if key not in self._done:
            self._open[key] = len(self._open)
            try:
                result = describe(value)
            finally:
                del self._open[key]
            # the object is kept: no other one can get its id
            self._done[key] = result, value
        return self._done[key][0]

    def _described(self, value):
        for kinds, describe in self._rules:
            if isinstance(value, kinds):
                return describe(value)
        return self._reduced(value)

    def rules(self):
        """Return pairs of types and what describes them; the first that fits does."""
        return (
            (type, self._class),
            (types.FunctionType, self._function),
            (types.CodeType, self._code),
            (types.ModuleType, lambda value: self._package(value, set())),
            (types.MethodType, lambda value: self.all(value.__func__, value.__self__)),
            ((staticmethod, classmethod), self._wrapped),
            (property, lambda value: self.all(value.fget, value.fset, value.fdel)),
            (_DESCRIPTORS, lambda value: digest("slot", value.__name__.encode())),
            (np.ndarray, self._array),
        )

    def all(self, *values, kind="all"):
        """Return the digest of several values, in their order."""
        return digest(kind, *map(self.of, values))

    def attributes(self, value, left_out=()):
        """Return the digest of the attributes in the dict of `value`."""
        names = [name for name in vars(value) if name not in left_out]
        parts = [part for name in names for part in (name, vars(value)[name])]
        return self.all(*parts)

    def _class(self, value):
        if _is_released(value):
            return _by_name(value)
        about = self.all(value.__qualname__, *value.__bases__)
        return digest("class", about, self.attributes(value, _MADE_BY_PYTHON))

    def _function(self, value):
        if _is_released(value):
            return _by_name(value)
        cells = [_content(cell) for cell in value.__closure__ or ()]
        about = self.all(value.__code__, value.__defaults__, value.__kwdefaults__)
        used, names = _names(value.__code__)
        parts = [
            part
            for name in sorted(used & value.__globals__.keys())
            for part in (name.encode(), self._used(value.__globals__[name], names))
        ]
        parts = [about, self.all(*cells), self.attributes(value), *parts]
        return digest("function", *parts)

    def _used(self, value, names):
        """Return the digest of a global; of a package, that of what has the names."""
        if not isinstance(value, types.ModuleType):
            return self.of(value)
        return self._package(value, names)

    def _package(self, value, names):
        if _is_released_package(_root(value.__name__)):
            return digest("package", value.__name__.encode(), _version(value.__name__))
        names = sorted(names & vars(value).keys())
        key = (id(value), *names)
        return self._once(key, value, lambda value: self._content(value, names))

    def _content(self, package, names):
        parts = [self._used(vars(package)[name], {*names}) for name in names]
        return digest("content", self.all(*names), *parts)

    def _code(self, value):
        parts = (value.co_code, value.co_consts, value.co_names, value.co_varnames)
        more = (value.co_freevars, value.co_flags, value.co_exceptiontable)
        return self.all(platform.python_version(), *parts, *more, kind="code")

    def _wrapped(self, value):
        return self.all(value.__func__, kind=type(value).__name__)

    def _array(self, value):
        if value.dtype.hasobject:
            return self.all(value.shape, value.tolist(), kind="objects")
        return array_digest("array", value)

    def _reduced(self, value):
        """Return the digest of what a pickle of `value` would hold."""
        if type(value) in (tuple, list):
            return self.all(*value, kind=type(value).__name__)
        if type(value) is dict:
            return self.all(*value, *value.values(), kind="dict")
        if type(value) in (set, frozenset):
            return digest(type(value).__name__, *sorted(map(self.of, value)))
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception as error:
            raise _not_describable(value) from error
        if not isinstance(reduced, str):
            parts = [list(p) if hasattr(p, "__next__") else p for p in reduced]
            return self.all(type(value), *parts, kind="object")
        if _is_released(value, reduced):
            return _by_name(value, reduced)
        if hasattr(value, "__wrapped__"):
            return self.all(type(value), value.__wrapped__, kind="wrapper")
        raise _not_describable(value)


def _not_describable(value):
    kind = type(value)
    return NotDescribableError(
        f"an object of type {kind.__module__}.{kind.__qualname__} cannot be described"
    )


def _names(code):
    """Return the globals that the code uses, and all names in it."""
    used, names = set(), {*code.co_names}
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            used.add(step.argval)
        if step.opname == "IMPORT_NAME" and not _is_released_package(
            _root(step.argval)
        ):
            raise NotDescribableError(f"{code.co_qualname} imports when it is called")
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            inner_used, inner_names = _names(inner)
            used |= inner_used
            names |= inner_names
    return used, names


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return NotImplemented


def _is_released(value, name=None):
    """Whether `value` is found, under its name, in a released package."""
    name = name or value.__qualname__
    found = sys.modules.get(getattr(value, "__module__", None) or "builtins")
    if found is None or not _is_released_package(_root(found.__name__)):
        return False
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value


@lru_cache
def _is_released_package(name):
    if name in _RELEASED:
        return True
    # a file of the user may be called test.py or code.py, too
    file = getattr(sys.modules.get(name), "__file__", None)
    of_python = file is None or file.startswith(_STANDARD_LIBRARY)
    return of_python and name in sys.stdlib_module_names


def _by_name(value, name=None):
    module = getattr(value, "__module__", None) or "builtins"
    name = name or value.__qualname__
    return digest("name", module.encode(), name.encode(), _version(module))


def _root(module):
    return module.partition(".")[0]


def _version(module):
    root = sys.modules.get(_root(module))
    python = platform.python_version()
    return str(getattr(root, "__version__", python)).encode()
