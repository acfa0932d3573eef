"""The shapes of the network whose weights come with the package."""

import pytest
import torch

from sktransfer.backbones import load_backbone


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("synthnet", weights=None)


@pytest.mark.parametrize("size", [(1, 1), (1, 10), (8, 8), (28, 28), (224, 160)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_of_any_size_and_channels(backbone, size, channels):
    images = torch.randint(256, (2, channels, *size)).byte()
    assert backbone(images).shape == (2, 256)


def test_in_memory_images_keep_their_size(backbone):
    maps = backbone.feature_maps(torch.rand(1, 3, 32, 48))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (32, 16, 24),
        (64, 8, 12),
        (128, 4, 6),
        (256, 2, 3),
    ]


@pytest.mark.parametrize(
    ("given", "enlarged"), [((8, 8), (32, 32)), ((4, 2), (32, 16)), ((9, 1), (32, 3))]
)
def test_small_images_are_enlarged(backbone, given, enlarged):
    image = torch.rand(1, 3, *given)
    bilinear = {"mode": "bilinear", "align_corners": False}
    larger = torch.nn.functional.interpolate(image, enlarged, **bilinear)
    torch.testing.assert_close(backbone(image), backbone(larger), rtol=1e-2, atol=1e-2)


def test_it_is_small(backbone):
    assert sum(p.numel() for p in backbone.parameters()) < 1_500_000
