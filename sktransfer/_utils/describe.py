"""Digests of Python objects: equal for those that do the same, by the same code.

An object is described as a tree of what decides on what it does: its class with its
code, the globals and closures that the code uses, attributes. What is imported from a
released package counts by name and version. What cannot be described is an error.

Records that the code itself keeps, found by describing it before calls and after, do
not count.
"""

import copyreg
import dis
import hashlib
import platform
import types

import numpy as np

from .records import Records
from .released import home_of, is_released, is_released_package, version_of

_LEAVES = {type(None), bool, int, float, complex, str, bytes, type(...)}
_CONTAINERS = {tuple, list, dict, set, frozenset}
# In a list that is shown as a whole, the place of what has a digest of its own.
_BELOW = NotImplemented

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

    Parameters
    ----------
    before : Describer, optional
        It has described the same object before calls of it.
    """

    def __init__(self, before=None):
        self._records = Records(None if before is None else before._records)
        self._open = {}
        self._done = {}
        self._rules = self.rules()

    def of(self, value):
        """Return bytes that tell `value` from others: what it is, or its digest."""
        return repr(value).encode() if _is_plain(value) else self._below(value)

    def _below(self, value):
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
        if type(value) in _CONTAINERS:
            return self._contained(value)
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
        shown = [value if _is_plain(value) else _BELOW for value in values]
        pairs = zip(values, shown, strict=True)
        below = [self._below(value) for value, sign in pairs if sign is _BELOW]
        return digest(kind, repr(shown).encode(), *below)

    def held(self, holder, path, value):
        """Return the digest of what code finds in `holder` by a path of names."""
        if _is_code(value):
            return self.of(value)
        if type(value) is dict:
            return self.all_held(holder, value, path)
        return self._records.first(holder, path, self.of(value))

    def all_held(self, holder, values, path=()):
        """Return the digest of what code finds in `holder`, a dict by name."""
        kept = self._records.without_added(holder, path, values.keys())
        names = [name for name in values if name in kept]
        parts = [self.held(holder, (*path, name), values[name]) for name in names]
        return digest("held", self.all(*names), *parts)

    def _class(self, value):
        if is_released(value):
            return _by_name(value)
        about = self.all(value.__qualname__, *value.__bases__)
        held = {k: v for k, v in vars(value).items() if k not in _MADE_BY_PYTHON}
        return digest("class", about, self.all_held(value, held))

    def _function(self, value):
        if is_released(value):
            return _by_name(value)
        about = self.all(value.__code__, value.__defaults__, value.__kwdefaults__)
        cells = dict(enumerate(map(_content, value.__closure__ or ())))
        attributes = self.all_held(value, {**vars(value), **cells})
        return digest("function", about, attributes, self._globals(value))

    def _globals(self, function):
        """Return the digest of the globals that the code of a function uses."""
        found = function.__globals__
        used, names = _names(function.__code__)
        used = sorted(used & found.keys())
        parts = [self._global(function, name, found[name], names) for name in used]
        return digest("globals", self.all(*used), *parts)

    def _global(self, holder, name, value, names):
        """Return the digest of a global; of a package, that of what has the names."""
        if isinstance(value, types.ModuleType):
            return self._package(value, names)
        return self.held(holder, ("global", name), value)

    def _package(self, value, names):
        if is_released_package(value.__name__):
            return self.all(value.__name__, version_of(value.__name__), kind="package")
        names = sorted(names & vars(value).keys())
        key = (id(value), *names)
        return self._once(key, value, lambda value: self._content(value, names))

    def _content(self, package, names):
        found = vars(package)
        parts = [self._global(package, name, found[name], {*names}) for name in names]
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

    def _contained(self, value):
        kind = type(value).__name__
        if isinstance(value, (set, frozenset)):
            return digest(kind, *sorted(map(self.of, value)))
        values = value.values() if isinstance(value, dict) else ()
        return self.all(*value, *values, kind=kind)

    def _reduced(self, value):
        """Return the digest of what a pickle of `value` would hold."""
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception as error:
            raise _not_describable(value) from error
        if not isinstance(reduced, str):
            parts = [list(p) if hasattr(p, "__next__") else p for p in reduced]
            return self.all(type(value), *parts, kind="object")
        if is_released(value, reduced):
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
        if step.opname == "IMPORT_NAME" and not is_released_package(step.argval):
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


def _is_plain(value):
    """Whether its repr tells `value` from all others."""
    kind = type(value)
    if kind is tuple:
        return _LEAVES.issuperset(map(type, value))
    return kind in _LEAVES or (kind in _CONTAINERS and not value)


def _is_code(value):
    """Whether `value` does something, or holds what does."""
    if isinstance(value, (tuple, list, set, frozenset)):
        return any(map(_is_code, value))
    kinds = (types.ModuleType, *_DESCRIPTORS, classmethod, property)
    return callable(value) or isinstance(value, kinds)


def _by_name(value, name=None):
    home = home_of(value)
    parts = (home, name or value.__qualname__, version_of(home))
    return digest("name", *map(str.encode, parts))
