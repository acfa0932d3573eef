"""Fingerprints: other ones for networks with other features, and for those alone."""

import copy
import pickle
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from sktransfer._utils.describe import NotDescribableError
from sktransfer.backbones import Backbone, ImagePreprocessing, load_backbone
from sktransfer.backbones._fingerprint import NetDescriber

from ..nets import tiny_backbone

_NET = """
from torch import nn

SCALE = 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 3

    def forward(self, x):
        return (x * SCALE * self.scale).mean((2, 3))
"""


def fingerprint(network):
    return NetDescriber().fingerprint(network)


def wrapped(*modules, **attributes):
    return Backbone(modules, name="theirs", width=8, **attributes)


def net(old="", new=""):
    names = {"__name__": "their_module"}
    exec(_NET.replace(old, new), names)
    return names["Net"]()


def large():
    """Return a backbone whose weights are not hashed as a whole each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return wrapped(nn.Conv2d(3, 64, 7), nn.Conv2d(64, 64, 5, bias=False))


@pytest.mark.parametrize(
    "name", ["squeezenet1_1", "resnet18", "mobilenet_v3_small", "smallnet"]
)
def test_architectures(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = load_backbone(name, weights=None)
        other = load_backbone(name, weights=None)
    before = fingerprint(backbone)
    assert fingerprint(copy.deepcopy(backbone)) == before
    assert fingerprint(pickle.loads(pickle.dumps(backbone))) == before
    assert fingerprint(other) != before


def test_what_a_pass_in_eval_mode_does_not_use():
    backbone = tiny_backbone()
    before = fingerprint(backbone)
    backbone.train().requires_grad_(False)
    backbone.name, backbone.weights, backbone.pretrained = "other", "other", False
    backbone.compile()
    assert fingerprint(backbone) == before


def test_weights_in_any_order_in_memory():
    weight = torch.arange(240.0).view(6, 5, 4, 2)
    views = [weight, weight.to(memory_format=torch.channels_last), weight[:, :1]]
    views += [weight.flip(0), weight[::2], torch.ones(1, 1, 1, 1).expand(6, 5, 4, 2)]
    values = [NetDescriber().fingerprint(view) for view in views]
    assert len(set(values)) == len(values)
    assert NetDescriber().fingerprint(weight.clone()) == values[0]
    ones = weight[:, :, :1, :1].contiguous()
    last = ones.to(memory_format=torch.channels_last)
    assert NetDescriber().fingerprint(ones) == NetDescriber().fingerprint(last)


def _add_hook(backbone, **options):
    backbone.stages[1].register_forward_hook(lambda m, args, out: out + 1, **options)


def _replace_forward(backbone):
    backbone.stages[1].forward = lambda x: x


CHANGES = {
    "weight": lambda b: b.stages[0][0].weight.data.view(-1)[0].add_(1e-4),
    "weight in place": lambda b: nn.init.zeros_(b.stages[2][0].bias),
    "buffer": lambda b: b.stages[1][1].running_var.mul_(1.001),
    "dtype": lambda b: b.double(),
    "order": lambda b: setattr(b, "stages", nn.ModuleList(reversed(b.stages))),
    "activation": lambda b: b.stages[0].__setitem__(2, nn.ReLU6()),
    "setting": lambda b: setattr(b.stages[0][1], "eps", 1e-4),
    "pooling": lambda b: b._set_pooling("max"),
    "size": lambda b: b._set_image_size(16),
    "mean": lambda b: setattr(b, "preprocessing", ImagePreprocessing(mean=(0.4,) * 3)),
    "no preprocessing": lambda b: setattr(b, "preprocessing", None),
    "hook": _add_hook,
    "hook with kwargs": partial(_add_hook, with_kwargs=True),
    "pre-hook": lambda b: b.register_forward_pre_hook(lambda m, args: None),
    "forward of one module": _replace_forward,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes(change):
    backbone = tiny_backbone()
    before = fingerprint(backbone)
    change(backbone)
    assert fingerprint(backbone) != before


@pytest.mark.parametrize("made", [tiny_backbone, large])
def test_each_way_to_change_weights(made):
    backbone = made()
    weight = backbone.stages[-1][0].weight if made is tiny_backbone else None
    weight = backbone.stages[1].weight if weight is None else weight
    seen = [fingerprint(backbone)]
    with torch.no_grad():
        weight.mul_(1.01)
    seen.append(fingerprint(backbone))
    weight.data.view(-1)[-1] += 0.01
    seen.append(fingerprint(backbone))
    weight.data = weight.data.flip(0)
    seen.append(fingerprint(backbone))
    weight.numpy(force=True)[0, 0] += 0.01
    seen.append(fingerprint(backbone))
    optimizer = torch.optim.AdamW([weight], lr=0.01, fused=True)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    seen.append(fingerprint(backbone))
    assert len(set(seen)) == len(seen)


def test_weights_restored_have_the_fingerprint_of_before():
    backbone = large()
    before, state = fingerprint(backbone), copy.deepcopy(backbone.state_dict())
    nn.init.zeros_(backbone.stages[0].weight)
    assert fingerprint(backbone) != before
    backbone.load_state_dict(state)
    assert fingerprint(backbone) == before


@pytest.mark.parametrize(
    "change", [("x * SCALE", "x + SCALE"), ("SCALE = 2", "SCALE = 4"), ("= 3", "= 5")]
)
def test_code_of_the_users(change):
    before = fingerprint(wrapped(net()))
    assert fingerprint(wrapped(net())) == before
    assert fingerprint(wrapped(net(*change))) != before


def test_forward_of_a_class_of_a_package(monkeypatch):
    backbone = tiny_backbone()
    before = fingerprint(backbone)
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: x)
    assert fingerprint(backbone) != before


def test_hooks_of_all_modules():
    backbone = tiny_backbone()
    before = fingerprint(backbone)
    handle = register_module_forward_hook(lambda module, args, out: out * 2)
    try:
        assert fingerprint(backbone) != before
    finally:
        handle.remove()
    assert fingerprint(backbone) == before


def test_a_traced_graph():
    def traced(module):
        return wrapped(torch.fx.symbolic_trace(module))

    before = fingerprint(traced(nn.Sequential(nn.ReLU(), nn.Flatten())))
    assert fingerprint(traced(nn.Sequential(nn.ReLU(), nn.Flatten()))) == before
    assert fingerprint(traced(nn.Sequential(nn.ReLU6(), nn.Flatten()))) != before
    graph = traced(nn.Sequential(nn.ReLU(), nn.Flatten()))
    for node in graph.stages[0].graph.nodes:
        if node.op == "call_module":
            node.replace_all_uses_with(node.args[0])
            break
    graph.stages[0].recompile()
    assert fingerprint(graph) != before


class _Odd(nn.Module):
    def __init__(self, thing):
        super().__init__()
        self.thing = thing


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: torch.jit.trace(nn.ReLU(), torch.zeros(1)), "compiled code"),
        (lambda: _Odd(i for i in range(3)), "generator"),
        (lambda: _Odd(memoryview(b"")), "memoryview"),
        (lambda: _Odd(torch.empty(3, device="meta")), "cannot be read"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_what_cannot_be_described(make, reason):
    with pytest.raises(NotDescribableError, match=reason):
        fingerprint(wrapped(make()))
