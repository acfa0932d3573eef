"""What each strategy trains: frozen parts stay as they are, bit by bit."""

import pytest
import torch
from torch import nn

from sktransfer import FineTuneClassifier
from sktransfer._training.module import TransferModule
from sktransfer.backbones import load_backbone
from sktransfer.finetuning._strategies import Freezing, pick_strategy

from ..nets import images, same_state, state_of, tiny_backbone


def _fit(strategy, **parameters):
    X, y = images()
    model = FineTuneClassifier(
        tiny_backbone(), strategy=strategy, random_state=0, lr=0.01, **parameters
    )
    return model.fit(X, y)


def _changed(fitted):
    """Return whether each stage differs from the one training began with."""
    before, after = tiny_backbone().stages, fitted.backbone_.stages
    return [
        not same_state(a.state_dict(), b.state_dict())
        for a, b in zip(before, after, strict=True)
    ]


@pytest.mark.parametrize(
    ("strategy", "parameters", "changed"),
    [
        ("linear_probe", {}, [False, False, False]),
        ("linear_probe", {"augment": "light"}, [False, False, False]),
        ("linear_probe", {"head": (16,)}, [False, False, False]),
        ("partial", {"n_trainable_stages": 0}, [False, False, False]),
        ("partial", {}, [False, False, True]),
        ("partial", {"n_trainable_stages": 2}, [False, True, True]),
        ("full", {}, [True, True, True]),
        ("lp_ft", {}, [True, True, True]),
        ("gradual", {}, [True, True, True]),
    ],
    ids=str,
)
def test_frozen_stages_do_not_change_by_one_bit(strategy, parameters, changed):
    assert _changed(_fit(strategy, max_epochs=4, **parameters)) == changed


@pytest.mark.parametrize("max_epochs", [2, 4])
def test_gradual_thaws_from_the_last_stage(max_epochs):
    from skorch.callbacks import Callback

    class Watch(Callback):
        changed = []  # of the class: the callback is copied

        def on_epoch_end(self, net, **kwargs):
            now, start = net.module_.backbone.stages, tiny_backbone().stages
            pairs = zip(start, now, strict=True)
            self.changed.append(
                [not same_state(a.state_dict(), b.state_dict()) for a, b in pairs]
            )

    _fit("gradual", max_epochs=max_epochs, callbacks=[Watch()])
    full = [False, False, False], [False, False, True], [False, True, True], [True] * 3
    assert Watch.changed == [
        full[epoch * 4 // max_epochs] for epoch in range(max_epochs)
    ]


def test_bitfit_changes_biases_alone():
    before, after = tiny_backbone().state_dict(), _fit("bitfit", max_epochs=3)
    for name, value in after.backbone_.state_dict().items():
        assert torch.equal(before[name], value) != name.endswith("bias"), name


def test_bitfit_reaches_the_biases_of_attention():
    backbone = load_backbone("vit_b_32", weights=None).to("meta")
    module = TransferModule(backbone, nn.Linear(768, 2))
    Freezing("bitfit")(module)
    learning = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert learning == {n for n, _ in backbone.named_parameters() if n.endswith("bias")}
    assert any(name.endswith("in_proj_bias") for name in learning)


def test_bitfit_keeps_batch_norm_in_evaluation_mode():
    module = TransferModule(tiny_backbone(), nn.Linear(8, 2))
    Freezing("bitfit")(module)
    module.train()
    assert module.head.training
    assert not any(part.training for part in module.backbone.modules())


def test_freezing_lets_go_of_what_was_frozen_before():
    module = TransferModule(tiny_backbone(), nn.Linear(8, 2))
    freezing = Freezing("gradual")
    freezing(module, 0.0)
    freezing(module, 0.5)
    wanted = [
        [any(p.requires_grad for p in s.parameters())] for s in module.backbone.stages
    ]
    assert wanted == [[False], [True], [True]]
    assert all(p.requires_grad for p in module.head.parameters())


def test_a_backbone_that_was_frozen_learns_again():
    probe = _fit("linear_probe", augment="light", max_epochs=1)
    assert not any(p.requires_grad for p in probe.backbone_.parameters())
    X, y = images()
    before = state_of(probe.backbone_)
    tuned = FineTuneClassifier(
        probe.backbone_, strategy="full", max_epochs=2, random_state=0
    ).fit(X, y)
    assert not same_state(tuned.backbone_.state_dict(), before)
    assert same_state(probe.backbone_.state_dict(), before)


@pytest.mark.parametrize(
    ("pretrained", "n_samples", "head", "augment", "device", "expected"),
    [
        (False, 100, "linear", None, "cpu", "full"),
        (True, 100, (16,), None, "cpu", "full"),
        (True, 100, "linear", None, "cpu", "linear_probe"),
        (True, 100, "linear", "light", "cpu", "lp_ft"),
        (True, 5000, "linear", None, "cpu", "lp_ft"),
        (True, 100, "linear", None, "cuda", "lp_ft"),
    ],
)
def test_auto_picks(pretrained, n_samples, head, augment, device, expected):
    picked = pick_strategy(
        "auto",
        backbone=tiny_backbone(pretrained),
        n_samples=n_samples,
        head=head,
        augment=augment,
        device=torch.device(device),
    )
    assert picked == expected
