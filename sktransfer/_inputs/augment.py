"""Random changes of training images, by name or by torchvision's transforms."""

from dataclasses import dataclass

import torch
from torchvision.transforms import v2

NAMES = ("light", "auto", "mixup", "cutmix")


@dataclass(frozen=True)
class Augment:
    """What is done to training images.

    Parameters
    ----------
    per_image : callable or None
        From an image (c, h, w) to a changed one, of the size of the crop if made from
        names alone.
    per_batch : callable or None
        From images (b, c, h, w) and labels (b,) to mixed float images and soft labels
        (b, n_classes).
    """

    per_image: object = None
    per_batch: object = None


def resolve_augment(augment, preprocessing, channels, n_classes=None):
    """Return the `Augment` of the parameter `augment`.

    Parameters
    ----------
    augment : None, str, callable or list of these
        "light": colour images are cropped at random (35 % of the area or more, as
        is usual in fine-tuning) and mirrored; grey ones, often digits or letters, are
        slightly rotated, shifted and scaled, but not mirrored. "auto": "light", then
        random brightness, contrast and saturation. "mixup" [1]_ and "cutmix" [2]_
        mix the images of a batch; of several such, one is drawn for each batch. A
        callable, such as a transform of ``torchvision.transforms.v2``, gets the image
        at full size, uint8 or float in 0 to 1, and draws from torch's generator.
    preprocessing : ImagePreprocessing
        As returned by ``inputs.sized(backbone.preprocessing)``.
    channels : int
        Of the images.
    n_classes : int, optional
        None if there are no classes to mix.

    Raises
    ------
    ValueError or TypeError
        If `augment` is neither a known name nor a transform.

    References
    ----------
    .. [1] H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz. mixup: Beyond empirical risk
       minimization. ICLR, 2018.
    .. [2] S. Yun, D. Han, S. J. Oh, S. Chun, J. Choe, Y. Yoo. CutMix: Regularization
       strategy to train strong classifiers with localizable features. ICCV, 2019.
    """
    if augment is None:
        return Augment()
    parts = augment if isinstance(augment, (list, tuple)) else [augment]
    steps, mixers = [], []
    for part in parts:
        if _mixes_batches(part):
            mixers.append(_mixer(part, n_classes))
        else:
            steps.extend(_steps(part, preprocessing, channels))
    return Augment(
        per_image=v2.Compose(steps) if steps else None,
        per_batch=MixImages(mixers) if mixers else None,
    )


class LightColour:
    """Random crop, resized to `size` (None: to its own size), and mirroring."""

    def __init__(self, size=None):
        self.size = size

    def __call__(self, image):
        """Return a changed (c, h, w) `image`."""
        size = tuple(image.shape[-2:]) if self.size is None else self.size
        image = v2.RandomResizedCrop(size, scale=(0.35, 1.0))(image)
        return v2.functional.horizontal_flip(image) if torch.rand(()) < 0.5 else image


class LightGrey:
    """Random rotation, shift and scale; what comes in has the colour of the border."""

    def __init__(self):
        self.affine = v2.RandomAffine(
            degrees=10,
            translate=(0.1, 0.1),
            scale=(0.9, 1.1),
            interpolation=v2.InterpolationMode.BILINEAR,
            fill=None,
        )

    def __call__(self, image):
        """Return a changed (c, h, w) `image`."""
        # Zero is what comes in: torchvision's `fill` would leave a dark fringe.
        border = _border_colour(image)
        changed = self.affine(image - border) + border
        return changed if image.is_floating_point() else changed.round().to(image.dtype)


class JitterColour:
    """Random brightness, contrast and saturation; alpha stays as it is."""

    def __init__(self):
        self.jitter = v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3)

    def __call__(self, image):
        """Return a changed (c, h, w) `image`."""
        if image.shape[-3] != 4:
            return self.jitter(image)
        return torch.cat([self.jitter(image[:3]), image[3:]])


class MixImages:
    """One of several mixers, drawn anew for each batch, on float images."""

    def __init__(self, mixers):
        self.mixers = mixers

    def __call__(self, images, labels):
        """Return mixed float images (b, c, h, w) and soft labels (b, n_classes)."""
        if not images.is_floating_point():
            images = images.float() / 255
        mixer = self.mixers[int(torch.randint(len(self.mixers), ()))]
        return mixer(images, labels)


def _mixes_batches(part):
    named = isinstance(part, str) and part in ("mixup", "cutmix")
    return named or isinstance(part, (v2.MixUp, v2.CutMix))


def _mixer(part, n_classes):
    if n_classes is None:
        raise ValueError(
            f"augment={part!r} mixes class labels, but there are none here: leave it "
            "out, or use 'light' or 'auto'."
        )
    if part == "mixup":
        # Weak mixing, as in torchvision's training recipes.
        return v2.MixUp(alpha=0.2, num_classes=n_classes)
    return v2.CutMix(num_classes=n_classes) if part == "cutmix" else part


def _steps(part, preprocessing, channels):
    """Return the transforms of one part of `augment`."""
    if isinstance(part, str):
        if part not in NAMES:
            names = ", ".join(map(repr, NAMES))
            raise ValueError(
                f"augment={part!r} is not known: use {names} or a transform."
            )
        light = LightGrey() if channels == 1 else LightColour(_size(preprocessing))
        return [light, JitterColour()] if part == "auto" else [light]
    if not callable(part) or isinstance(part, type):
        raise TypeError(
            f"augment={part!r} is no transform: pass a name, an instance such as "
            "torchvision.transforms.v2.RandomHorizontalFlip(), or a list of these."
        )
    return [part]


def _size(preprocessing):
    return None if preprocessing.flexible else tuple(preprocessing.crop)


def _border_colour(image):
    """Return the median of the border pixels of each channel, as floats (c, 1, 1)."""
    edges = (image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1])
    return torch.cat(edges, dim=1).float().median(dim=1).values[:, None, None]
