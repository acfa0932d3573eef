"""What a folder of sentence-transformers says about its encoder."""

import json
from pathlib import Path
from typing import NamedTuple

_KNOWN = ("Transformer", "Pooling", "Normalize")
_POOLINGS = {
    "pooling_mode_mean_tokens": "avg",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
_POOLINGS_BY_NAME = {"mean": "avg", "cls": "cls", "max": "max"}


class SentenceSettings(NamedTuple):
    """How texts become features, as of sentence-transformers.

    `folder`: of the transformer and its tokenizer. `max_length`: None if not said.
    """

    folder: Path
    pooling: str = "avg"
    normalize: bool = False
    max_length: int | None = None
    lowercase: bool = False


def read_settings(folder):
    """Return the settings in `folder`; of a plain transformer, the mean of its tokens.

    Raises
    ------
    ValueError
        If there is more to do than to pool and normalise.
    """
    if not (folder / "modules.json").is_file():
        return SentenceSettings(folder)
    modules = _read(folder / "modules.json")
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    if kinds not in (list(_KNOWN[:2]), list(_KNOWN)):
        raise ValueError(
            f"{folder / 'modules.json'} lists the modules {kinds}: only "
            f"{', '.join(_KNOWN)}, in this order, are known. Name another encoder, or "
            "compute features with sentence-transformers itself."
        )
    transformer, pooling = (folder / module["path"] for module in modules[:2])
    own = transformer / "sentence_bert_config.json"
    about = _read(own) if own.is_file() else {}
    return SentenceSettings(
        transformer,
        _pooling(pooling / "config.json"),
        "Normalize" in kinds,
        about.get("max_seq_length"),
        bool(about.get("do_lower_case")),
    )


def _pooling(file):
    config = _read(file)
    named = config.get("pooling_mode")
    modes = [m for m, on in config.items() if m.startswith("pooling_mode_") and on]
    if named is not None:
        modes = [named] if isinstance(named, str) else list(named)
    known = {**_POOLINGS, **_POOLINGS_BY_NAME}
    if len(modes) != 1 or modes[0] not in known:
        raise ValueError(
            f"{file} asks for the pooling {modes}: one of {sorted(known)} is known. "
            "Pass the folder of the transformer alone, with pooling='avg' or 'max'."
        )
    return known[modes[0]]


def _read(file):
    try:
        return json.loads(file.read_text(encoding="utf8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is missing or no JSON ({error}).") from error
