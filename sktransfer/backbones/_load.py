"""Backbones by name or file."""

import difflib
import warnings
from fnmatch import fnmatchcase
from pathlib import Path

from ..exceptions import RandomWeightsWarning
from ._build import build
from ._files import is_backbone_file, read_backbone
from ._registry import modality_of, registered_names, torchvision_names
from ._sources import is_sourced


def list_backbones(pattern=None):
    """Return the names that `load_backbone` knows.

    Parameters
    ----------
    pattern : str, optional
        With the wildcards of a shell, such as "resnet*"; None returns all.

    Returns
    -------
    list of str
        In alphabetical order.

    See Also
    --------
    load_backbone : Make one of them.

    Examples
    --------
    >>> from sktransfer.backbones import list_backbones
    >>> list_backbones("resnet*")
    ['resnet101', 'resnet152', 'resnet18', 'resnet34', 'resnet50']
    """
    names = sorted({*registered_names(), *torchvision_names()})
    return [name for name in names if pattern is None or fnmatchcase(name, pattern)]


def load_backbone(
    name,
    weights="auto",
    *,
    pooling="auto",
    image_size=None,
    n_inputs=None,
    dtype=None,
):
    """Return a backbone: a network from raw samples to features.

    Parameters
    ----------
    name : str or Path
        One of `list_backbones()`, among them every classification network of
        torchvision, its head cut off; or the file that `save_backbone` wrote; or,
        for texts, one of

        - "text:<folder or name>": an encoder of transformers or sentence-transformers
          [1]_ (extra "text"), such as "text:all-MiniLM-L6-v2", in a folder or from
          the Hugging Face hub (a name without owner is one of
          sentence-transformers). Only safetensors are read, and no code is run.
        - "vectors:<file>": the mean of word vectors in GloVe's text format [2]_. The
          file is read word by word, and has to stay where it is. Words that are not
          in it, not in lower case either, are left out; a text of such words alone
          gets zeros.
        - "vectors+lstm:<file>": the same word vectors, and a bidirectional LSTM with
          maximum pooling [3]_ over them, which is yet to be trained.
    weights : "auto", None, str, Path or mapping of str to Tensor, default="auto"
        "auto" takes the best published weights, through torchvision's own download
        and cache, or those in the package ("synthnet"). Without any ("mlp") it starts
        random, with a warning for images. A name such as "IMAGENET1K_V1" takes those
        published weights. None is random. A file (".safetensors", or ".pth" and
        ".pt", from which tensors alone are read) or a state dict must fit the
        network, of which keys of the classifier and of auxiliary heads are dropped;
        it gets the preprocessing of the best published weights. For "text:", "auto"
        takes those in its folder; word vectors have no others than "auto".
    pooling : {"auto", "avg", "max", "avgmax", "gem"}, default="auto"
        How the last maps become features; see `Backbone`. "auto" is what the
        architecture does, or what a file says: for texts, what the encoder was
        trained with (of a plain transformer, the mean of its tokens).
    image_size : int or (int, int), optional
        Height and width of the crop fed to the network, in pixels; the resize before
        it keeps the published proportion. None keeps the published size.
    n_inputs : int, optional
        Number of columns, for a network for tables.
    dtype : torch.dtype, optional
        Of the weights; None keeps theirs, float32 as a rule.

    Returns
    -------
    Backbone
        In eval mode.

    Raises
    ------
    ValueError
        If the name is unknown or weights do not fit; the error lists their keys.
    WeightsNotAvailableError
        If published weights are neither in the cache nor can be downloaded.

    Warns
    -----
    RandomWeightsWarning
        If weights="auto" finds none published for a network for images.

    See Also
    --------
    save_backbone : Write a backbone to a file.
    register_backbone : Make a network of your own known by name.

    References
    ----------
    .. [1] N. Reimers, I. Gurevych. Sentence-BERT: Sentence embeddings using siamese
       BERT-networks. EMNLP, 2019.
    .. [2] J. Pennington, R. Socher, C. D. Manning. GloVe: Global vectors for word
       representation. EMNLP, 2014.
    .. [3] A. Conneau, D. Kiela, H. Schwenk, L. Barrault, A. Bordes. Supervised
       learning of universal sentence representations from natural language inference
       data. EMNLP, 2017.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.backbones import load_backbone
    >>> backbone = load_backbone("squeezenet1_1", weights=None, image_size=64)
    >>> backbone
    Backbone('squeezenet1_1', weights='random', n_features=512)
    >>> images = torch.randint(256, (2, 3, 80, 120), dtype=torch.uint8)
    >>> backbone(images).shape
    torch.Size([2, 512])
    """
    if is_backbone_file(name):
        backbone = _from_file(name, weights)
    else:
        check_known(name)
        _check_columns(name, n_inputs)
        backbone = build(name, weights, n_inputs)
        _warn_if_random(backbone, weights)
    if pooling != "auto":
        backbone._set_pooling(pooling)
    backbone._set_image_size(image_size)
    return backbone if dtype is None else backbone.to(dtype)


def _from_file(path, weights):
    if not (isinstance(weights, str) and weights == "auto"):
        raise ValueError(
            f"weights: the backbone {str(path)!r} is a file with weights of its own. "
            "Leave weights='auto', or name an architecture."
        )
    return read_backbone(Path(path))


def check_known(name):
    """Refuse a name that no architecture has."""
    if not isinstance(name, str):
        raise TypeError(
            f"A backbone is named by a str or the Path of a '.safetensors' file, not "
            f"by {name!r}."
        )
    names = list_backbones()
    if name not in names and not is_sourced(name):
        close = difflib.get_close_matches(name, names) or ["mlp", "resnet18", "..."]
        raise ValueError(
            f"There is no backbone {name!r}. Did you mean one of {close}? "
            "list_backbones() returns all names, register_backbone adds one, and a "
            "file of save_backbone ends in '.safetensors'."
        )


def _check_columns(name, n_inputs):
    modality = modality_of(name)
    table = modality == "table"
    if table and n_inputs is None:
        raise ValueError(
            f"n_inputs: {name!r} is a network for tables. Give their number of columns."
        )
    if n_inputs is not None and not table:
        raise ValueError(
            f"n_inputs={n_inputs!r}: {name!r} takes {modality}s, which have no "
            "columns. Leave n_inputs=None."
        )


def _warn_if_random(backbone, weights):
    auto = isinstance(weights, str) and weights == "auto"
    if auto and backbone.modality == "image" and not backbone.pretrained:
        warnings.warn(
            f"No weights are published for the backbone {backbone.name!r}: it starts "
            "from random ones. Name a pretrained backbone such as 'resnet18', or pass "
            "weights=None if that is what you want.",
            RandomWeightsWarning,
            stacklevel=3,
        )
