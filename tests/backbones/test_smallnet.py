"""The small network for images."""

import pytest
import torch

from sktransfer.backbones import load_backbone


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("smallnet", weights=None)


@pytest.mark.parametrize("size", [(1, 1), (1, 10), (8, 8), (28, 28), (224, 160)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_of_any_size_and_channels(backbone, size, channels):
    images = torch.randint(256, (2, channels, *size)).byte()
    assert backbone(images).shape == (2, 128)


def test_in_memory_images_keep_their_size(backbone):
    maps = backbone.feature_maps(torch.rand(1, 3, 32, 48))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (16, 32, 48),
        (32, 16, 24),
        (64, 8, 12),
        (128, 4, 6),
    ]


def test_a_given_size_is_kept_to(backbone):
    maps = backbone.with_image_size(16).feature_maps(torch.rand(1, 3, 32, 48))
    assert maps[0].shape == (1, 16, 16, 16)


def test_it_is_small(backbone):
    assert 290_000 < sum(p.numel() for p in backbone.parameters()) < 310_000


def test_the_wide_one_has_twice_the_channels():
    wide = load_backbone("smallnet_wide", weights=None)
    assert wide(torch.rand(1, 3, 8, 8)).shape == (1, 256)
    assert 1_150_000 < sum(p.numel() for p in wide.parameters()) < 1_250_000
