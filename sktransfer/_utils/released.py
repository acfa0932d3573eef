"""Code that changes with the version of its package alone."""

import platform
import sys
import sysconfig
from functools import lru_cache

# As that of Python does. This package is among them: what it computes has a version of
# its own wherever digests are kept.
_RELEASED = {"numpy", "PIL", "scipy", "sklearn", "sktransfer", "torch", "torchvision"}
_RELEASED |= {"sentence_transformers", "timm", "tokenizers", "transformers"}
_STANDARD_LIBRARY = tuple(map(sysconfig.get_path, ("stdlib", "platstdlib")))


def is_released(value, name=None):
    """Whether `value` is found, under its name, in a released package."""
    found = sys.modules.get(home_of(value))
    if found is None or not is_released_package(found.__name__):
        return False
    # a wrapper of the user's may have taken that name, but has globals of its own
    names = getattr(value, "__globals__", vars(found))
    if not is_released_package(names.get("__name__", found.__name__)):
        return False
    for part in (name or value.__qualname__).split("."):
        found = getattr(found, part, None)
    return found is value


def is_released_package(name):
    """Whether the package, or the package of the module, of that name is released."""
    return _is_released_root(name.partition(".")[0])


def home_of(value):
    """Return the name of the module that a class or function is from."""
    return getattr(value, "__module__", None) or "builtins"


def version_of(module_name):
    """Return the version of the package of a module, or that of Python."""
    root = sys.modules.get(module_name.partition(".")[0])
    return str(getattr(root, "__version__", platform.python_version()))


@lru_cache
def _is_released_root(name):
    if name in _RELEASED:
        return True
    # a file of the user may be called test.py or code.py, too
    file = getattr(sys.modules.get(name), "__file__", None)
    of_python = file is None or file.startswith(_STANDARD_LIBRARY)
    return of_python and name in sys.stdlib_module_names
