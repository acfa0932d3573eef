"""The parameter `augment`: names, transforms and lists of them."""

import pickle

import pytest
import torch
from torchvision.transforms import v2

from sktransfer._inputs import resolve_augment
from sktransfer._utils.preprocessing import ImagePreprocessing

FIXED = ImagePreprocessing(resize=36, crop=(32, 24))
FLEXIBLE = ImagePreprocessing(flexible=True)


def image_of(channels, dtype=torch.uint8):
    pixels = torch.arange(channels * 40 * 50).reshape(channels, 40, 50) % 256
    return pixels.to(torch.uint8) if dtype == torch.uint8 else pixels.float() / 255


def per_image(augment, preprocessing=FIXED, channels=3):
    return resolve_augment(augment, preprocessing, channels).per_image


def test_none():
    nothing = resolve_augment(None, FIXED, 3)
    assert nothing.per_image is None
    assert nothing.per_batch is None
    assert resolve_augment([], FIXED, 3) == nothing


@pytest.mark.parametrize("augment", ["light", "auto"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_names_keep_kind_of_image(augment, channels, dtype):
    image = image_of(channels, dtype)
    before = image.clone()
    change = per_image(augment, FIXED, channels)
    outputs = [change(image) for _ in range(8)]
    shape = (1, 40, 50) if channels == 1 else (channels, 32, 24)
    for output in outputs:
        assert output.shape == shape
        assert output.dtype == dtype
    assert any(not torch.equal(output, outputs[0]) for output in outputs)
    assert torch.equal(image, before)
    if dtype == torch.float32:
        assert all(-1e-6 < o.min() <= o.max() < 1 + 1e-6 for o in outputs)


@pytest.mark.parametrize("channels", [1, 3])
def test_flexible_images_keep_their_size(channels):
    image = image_of(channels)
    assert per_image("light", FLEXIBLE, channels)(image).shape == image.shape


def test_light_mirrors_colour_half_the_time():
    """Left is dark and right is light, whatever is cropped."""
    ramp = torch.linspace(0, 1, 50).expand(3, 40, 50)
    change = per_image("light")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mirrored = sum(
            bool(out[0, 0, 0] > out[0, 0, -1])
            for out in (change(ramp) for _ in range(200))
        )
    # Two hundred fair coins: 100 and four standard deviations of 7.
    assert 72 <= mirrored <= 128


def test_light_mirrors_no_digit():
    ramp = torch.linspace(0, 1, 50).expand(1, 40, 50)
    change = per_image("light", channels=1)
    for _ in range(50):
        output = change(ramp)
        assert output[0, 20, 12] < output[0, 20, 37]


@pytest.mark.parametrize("background", [0, 255])
def test_what_comes_into_a_grey_image_is_background(background):
    image = torch.full((1, 40, 50), background, dtype=torch.uint8)
    change = per_image("light", channels=1)
    for _ in range(10):
        assert torch.equal(change(image), image)


def test_auto_leaves_alpha_alone():
    image = torch.full((4, 40, 50), 100, dtype=torch.uint8)
    change = per_image("auto", channels=4)
    outputs = torch.stack([change(image) for _ in range(10)])
    assert (outputs[:, 3] == 100).all()
    assert (outputs[:, :3] != 100).any()


def test_transforms_and_names_in_order():
    calls = []

    def note(image):
        calls.append(tuple(image.shape))
        return image

    change = per_image([note, "light", note, v2.Grayscale()])
    assert change(image_of(3)).shape == (1, 32, 24)
    assert calls == [(3, 40, 50), (3, 32, 24)]


@pytest.mark.parametrize("augment", ["mixup", "cutmix", ["mixup", "cutmix"]])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_mixing(augment, dtype):
    resolved = resolve_augment(augment, FIXED, 3, n_classes=5)
    assert resolved.per_image is None
    images = torch.stack([torch.zeros_like(image_of(3)), image_of(3)])
    images = images if dtype == torch.uint8 else images.float() / 255
    mixed, labels = resolved.per_batch(images, torch.tensor([1, 4]))
    assert mixed.dtype == torch.float32
    assert 0 <= mixed.min() <= mixed.max() <= 1
    torch.testing.assert_close(labels.sum(1), torch.ones(2))
    torch.testing.assert_close(labels[:, [1, 4]].sum(1), torch.ones(2))
    weight = labels[0, 4]
    torch.testing.assert_close(labels[1, 1], weight)


def test_mixing_beside_changes_of_images():
    resolved = resolve_augment(["auto", v2.CutMix(num_classes=2)], FIXED, 3, 2)
    assert resolved.per_image(image_of(3)).shape == (3, 32, 24)
    assert resolved.per_batch is not None


@pytest.mark.parametrize("augment", ["light", "auto", ["auto", "mixup", "cutmix"]])
def test_pickle(augment):
    resolved = pickle.loads(pickle.dumps(resolve_augment(augment, FIXED, 3, 2)))
    assert resolved.per_image(image_of(3)).shape == (3, 32, 24)


@pytest.mark.parametrize(
    ("augment", "error", "message"),
    [
        ("heavy", ValueError, "augment='heavy' is not known: use 'light', 'auto'"),
        (["light", "Light"], ValueError, "augment='Light' is not known"),
        (3, TypeError, "augment=3 is no transform"),
        ([None], TypeError, "augment=None is no transform"),
        ({"light": 1}, TypeError, "is no transform"),
        (v2.RandomHorizontalFlip, TypeError, r"an instance such as .*Flip\(\)"),
        ("mixup", ValueError, "augment='mixup' mixes class labels"),
        (["light", "cutmix"], ValueError, "augment='cutmix' mixes class labels"),
    ],
)
def test_bad_augment(augment, error, message):
    with pytest.raises(error, match=message):
        resolve_augment(augment, FIXED, 3)
