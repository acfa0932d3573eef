"""Augmented batches: the same numbers whoever loads them."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.transforms import v2

from sktransfer._inputs import AugmentedBatches, read_images, resolve_augment
from sktransfer._utils.preprocessing import ImagePreprocessing

CROP = ImagePreprocessing(resize=20, crop=(16, 12))
PIXELS = np.random.default_rng(0).integers(0, 256, (10, 24, 18, 3), dtype=np.uint8)


@pytest.fixture(params=["array", "paths"])
def inputs(request, photo, write):
    if request.param == "array":
        return read_images(PIXELS)
    return read_images([write(photo.rotate(9 * i), f"{i}.png") for i in range(10)])


def batches(inputs, augment="auto", preprocessing=CROP, seed=0):
    change = resolve_augment(augment, preprocessing, inputs.channels).per_image
    return AugmentedBatches(inputs, preprocessing, change, seed=seed)


def test_batch(inputs):
    images, indices = batches(inputs)[0, [3, 1]]
    assert images.shape == (2, 3, 16, 12)
    assert images.dtype == torch.uint8
    assert indices.tolist() == [3, 1]


def test_without_augmentation_the_centre_crop(inputs):
    images, _ = AugmentedBatches(inputs, CROP)[0, [3, 1]]
    assert torch.equal(images, inputs.batch([3, 1], CROP)[0])


def test_numbers_depend_on_seed_epoch_and_index_alone(inputs):
    dataset = batches(inputs)
    images, _ = dataset[0, [3, 1, 7]]
    torch.rand(5)
    again, _ = dataset[0, [7, 3]]
    assert torch.equal(again, images[[2, 0]])
    assert not torch.equal(dataset[1, [3, 1, 7]][0], images)
    assert not torch.equal(batches(inputs, seed=1)[0, [3, 1, 7]][0], images)


def test_images_do_not_share_their_numbers():
    same = read_images(np.repeat(PIXELS[:1], 8, axis=0))
    images, _ = batches(same)[0, range(8)]
    assert len(torch.unique(images.flatten(1), dim=0)) == 8


def test_global_generator_and_data_stay(inputs):
    before, pixels = torch.get_rng_state(), PIXELS.copy()
    batches(inputs, augment=[lambda image: image.zero_()])[0, [3, 1]]
    batches(inputs)[0, [3, 1]]
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(pixels, PIXELS)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_workers(inputs, num_workers):
    dataset = pickle.loads(pickle.dumps(batches(inputs)))
    order = [(5, [0, 4]), (5, [2, 9]), (5, [1])]
    loader = DataLoader(
        dataset, sampler=order, batch_size=None, num_workers=num_workers
    )
    for (images, indices), item in zip(loader, order, strict=True):
        assert indices.tolist() == item[1]
        assert torch.equal(images, batches(inputs)[item][0])


def test_worker_error_names_row_and_path(photo, write):
    inputs = read_images([write(photo, "a.png"), "gone.png"])
    loader = DataLoader(
        batches(inputs), sampler=[(0, [0, 1])], batch_size=None, num_workers=1
    )
    with pytest.raises(FileNotFoundError, match=r"Row 1 of X, 'gone.png'"):
        list(loader)


def test_users_transform_gets_the_whole_image_and_is_cropped_after():
    shapes = []

    def note(image):
        shapes.append((tuple(image.shape), image.dtype))
        return image

    images, _ = batches(read_images(PIXELS), note)[0, [0]]
    assert shapes == [((3, 24, 18), torch.uint8)]
    assert images.shape == (1, 3, 16, 12)


def test_floats_stay_floats():
    inputs = read_images(PIXELS / 255)
    images, _ = batches(inputs, v2.RandomHorizontalFlip())[0, [0, 1]]
    assert images.dtype == torch.float32


@pytest.mark.parametrize("size", [(24, 18), (30, 30)])
def test_flexible(size):
    inputs = read_images(PIXELS)
    preprocessing = ImagePreprocessing(flexible=True)
    images, _ = batches(inputs, v2.Resize(size), preprocessing)[0, [0, 1]]
    assert images.shape == (2, 3, *size)


@pytest.mark.parametrize(
    ("transform", "error", "message"),
    [
        (v2.ToPILImage(), TypeError, r"augment returned Image.*ToImage\(\)"),
        (torch.flatten, TypeError, "augment returned Tensor of shape"),
        (transforms.ToTensor(), TypeError, "augment failed.*Leave ToTensor, .* out"),
        (
            transforms.Compose([transforms.RandomCrop(8), transforms.PILToTensor()]),
            TypeError,
            "augment failed.*Leave ToTensor, .* out",
        ),
        (
            v2.Compose(
                [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.2])]
            ),
            ValueError,
            "augment returned floats from .*leave Normalize out",
        ),
        (v2.ToDtype(torch.float32), ValueError, "augment returned floats .*scale=True"),
    ],
)
def test_bad_transforms(transform, error, message):
    with pytest.raises(error, match=message):
        batches(read_images(PIXELS), transform)[0, [0]]
