"""Backbones and weights that do not fit: one clear error, and nothing is broken."""

import pytest
import torch

from sktransfer import FineTuneClassifier
from sktransfer.backbones import load_backbone, save_backbone

from .nets import tiny_backbone
from .refusals import LABELS, PIXELS, X, Y, assert_refused, call_of_fit


def test_a_backbone_of_other_columns():
    source = FineTuneClassifier(max_epochs=1).fit(X, Y)
    model = FineTuneClassifier(source.backbone_)
    assert_refused(
        model, "takes 5 columns, but X has 3", call_of_fit(model, X[:, :3], Y)
    )
    assert_refused(model, "takes tables", call_of_fit(model, PIXELS, LABELS))


def test_a_backbone_for_images_on_a_table():
    model = FineTuneClassifier("resnet18", weights=None)
    assert_refused(model, "takes images.*input_shape", call_of_fit(model, X, Y))


def _wrong_weights(folder, case):
    path = folder / f"{case}.pth"
    state = torch.nn.Linear(2, 2).state_dict()
    if case == "of_another_net":
        torch.save(state, path)
    elif case == "code":
        torch.save(torch.nn.Linear(2, 2), path)
    elif case == "text":
        path.write_text("weights")
    elif case == "empty":
        path.write_bytes(b"")
    elif case == "directory":
        path.mkdir()
    elif case == "backbone_file":
        path = folder / "b.safetensors"
        save_backbone(load_backbone("mlp", n_inputs=5), path)
    return path


@pytest.mark.parametrize(
    "case",
    [
        "of_another_net",
        "code",
        "text",
        "empty",
        "directory",
        "missing",
        "backbone_file",
    ],
)
def test_wrong_weights(case, tmp_path):
    path = _wrong_weights(tmp_path, case)
    model = FineTuneClassifier("squeezenet1_1", weights=path, max_epochs=1)
    assert_refused(
        model,
        f"(?s)weights.*{path.name}|{path.name}.*weights|[Mm]issing",
        call_of_fit(model, PIXELS, LABELS),
    )


def test_weights_beside_an_object():
    model = FineTuneClassifier(tiny_backbone(), weights=None)
    assert_refused(
        model, "weights.*Leave weights='auto'", call_of_fit(model, PIXELS, LABELS)
    )


class _Pair(torch.nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    "module", [torch.nn.Linear(7, 3), _Pair(), torch.nn.LSTM(5, 4)], ids=type
)
def test_modules_that_return_no_features(module):
    model = FineTuneClassifier(module)
    assert_refused(model, "backbone: .*module", call_of_fit(model, X, Y))
