"""The denoising autoencoder."""

import torch
from sklearn.base import BaseEstimator


class Denoising(BaseEstimator):
    """Reconstruct a row from a corrupted copy of it.

    Entries are replaced, independently, by the value that another row of the batch
    has in the same column: the corruption stays within the range of the data,
    whatever its distribution.

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

    def __init__(self, corruption=0.2):
        self.corruption = corruption

    def corrupt(self, X):
        """Return a corrupted copy of `X`.

        Parameters
        ----------
        X : Tensor (n, n_columns)

        Returns
        -------
        Tensor (n, n_columns)
        """
        n, n_columns = X.shape
        others = torch.randint(n, (n, n_columns), device=X.device)
        replaced = torch.rand((n, n_columns), device=X.device) < self.corruption
        return torch.where(replaced, X.gather(0, others), X)
