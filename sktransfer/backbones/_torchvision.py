"""Every classification network of torchvision, its head cut off by rule."""

import re
from collections import OrderedDict
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import get_type_hints

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision.models import (
    DenseNet,
    GoogLeNet,
    Inception3,
    SwinTransformer,
    VisionTransformer,
    get_model_builder,
    get_model_weights,
)
from torchvision.ops import Permute

from .._utils.preprocessing import ImagePreprocessing
from .._utils.seeds import isolated_rng
from ._backbone import Backbone
from ._dry_run import run_on_meta
from ._modules import has_parameters
from ._weights import download_state, load_state, read_state

# torchvision's names for the children of a network: the last ones classify, ...
_CLASSIFIERS = {"classifier", "fc", "head", "heads"}
_AUXILIARY = {"AuxLogits", "aux1", "aux2"}
_HEAD = _CLASSIFIERS | _AUXILIARY | {"avgpool", "dropout", "flatten"}
# ... and these hold the whole body, part by part.
_CONTAINERS = {"features", "layers", "blocks", "trunk_output"}

# Parts of the body make one stage as long as they shrink the maps by less than this.
_SHRINKAGE = 2 / 3
_VIT_STAGES = 4
# The stages of an architecture by its name and the size of images: found by a dry run.
_PLANS: dict = {}


def torchvision_backbone(name, weights="auto"):
    """Return the network `name` without its head.

    `weights`: "auto" (the best published ones), the name of published ones, None
    (random), a file or a state dict.
    """
    published, label, state = _find_weights(name, weights)
    builder = get_model_builder(name)
    # No time and memory for weights, of the head above all, that are not kept.
    with nullcontext() if state is None else shapes_only():
        network = builder(weights=None, **_arguments(builder, published))
    _strip_head(network)
    if state is not None:
        ignored = _CLASSIFIERS | _AUXILIARY
        load_state(network, _with_new_names(state), f"weights {label!r}", ignored)
    preprocessing = _preprocessing(published, network)
    stages, width = _stages(name, network.eval(), preprocessing.crop)
    return Backbone(
        [nn.Sequential(OrderedDict(stage)) for stage in stages],
        name=name,
        width=width,
        preprocessing=preprocessing,
        norm=_head_norm(network),
        weights=label,
        pretrained=state is not None,
    )


@contextmanager
def shapes_only():
    """Build networks, inside the block, whose weights are to follow.

    It costs neither memory for their parameters nor random numbers.
    """
    with isolated_rng(0), _MetaParameters():
        yield


