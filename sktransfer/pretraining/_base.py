"""What every self-supervised objective is."""

import torch
from sklearn.base import BaseEstimator

from ._heads import decoder


class PretrainingObjective(BaseEstimator):
    """Base of the objectives: what a backbone is trained for where there is no label.

    An objective builds the head that learns along and says what is minimised. A
    backbone and a decoder map a row to itself; a backbone and a projector map it to
    where views are compared.

    Examples
    --------
    An autoencoder that forgives outliers:

    >>> from sktransfer.pretraining import Autoencoder, PretrainingObjective
    >>> class Robust(Autoencoder):
    ...     def loss(self, g, x):
    ...         return (g(x) - x).abs().mean()
    >>> isinstance(Robust(), PretrainingObjective)
    True
    """

    #: What the weights of a backbone so trained are called.
    label = "self-supervised"
    #: Whether the head is a decoder, from features back to a prepared row.
    decodes = False
    #: Number of randomly changed views of each row that `loss` gets; 1: the row itself.
    n_views = 1
    #: Standard deviation of the noise that makes views of a table, in units of the
    #: standard deviation of each column.
    noise = 0.3
    #: Whether a batch needs two rows, since rows are compared.
    compares_rows = False
    #: Whether `loss` differentiates the backbone, which a compiled one does not allow.
    differentiates = False

    def build(self, n_features, shape):
        """Return the head that learns along.

        Parameters
        ----------
        n_features : int
            Of the backbone.
        shape : tuple of int
            Of a prepared row: (n_columns,) or (c, h, w).

        Returns
        -------
        nn.Module
        """
        raise NotImplementedError(f"{type(self).__name__} does not define build.")

    def loss(self, g, *views):
        """Return what is minimised, the mean over the rows.

        Parameters
        ----------
        g : callable
            The backbone and the head, from prepared rows to the outputs of the head.
        *views : Tensor (n, n_columns) or (n, c, h, w)
            `n_views` of them, prepared as the backbone wants them.

        Returns
        -------
        Tensor of shape ()
        """
        raise NotImplementedError(f"{type(self).__name__} does not define loss.")


class Reconstruction(PretrainingObjective):
    """Base of the objectives that give back the row itself."""

    decodes = True

    def build(self, n_features, shape):
        """Return a decoder: linear for a table, convolutions for images."""
        return decoder(n_features, shape)

    def decode(self, output):
        """Return the prepared rows in the outputs of the decoder."""
        return output


def mean_squared_error(output, x):
    """Return the squared error, averaged over rows and entries."""
    return (output - x).square().mean()


def swapped(X, probability):
    """Return `X` with entries, or pixels, of other rows in some places."""
    n, *places = X.shape
    if len(places) > 1:
        places[0] = 1  # all channels of a pixel
    others = torch.randint(n, (n, *places), device=X.device).expand_as(X)
    replaced = torch.rand((n, *places), device=X.device) < probability
    return torch.where(replaced, X.gather(0, others), X)
