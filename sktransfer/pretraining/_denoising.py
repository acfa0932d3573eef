"""The denoising autoencoder."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from ._base import Reconstruction, mean_squared_error, swapped


class Denoising(Reconstruction):
    """Reconstruct a row from a corrupted copy of it.

    Entries of a table, pixels of images, are replaced, independently, by what another
    row of the batch has in the same place: the corruption stays within the range of
    the data, whatever its distribution.

    Parameters
    ----------
    corruption : float, default=0.2
        Probability that an entry is replaced, in 0 to 1.

    References
    ----------
    P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol. Extracting and composing
    robust features with denoising autoencoders. ICML 2008.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.pretraining import Denoising
    >>> X = torch.arange(6.0).view(3, 2)
    >>> torch.equal(Denoising(corruption=0.0).corrupt(X), X)
    True
    """

    label = "denoising autoencoder"

    _parameter_constraints = {"corruption": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, corruption=0.2):
        self.corruption = corruption

    def loss(self, g, x):
        """Return the mean squared error to the row before its corruption."""
        return mean_squared_error(g(self.corrupt(x)), x)

    def corrupt(self, X):
        """Return a corrupted copy of `X`.

        Parameters
        ----------
        X : Tensor (n, n_columns) or (n, c, h, w)

        Returns
        -------
        Tensor of the same shape
        """
        return swapped(X, self.corruption)
