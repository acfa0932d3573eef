"""Late imports of optional dependencies."""

from importlib import import_module

from ..exceptions import MissingExtraError


def import_optional(module, extra, purpose):
    """Import `module`, or raise an error that names the extra to install."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"{purpose} needs the package {package!r}, which is not installed. "
            f"Install it with: pip install 'sktransfer[{extra}]'"
        ) from error
