"""Public packages whose names load their file on first use."""

from importlib import import_module


def lazy_names(package, homes):
    """Return `__getattr__` and `__dir__` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : dict
        From each public name to the module, relative to the package, that defines it.
    """

    def load(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name], package), name)

    return load, lambda: sorted(homes)
