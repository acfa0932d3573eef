"""What a method sees of a step."""

import copy

import torch
from numpy.testing import assert_allclose
from torch import nn

from sktransfer._training.adaptation import Adaptation, Sight
from sktransfer._training.batches import Batch
from sktransfer._training.domains import DomainStep, TargetRows
from sktransfer._training.module import TransferModule
from sktransfer.adaptation import (
    MCC,
    AdaptationMethod,
    FixMatch,
    Joint,
)
from sktransfer.backbones import load_backbone

from ..nets import same_state, tiny_backbone
from .adapted import (
    pixel_tensor,
)


def _module(backbone):
    return TransferModule(backbone, nn.Linear(backbone.n_features, 2)).train()


def _table_module():
    torch.manual_seed(0)
    return _module(load_backbone("mlp", n_inputs=5)).float()


def _step(inputs, n_source=8, n_labelled=0, weight=None):
    y = torch.arange(len(inputs)) % 2
    parts = (slice(0, n_source), slice(n_source, n_source + n_labelled))
    target = slice(n_source, None)
    weights = [None if weight is None else weight[p] for p in (*parts, target)]
    labelled = Batch(inputs[parts[1]], y[parts[1]], weights[1])
    index = torch.arange(len(inputs[target]))
    return DomainStep(
        inputs[parts[0]],
        y[parts[0]],
        weights[0],
        torch.ones(n_source, dtype=int),
        labelled if n_labelled else None,
        TargetRows(inputs[target], weights[2], index),
    )


class _Counting(nn.Module):
    """A module that counts how often it is called."""

    def __init__(self, module):
        super().__init__()
        self.module, self.n_calls = module, 0

    def forward(self, *args):
        self.n_calls += 1
        return self.module(*args)


def _see(module, step, *methods, views=None, **kwargs):
    adaptation = Adaptation(list(methods) or [MCC()], ramp=False)
    return Sight(module, adaptation, views).see(step, 0.5, **kwargs)


def test_without_batch_norm_one_pass_is_as_good_as_two():
    module, inputs = _table_module(), torch.randn(14, 5)
    counting = _Counting(module)
    seen, labelled = _see(counting, _step(inputs))
    assert counting.n_calls == 1
    assert labelled is None
    for part, domain in ((inputs[:8], "s"), (inputs[8:], "t")):
        expected = module(part)
        assert_allclose(
            *(o.detach() for o in (getattr(seen, f"logits_{domain}"), expected.logits)),
            rtol=1e-5,
            atol=1e-6,
        )
        features = getattr(seen, f"features_{domain}").detach()
        assert_allclose(features, expected.features.detach(), rtol=1e-5, atol=1e-6)
    assert seen.progress == 0.5
    assert seen.y_s.tolist() == [0, 1] * 4
    assert seen.index_t.tolist() == list(range(6))


def test_with_batch_norm_each_domain_has_its_own_statistics():
    pixels = pixel_tensor()
    pixels[8:] = pixels[8:] // 3
    module = _module(tiny_backbone())
    twin = copy.deepcopy(module)
    seen, _ = _see(module, _step(pixels))
    source, target = twin(pixels[:8]), twin(pixels[8:])
    assert torch.equal(seen.features_s, source.features)
    assert torch.equal(seen.features_t, target.features)
    assert same_state(module.state_dict(), twin.state_dict())
    together = copy.deepcopy(twin)(pixels).features
    assert not torch.allclose(seen.features_s, together[:8], atol=1e-3)


def test_weights_enter_the_statistics():
    pixels, weight = pixel_tensor()[:6], torch.tensor([1.0, 2.0, 1.0, 3.0, 1.0, 1.0])
    repeated = pixels.repeat_interleave(weight.long(), 0)
    modules = [_module(tiny_backbone()) for _ in range(2)]
    modules[1].load_state_dict(modules[0].state_dict())
    weighted, _ = _see(modules[0], _step(pixels, 3, weight=weight))
    expected, _ = _see(modules[1], _step(repeated, 4))
    rows = [0, 1, 3]
    assert_allclose(
        weighted.features_s.detach(), expected.features_s[rows].detach(), rtol=1e-4
    )
    assert torch.equal(weighted.weight_t, weight[3:])


def test_frozen_batch_norm_lets_all_through_at_once():
    module = _Counting(_module(tiny_backbone()).eval())
    _see(module, _step(pixel_tensor()))
    assert module.n_calls == 1


def test_labelled_target_rows_are_normalised_as_target_rows():
    pixels, module = pixel_tensor(), _module(tiny_backbone())
    twin = copy.deepcopy(module)
    seen, labelled = _see(module, _step(pixels, 8, 4))
    expected = twin(pixels[:8]), twin(torch.cat([pixels[8:12], pixels[8:]]))
    assert torch.equal(seen.logits_s, expected[0].logits)
    assert torch.equal(labelled.logits, expected[1].logits[:4])
    assert torch.equal(seen.logits_t, expected[1].logits[4:])


def test_labelled_rows_that_became_floats_are_not_rounded_to_bytes():
    pixels, module = pixel_tensor(), _module(tiny_backbone()).eval()
    step = _step(pixels, 8, 4)
    floats = step.labelled._replace(inputs=step.labelled.inputs / 255)
    seen, labelled = _see(module, step._replace(labelled=floats))
    expected = module(pixels[8:])
    assert_allclose(
        labelled.logits.detach(), expected.logits[:4].detach(), rtol=1e-4, atol=1e-5
    )
    assert_allclose(
        seen.logits_t.detach(), expected.logits.detach(), rtol=1e-4, atol=1e-5
    )


def test_labelled_target_rows_alone():
    step = _step(torch.randn(14, 5), 8, 4)._replace(target=None)
    seen, labelled = _see(_table_module(), step, Joint())
    assert seen.features_t is None
    assert len(labelled.logits) == 4


def test_the_source_can_be_left_out():
    seen, _ = _see(_table_module(), _step(torch.randn(14, 5)), source=False)
    assert seen.features_s is seen.y_s is None
    assert len(seen.features_t) == 6


def test_views_are_of_the_target_rows_and_weights():
    module, inputs = _table_module(), torch.randn(14, 5)
    seen, _ = _see(module, _step(inputs), FixMatch(), views=lambda rows: rows + 1)
    assert_allclose(
        seen.views_t.detach(), module(inputs[8:] + 1).logits.detach(), rtol=1e-5
    )
    assert _see(module, _step(inputs))[0].views_t is None


class _Stages(AdaptationMethod):
    needs_stages = True


def test_stages_are_pooled_where_asked_for():
    module = _module(tiny_backbone()).eval()
    module.returns_maps = True
    pixels = pixel_tensor()
    seen, _ = _see(module, _step(pixels), _Stages())
    maps = module.backbone.feature_maps(pixels[8:])
    for pooled, stage in zip(seen.stages_t, maps, strict=True):
        assert_allclose(
            pooled.detach(), stage.mean((2, 3)).detach(), rtol=1e-4, atol=1e-5
        )
    assert [len(stage) for stage in seen.stages_s] == [8, 8, 8]


def test_methods_see_the_larger_part_of_mixed_labels():
    step = _step(torch.randn(14, 5))
    soft = torch.tensor([[0.3, 0.7], [0.9, 0.1]] * 4)
    seen, _ = _see(_table_module(), step._replace(y=soft))
    assert seen.y_s.tolist() == [1, 0] * 4