class _MetaParameters(TorchFunctionMode):
    """Allocate on the meta device where layers allocate their parameters.

    Unlike under `torch.device("meta")`, networks that compute with tensors while they
    are built (RegNet) can be, and buffers get their values.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.empty:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)


def _find_weights(name, weights):
    """Return the published weights that fix the preprocessing, a label, a state."""
    enum = get_model_weights(name)
    if weights is None:
        return enum.DEFAULT, "random", None
    if isinstance(weights, str) and weights in ("auto", *enum.__members__):
        published = enum.DEFAULT if weights == "auto" else enum[weights]
        return published, published.name, download_state(name, published)
    return enum.DEFAULT, *read_state(weights)


def _arguments(builder, published):
    """Return what the builder itself would derive from published weights."""
    family = get_type_hints(builder)["return"]
    if family is VisionTransformer:
        return {"image_size": published.meta["min_size"][0]}
    if family in (GoogLeNet, Inception3):
        return {"aux_logits": False, "init_weights": True}
    return {}


def _preprocessing(published, network):
    preset = published.transforms()
    preprocessing = ImagePreprocessing(
        resize=preset.resize_size[0],
        crop=tuple(preset.crop_size) * 2,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=preset.interpolation.value,
        antialias=preset.antialias,
    )
    if isinstance(network, (GoogLeNet, Inception3)):
        # Their `transform_input` undoes the usual normalisation in favour of this.
        return replace(preprocessing, mean=(0.5,) * 3, std=(0.5,) * 3)
    return preprocessing


def _with_new_names(state):
    """Rename keys of DenseNets published before torch 0.4: norm.1 is now norm1."""
    old = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")
    return {old.sub(r"\1\2.", key): tensor for key, tensor in state.items()}


def _strip_head(network):
    """Blank every layer that classifies."""
    name, head = _head(network)
    if isinstance(head, nn.Linear):
        setattr(network, name, nn.Identity())
        return
    for path, layer in list(head.named_modules()):
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            head.set_submodule(path, nn.Identity())


def _head_norm(network):
    """Return the norm that the head begins with, for vectors; None if it has none."""
    _, head = _head(network)
    for layer in head.modules():
        if isinstance(layer, nn.LayerNorm):
            norm = nn.LayerNorm(layer.normalized_shape, eps=layer.eps)
            norm.weight, norm.bias = layer.weight, layer.bias
            return norm
    return None


def _head(network):
    return list(network.named_children())[-1]


def _stages(name, network, image_size):
    """Return the named parts of each stage, and the width of the last."""
    if isinstance(network, VisionTransformer):
        return _vit_stages(network), network.hidden_dim
    body = _body(network)
    if (name, image_size) not in _PLANS:
        _PLANS[name, image_size] = _stages_by_size(body, image_size)
    stages, width = _PLANS[name, image_size]
    return [{part: body[part] for part in stage} for stage in stages], width


def _body(network):
    """Return the parts of the network before its pooling, in order, by name."""
    body = {}
    for name, child in network.named_children():
        if name in _CONTAINERS:
            body.update((f"{name}_{i}", part) for i, part in child.named_children())
        elif name not in _HEAD:
            body[name] = child
    if isinstance(network, DenseNet):  # its forward applies a function here
        body["relu"] = nn.ReLU()
    if isinstance(network, SwinTransformer):
        return _channels_first(body)
    return body


def _channels_first(body):
    """Make the parts of a Swin transformer, channels last, take and return maps.

    Only strides change: no value is moved.
    """
    del body["permute"]
    to_first, to_last = Permute([0, 3, 1, 2]), Permute([0, 2, 3, 1])
    patches, *others = body
    wrapped = {patches: nn.Sequential(body[patches], to_first)}
    for name in others:
        wrapped[name] = nn.Sequential(to_last, body[name], to_first)
    return wrapped


class _Tokens(nn.Module):
    """A vision transformer's patches, behind its class token, with their positions."""

    def __init__(self, vit):
        super().__init__()
        self.conv_proj = vit.conv_proj
        self.class_token = vit.class_token
        self.pos_embedding = vit.encoder.pos_embedding
        self.dropout = vit.encoder.dropout

    def forward(self, images):
        """Return tokens (n, 1 + positions, c)."""
        patches = self.conv_proj(images).flatten(2).transpose(1, 2)
        class_token = self.class_token.expand(len(images), -1, -1)
        tokens = torch.cat([class_token, patches], dim=1)
        return self.dropout(tokens + self.pos_embedding)


def _vit_stages(vit):
    """Return the embedding as the first stage and the layers in four equal runs."""
    layers = list(vit.encoder.layers.named_children())
    length = len(layers) // _VIT_STAGES
    runs = [layers[i : i + length] for i in range(0, len(layers), length)]
    runs[-1].append(("ln", vit.encoder.ln))
    return [{"tokens": _Tokens(vit)}, *map(dict, runs)]


def _stages_by_size(body, image_size):
    """Return names of the parts whose maps have about one size, and the last width.

    Parts without parameters join the stage they lead to.
    """
    maps = torch.empty(1, 3, *image_size)
    stages, height = [[]], None
    for name, part in body.items():
        maps = run_on_meta(part, maps)
        shrunk = height is None or maps.shape[2] < _SHRINKAGE * height
        if shrunk:
            if any(has_parameters(body[other]) for other in stages[-1]):
                stages.append([])
            height = maps.shape[2]
        stages[-1].append(name)
    if not any(has_parameters(body[other]) for other in stages[-1]):
        stages[-2].extend(stages.pop())
    return stages, maps.shape[1]
