"""Batches of augmented images."""

import numpy as np
import torch

from .._utils.seeds import isolated_rng

# Interpolation leaves 0 to 1 by a little, normalisation by a lot.
_OVERSHOOT = 0.5


class AugmentedBatches(torch.utils.data.Dataset):
    """Batches of images, each changed at random by numbers of its own.

    An item is ``dataset[(epoch, indices)]``: the images (b, c, H, W), of the size of
    the crop, and the indices (b,). What happens to an image depends on `seed`, the
    epoch and its index alone: not on the other images nor on the number of workers.

    Parameters
    ----------
    inputs : ImageArray, ImagePaths or PILImages
    preprocessing : ImagePreprocessing
    per_image : callable, optional
        From an image (c, h, w) to a changed one; None: the centre crop as it is.
    seed : int, default=0
    """

    def __init__(self, inputs, preprocessing, per_image=None, seed=0):
        self.inputs = inputs
        self.preprocessing = inputs.sized(preprocessing)
        self.per_image = per_image
        self.seed = seed

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, epoch_and_indices):
        epoch, indices = epoch_and_indices
        indices = np.array(indices)
        if self.per_image is None:
            (images,) = self.inputs.batch(indices, self.preprocessing)
        else:
            images = torch.stack([self._augmented(epoch, i) for i in indices])
        return images, torch.from_numpy(indices)

    def _augmented(self, epoch, index):
        image = self.inputs.sample(index)
        with isolated_rng(self._seed(epoch, index)):
            image = _changed(self.per_image, image)
        check_augmented(image)
        if self.preprocessing.fits(image):
            return image
        return self.preprocessing.views(image)[0]

    def _seed(self, epoch, index):
        words = np.random.SeedSequence((self.seed, epoch, int(index)))
        return int(words.generate_state(1)[0])


def _changed(transform, image):
    try:
        return transform(image)
    except TypeError as error:
        raise TypeError(
            f"augment failed ({error}) on a tensor of {image.dtype}, of shape "
            f"{tuple(image.shape)}, which is what it gets. Leave ToTensor, PILToTensor "
            "and Normalize out: images are tensors already, and the backbone "
            "normalises them."
        ) from error


def check_augmented(image):
    """Raise if a transform returned what the backbone cannot take."""
    if not isinstance(image, torch.Tensor) or image.ndim != 3:
        shape = tuple(image.shape) if hasattr(image, "shape") else "unknown"
        raise TypeError(
            f"augment returned {type(image).__name__} of shape {shape}, not a tensor "
            "(c, h, w): end it with torchvision.transforms.v2.ToImage()."
        )
    if image.is_floating_point() and image.numel():
        low, high = (float(bound) for bound in image.aminmax())
        if low < -_OVERSHOOT or high > 1 + _OVERSHOOT:
            raise ValueError(
                f"augment returned floats from {low:g} to {high:g}, not in 0 to 1: "
                "leave Normalize out, the backbone normalises; scale to 0 to 1 with "
                "ToDtype(torch.float32, scale=True)."
            )
