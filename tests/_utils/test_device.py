"""Where and in which precision a net computes."""

from contextlib import nullcontext

import pytest
import torch

from sktransfer._utils.device import autocast, resolve_device


@pytest.mark.filterwarnings("ignore:CUDA is not available")
@pytest.mark.parametrize(
    ("modality", "has_bf16", "expected"),
    [("image", True, True), ("image", False, False), ("table", True, False)],
)
def test_auto_takes_bf16_for_images_where_the_card_has_it(
    modality, has_bf16, expected, monkeypatch
):
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: has_bf16 or including_emulation,
    )
    context = autocast("auto", torch.device("cuda", 0), modality)
    assert isinstance(context, torch.autocast) is expected


def test_auto_is_float32_on_a_cpu():
    assert isinstance(autocast("auto", torch.device("cpu"), "image"), nullcontext)


@torch.autocast("cpu", torch.bfloat16)
def test_float32_is_float32_under_autocast_of_the_caller():
    rows = torch.ones(2, 2)
    with autocast("float32", torch.device("cpu"), "image"):
        assert (rows @ rows).dtype == torch.float32
    assert (rows @ rows).dtype == torch.bfloat16


def test_a_device_that_is_not_there_names_the_cure():
    with pytest.raises(ValueError, match=r"device='nowhere'.*device='auto'"):
        resolve_device("nowhere")
