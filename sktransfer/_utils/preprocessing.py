"""What has to be done to an image before a backbone sees it."""

from dataclasses import dataclass, replace
from itertools import product

import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

# Corners as (row, column) in units of the free margin; the centre comes first.
_POSITIONS = ((0.5, 0.5), *product((0.0, 1.0), (0.0, 1.0)))
MAX_VIEWS = 2 * len(_POSITIONS)


@dataclass(frozen=True)
class ImagePreprocessing:
    """Size and normalisation that the weights of a backbone were made with.

    Parameters
    ----------
    resize : int or (int, int)
        Length of the shorter side (an int) or height and width (a pair), in
        pixels, before the crop.
    crop : (int, int)
        Height and width of the crop that is fed to the net.
    mean, std : tuple of float or None
        Of each channel, on the scale 0 to 1; None leaves the channels alone.
    interpolation : str
        As in torchvision's `InterpolationMode`.
    antialias : bool
        Whether shrinking averages over the pixels it leaves out.
    flexible : bool
        True: in-memory images keep their own size, since the backbone takes any;
        `resize` and `crop` serve images of differing sizes (paths, PIL).

    Examples
    --------
    >>> from sktransfer.backbones import ImagePreprocessing
    >>> preprocessing = ImagePreprocessing().with_image_size(112)
    >>> preprocessing.resize, preprocessing.crop
    (128, (112, 112))
    """

    resize: int | tuple = 256
    crop: tuple = (224, 224)
    mean: tuple | None = (0.485, 0.456, 0.406)
    std: tuple | None = (0.229, 0.224, 0.225)
    interpolation: str = "bilinear"
    antialias: bool = True
    flexible: bool = False

    def with_image_size(self, image_size):
        """Return a copy whose crop is `image_size`, in the published proportion."""
        if image_size is None:
            return self
        if isinstance(image_size, int):
            image_size = (image_size, image_size)
        if isinstance(self.resize, int):
            ratio = self.resize / min(self.crop)
            resize = round(ratio * min(image_size))
        else:
            resize = tuple(
                round(r / c * s)
                for r, c, s in zip(self.resize, self.crop, image_size, strict=True)
            )
        crop = tuple(image_size)
        return replace(self, resize=resize, crop=crop, flexible=False)

    def views(self, images, n_views=1):
        """Return `n_views` lists of crops of (..., c, h, w) `images`.

        The first is the centre crop, the second its mirror image, then the four
        corners, each followed by its mirror image. Images that have the size of the
        crop already are taken whole.
        """
        resized = self._resize(images)
        return [self._view(resized, number) for number in range(n_views)]

    def fits(self, images):
        """Whether `images` have the size of the crop already."""
        return self.flexible or tuple(images.shape[-2:]) == tuple(self.crop)

    def normalize(self, images):
        """Map uint8 0-255 or float 0-1 images to floats as the weights want them."""
        if not images.is_floating_point():
            images = images.float() / 255
        if self.mean is None:
            return images
        images = _as_rgb(images) if len(self.mean) == 3 else images
        mean, std = self._scale(images)
        return (images - mean) / std

    def denormalize(self, images):
        """Map floats as the weights want them to images in 0-1: undo `normalize`."""
        if self.mean is None:
            return images
        mean, std = self._scale(images)
        return images * std + mean

    def _scale(self, images):
        """Return mean and std of the channels, as `images` have them."""
        like = {"dtype": images.dtype, "device": images.device}
        pair = (self.mean, self.std)
        return (torch.as_tensor(values, **like).view(-1, 1, 1) for values in pair)

    def _resize(self, images):
        if self.fits(images):
            return images
        height, width = images.shape[-2:]
        size = self.resize
        if isinstance(size, int):
            short = min(height, width)
            # torchvision's own rule, with the crop never larger than the image
            size = [int(size * side / short) for side in (height, width)]
        size = [max(s, c) for s, c in zip(size, self.crop, strict=True)]
        if size == [height, width]:
            return images
        mode = InterpolationMode(self.interpolation)
        return F.resize(images, size, interpolation=mode, antialias=self.antialias)

    def _view(self, images, number):
        position, mirrored = divmod(number, 2)
        if not self.flexible:
            row, column = _POSITIONS[position]
            height, width = self.crop
            top = round(row * (images.shape[-2] - height))
            left = round(column * (images.shape[-1] - width))
            images = images[..., top : top + height, left : left + width]
        return images.flip(-1) if mirrored else images


def _as_rgb(images):
    """Repeat a grey channel, drop an alpha channel."""
    channels = images.shape[-3]
    if channels == 1:
        return images.expand(*images.shape[:-3], 3, *images.shape[-2:])
    return images[..., :3, :, :]
