"""The description of a backbone in its file, read without trust."""

import json
from reprlib import repr as short

from torchvision.transforms import InterpolationMode

from .._utils.preprocessing import ImagePreprocessing
from ._pooling import POOLINGS

_MAX_SIDE = 4096  # pixels; a float image of that size takes 200 MB
_MAX_LEVEL = 1000  # of means and scales, of channels in 0-1 or 0-255
_MODES = {mode.value for mode in InterpolationMode}


def parse_metadata(text, source):
    """Return the fields of a description, each of its right type and size.

    `source` names the file in errors.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} has metadata that are no JSON.") from error
    _check(given, _FIELDS, f"{source} has unusable metadata")
    preprocessing = given["preprocessing"]
    if preprocessing is not None:
        _check(preprocessing, _PREPROCESSING, f"{source} has unusable preprocessing")
        if (preprocessing["mean"] is None) != (preprocessing["std"] is None):
            raise ValueError(f"{source} has one of mean and std without the other.")
        given["preprocessing"] = ImagePreprocessing(**_tuples(preprocessing))
    return given


def _check(given, rules, complaint):
    if not isinstance(given, dict) or given.keys() != rules.keys():
        got = short(sorted(given) if isinstance(given, dict) else given)
        raise ValueError(f"{complaint}: fields {got} instead of {sorted(rules)}.")
    for name, is_right in rules.items():
        if not is_right(given[name]):
            raise ValueError(f"{complaint}: {name}={short(given[name])}.")


def _tuples(preprocessing):
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in preprocessing.items()
    }


def _is_text(value):
    return isinstance(value, str) and len(value) <= 1000


def _is_bool(value):
    return isinstance(value, bool)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_side(value):
    return _is_count(value) and value <= _MAX_SIDE


def _is_pair(value):
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(map(_is_side, value))
    )


def _is_channels(value):
    return value is None or (
        isinstance(value, (list, tuple))
        and len(value) == 3
        and all(isinstance(v, (int, float)) and abs(v) <= _MAX_LEVEL for v in value)
    )


_FIELDS = {
    "format": lambda value: _is_count(value) and value == 1,
    "name": _is_text,
    "n_inputs": lambda value: value is None or _is_count(value),
    "pooling": lambda value: _is_text(value) and value in POOLINGS,
    "preprocessing": lambda value: value is None or isinstance(value, dict),
    "weights": _is_text,
    "pretrained": _is_bool,
}
_PREPROCESSING = {
    "resize": lambda value: _is_side(value) or _is_pair(value),
    "crop": _is_pair,
    "mean": _is_channels,
    "std": lambda value: _is_channels(value) and (value is None or min(value) > 0),
    "interpolation": lambda value: _is_text(value) and value in _MODES,
    "antialias": _is_bool,
    "flexible": _is_bool,
}
