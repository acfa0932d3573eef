"""Where and in which precision a net computes."""

from contextlib import nullcontext

import pytest
import torch

from sktransfer._utils.device import autocast, resolve_device


def test_auto_takes_bf16_only_where_the_card_has_it(monkeypatch):
    device = torch.device("cuda", 0)
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: including_emulation,
    )
    assert isinstance(autocast("auto", device), nullcontext)


def test_auto_is_float32_on_a_cpu():
    assert isinstance(autocast("auto", torch.device("cpu")), nullcontext)


def test_a_device_that_is_not_there_names_the_cure():
    with pytest.raises(ValueError, match=r"device='nowhere'.*device='auto'"):
        resolve_device("nowhere")
