"""The layout of images and weights in memory."""

import copy
import pickle

import pytest
import torch

from sktransfer.backbones import load_backbone
from sktransfer.backbones._layout import lay_out


@pytest.mark.parametrize(
    ("name", "size", "last"),
    [
        ("resnet18", 64, False),
        ("resnet18", 128, True),
        ("mobilenet_v3_small", 64, True),
        ("squeezenet1_1", 64, True),
        ("smallnet", None, True),
    ],
)
def test_only_dense_nets_on_small_images_have_the_channels_first(name, size, last):
    backbone = load_backbone(name, weights=None).with_image_size(size)
    images = torch.randint(256, (2, 3, 70, 70)).byte()
    before = backbone(images)
    backbone = pickle.loads(pickle.dumps(copy.deepcopy(lay_out(backbone))))
    layout = torch.channels_last if last else torch.contiguous_format
    prepared = backbone.prepare(images)
    assert prepared.is_contiguous(memory_format=layout)
    weight = next(p for p in backbone.parameters() if p.ndim == 4 and p.shape[1] > 1)
    assert weight.is_contiguous(memory_format=layout)
    torch.testing.assert_close(backbone(images), before, rtol=1e-4, atol=1e-5)


def test_the_layout_follows_the_size():
    small = lay_out(load_backbone("resnet18", weights=None).with_image_size(64))
    large = lay_out(small.with_image_size(160))
    assert large.memory_format == torch.channels_last
