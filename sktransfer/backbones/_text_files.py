"""Backbones of texts by the names and folders of transformers."""

from contextlib import contextmanager
from pathlib import Path

import torch

from .._utils.messages import first_line
from .._utils.optional import import_optional
from ..exceptions import WeightsNotAvailableError
from ._sentence_settings import read_settings
from ._text import TextBackbone
from ._tokenizer import Tokenizer
from ._transformer import TransformerEncoder
from ._weights import load_state, read_state

_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
# Nothing is run that is not in transformers itself, and nothing is unpickled.
_SAFE = {"local_files_only": True, "trust_remote_code": False}
# Where neither the tokenizer nor the network has a limit.
_MAX_LENGTH = 512


def text_backbone(name, weights):
    """Return the backbone "text:<name or folder>", as `load_backbone` takes it."""
    transformers = import_optional("transformers", "text", f"backbone={name!r}")
    folder = _folder(name)
    settings = read_settings(folder)
    own = isinstance(weights, str) and weights == "auto"
    with _explained(name), _quiet(transformers):
        network = _network(transformers, settings.folder, own)
        tokenizer = _tokenizer(transformers, network, settings)
    label = folder.name if own else "random"
    if not own and weights is not None:
        label, state = read_state(weights)
        load_state(network, state, f"weights {label!r}", ignored=["pooler"])
    return TextBackbone(
        TransformerEncoder(network),
        tokenizer,
        name=name,
        own_pooling=settings.pooling,
        normalize=settings.normalize,
        weights=label,
        pretrained=weights is not None,
    )


def _folder(name):
    """Return the folder that `name` is, or the one of a download by that name."""
    given = name.partition(":")[2]
    folder = Path(given).expanduser()
    if given.strip() and folder.is_dir():
        return folder
    if given.startswith((".", "/", "~")) or not given.strip():
        raise FileNotFoundError(f"backbone={name!r}: there is no folder {given!r}.")
    hub = import_optional("huggingface_hub", "text", f"backbone={name!r}")
    # as sentence-transformers understands a name without an owner
    repository = given if "/" in given else f"sentence-transformers/{given}"
    try:
        return Path(hub.snapshot_download(repository, allow_patterns=_FILES))
    except (OSError, ValueError) as error:
        raise WeightsNotAvailableError(
            f"backbone={name!r}: there is no folder {given!r}, and the model "
            f"{repository!r} is neither in the cache of huggingface_hub nor could be "
            f"downloaded ({first_line(error)}). Fetch it on a machine with network by "
            "huggingface_hub.snapshot_download(repository, local_dir=folder), and "
            "name it 'text:<folder>'."
        ) from error


def _network(transformers, folder, pretrained):
    """Return the network without its pooler: states are pooled outside."""
    config = transformers.AutoConfig.from_pretrained(folder, **_SAFE)
    if config.is_encoder_decoder:
        raise ValueError("it is a pair of encoder and decoder, not an encoder alone")
    if pretrained:
        network = _pretrained(transformers, folder)
    else:
        network = transformers.AutoModel.from_config(config).float()
    if getattr(network, "pooler", None) is not None:
        network.pooler = None
    return network


def _pretrained(transformers, folder):
    network, info = transformers.AutoModel.from_pretrained(
        folder,
        use_safetensors=True,
        dtype=torch.float32,
        output_loading_info=True,
        **_SAFE,
    )
    missing = [key for key in info["missing_keys"] if not key.startswith("pooler.")]
    wrong = sorted(map(str, [*missing, *info["mismatched_keys"]]))
    if wrong:
        raise ValueError(f"its weights are missing or of another shape: {wrong}")
    return network


def _tokenizer(transformers, network, settings):
    tokenizer = transformers.AutoTokenizer.from_pretrained(settings.folder, **_SAFE)
    if not tokenizer.is_fast:
        raise ValueError(
            f"{type(tokenizer).__name__} has no form in the package tokenizers, that "
            "is, no tokenizer.json"
        )
    definition = tokenizer.backend_tokenizer
    if settings.lowercase:
        _make_lowercase(definition)
    limits = (settings.max_length, tokenizer.model_max_length, _n_positions(network))
    return Tokenizer(definition.to_str(), min(n for n in limits if n is not None))


def _make_lowercase(definition):
    from tokenizers import normalizers

    steps = [normalizers.Lowercase(), definition.normalizer]
    definition.normalizer = normalizers.Sequence([s for s in steps if s is not None])


def _n_positions(network):
    """Return the greatest number of tokens the network takes."""
    number = getattr(network.config, "max_position_embeddings", None)
    if number is None or number < 1:
        return _MAX_LENGTH
    # RoBERTa and its kin count positions from the one after that of padding
    padding = getattr(getattr(network, "embeddings", None), "padding_idx", None)
    return number if padding is None else number - padding - 1


@contextmanager
def _explained(name):
    """Name the backbone in whatever transformers raises about a folder."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"backbone={name!r} cannot be loaded ({first_line(error)}). It must be an "
            "encoder that transformers itself knows, with its tokenizer, and with "
            "weights in safetensors files (pickled ones are refused)."
        ) from error


@contextmanager
def _quiet(transformers):
    """Let transformers print no progress bar inside the block."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
