"""Resizing and cropping."""

import torch

from sktransfer._utils.preprocessing import ImagePreprocessing


def test_images_of_the_size_of_the_crop_are_taken_whole():
    images = torch.arange(2 * 3 * 32 * 32).reshape(2, 3, 32, 32) % 256
    preprocessing = ImagePreprocessing().with_image_size(32)
    whole, mirrored = preprocessing.views(images, 2)
    assert torch.equal(whole, images)
    assert torch.equal(mirrored, images.flip(-1))


def test_other_images_are_resized_a_little_above_the_crop():
    preprocessing = ImagePreprocessing().with_image_size(32)
    image = torch.zeros(1, 3, 64, 64)
    image[..., 2:-2, 2:-2] = 1  # the frame of one pixel at 37 pixels is cut off
    (view,) = preprocessing.views(image)
    assert view.shape == (1, 3, 32, 32)
    assert view.min() > 0.99
