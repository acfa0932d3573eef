"""Masked modelling: fill in what was hidden."""

from math import ceil
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from ._base import Reconstruction, mean_squared_error, swapped

_PATCHES, _COLUMNS = 0.75, 0.3
# A patch is such a part of the shorter side.
_PATCHES_PER_SIDE = 8


class Masked(Reconstruction):
    """Fill in hidden patches of an image, or columns of a table.

    Images [1]_: a random part of the patches of each image is greyed, and the loss is
    the squared error on these. Unlike the masked autoencoder of the paper, which
    leaves hidden patches out, this works for every backbone, not for vision
    transformers alone, and fills in from the pooled features.

    Tables [2]_: columns of each row are replaced by those of other rows, as in
    `Denoising`; besides the row, the decoder says which ones: the loss is the
    cross-entropy of the mask plus `alpha` times the squared error on all columns.

    Parameters
    ----------
    ratio : float or "auto", default="auto"
        Part that is hidden. "auto": 0.75 of the patches, 0.3 of the columns, as in
        the papers.
    patch_size : int or "auto", default="auto"
        Height and width of a patch, in pixels that the net gets. "auto": an eighth of
        the shorter side.
    alpha : float, default=2.0
        For tables, weight of the squared error.

    References
    ----------
    .. [1] K. He, X. Chen, S. Xie, Y. Li, P. Dollar, R. Girshick. Masked autoencoders
       are scalable vision learners. CVPR 2022.
    .. [2] J. Yoon, Y. Zhang, J. Jordon, M. van der Schaar. VIME: Extending the success
       of self- and semi-supervised learning to tabular domain. NeurIPS 2020.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.pretraining import Masked
    >>> hidden = Masked(ratio=0.75, patch_size=4).hide(torch.ones(2, 3, 16, 16))
    >>> hidden.shape, hidden.float().mean((1, 2, 3))
    (torch.Size([2, 1, 16, 16]), tensor([0.7500, 0.7500]))
    """

    label = "masked autoencoder"

    _parameter_constraints = {
        "ratio": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="neither")],
        "patch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "alpha": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, ratio="auto", patch_size="auto", alpha=2.0):
        self.ratio = ratio
        self.patch_size = patch_size
        self.alpha = alpha

    def build(self, n_features, shape):
        """Return a decoder; of a table, with a second output per column, the mask's."""
        if len(shape) == 1:
            shape = (2 * shape[0],)
        return super().build(n_features, shape)

    def decode(self, output):
        """Return the prepared rows in the outputs of the decoder."""
        return output if output.ndim > 2 else output.chunk(2, dim=1)[0]

    def loss(self, g, x):
        """Return how badly `g` fills in what is hidden from it."""
        return self._of_table(g, x) if x.ndim == 2 else self._of_images(g, x)

    def hide(self, x):
        """Return which pixels of images (n, c, h, w) are hidden, bool (n, 1, h, w)."""
        height, width = x.shape[-2:]
        size = self._patch_size(height, width)
        rows, columns = ceil(height / size), ceil(width / size)
        n_patches = rows * columns
        n_hidden = min(max(round(self._share(x) * n_patches), 1), n_patches)
        order = torch.rand(len(x), n_patches, device=x.device).argsort(1)
        grid = (order.argsort(1) < n_hidden).view(len(x), 1, rows, columns)
        pixels = grid.repeat_interleave(size, 2).repeat_interleave(size, 3)
        return pixels[..., :height, :width]

    def _of_images(self, g, x):
        hidden = self.hide(x)
        squares = (g(x.masked_fill(hidden, 0)) - x).square().mean(1, keepdim=True)
        return squares[hidden].mean()

    def _of_table(self, g, x):
        corrupted = swapped(x, self._share(x))
        values, mask = g(corrupted).chunk(2, dim=1)
        changed = (corrupted != x).to(mask)
        guessed = F.binary_cross_entropy_with_logits(mask, changed)
        return guessed + self.alpha * mean_squared_error(values, x)

    def _share(self, x):
        if self.ratio != "auto":
            return self.ratio
        return _COLUMNS if x.ndim == 2 else _PATCHES

    def _patch_size(self, height, width):
        if self.patch_size != "auto":
            return self.patch_size
        return max(1, min(height, width) // _PATCHES_PER_SIDE)
