"""Autoencoders: plain and contractive."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn.attention import SDPBackend, sdpa_kernel

from ._base import Reconstruction, mean_squared_error

# Up to so many entries of a row, all columns of the Jacobian are computed.
_EXACT = 32


class Autoencoder(Reconstruction):
    """Give back the row, through features that have no room for all of it.

    ``mean((G(x) - x)²)`` over rows and entries, G the backbone and a decoder. Where
    there are more features than columns, G may learn to be the identity: prefer
    `Denoising` there.

    References
    ----------
    G. E. Hinton, R. R. Salakhutdinov. Reducing the dimensionality of data with neural
    networks. Science, 2006.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.pretraining import Autoencoder
    >>> Autoencoder().loss(lambda x: x + 0.5, torch.zeros(3, 2))
    tensor(0.2500)
    """

    label = "autoencoder"

    def loss(self, g, x):
        """Return the mean squared error."""
        return mean_squared_error(g(x), x)


class Contractive(Reconstruction):
    """Give back the row by a map that changes little when the row does.

    ``(‖G(x) - x‖² + weight · ‖∇G(x)‖²) / d``, the mean over the rows, where d is the
    number of entries of a row and ‖∇G‖ the Frobenius norm of the Jacobian of the
    whole map, backbone and decoder. [1]_ penalises the Jacobian of the encoder
    alone, which a decoder of large weights can undo; that of the whole map cannot be
    undone, and its minimum is that of a denoising autoencoder with Gaussian noise of
    variance `weight`, as far as that is small [2]_.

    Parameters
    ----------
    weight : float, default=0.1
        Of the penalty: the variance of the noise it stands for, columns having
        variance one.
    n_projections : int or "auto", default="auto"
        Number of random directions v per row, of signs ±1, from which the penalty is
        estimated as the mean of ``‖vᵀ∇G‖²`` [3]_: unbiased, each at the cost of
        another backward pass. "auto": all entries in turn, which is exact, for rows of
        at most 32 entries; else one direction.

    Notes
    -----
    Rows are told apart by summing their outputs before the derivative is taken. In
    training, batch norm lets the output of a row depend on other rows; this is
    counted into the penalty.

    References
    ----------
    .. [1] S. Rifai, P. Vincent, X. Muller, X. Glorot, Y. Bengio. Contractive
       auto-encoders: Explicit invariance during feature extraction. ICML 2011.
    .. [2] G. Alain, Y. Bengio. What regularized auto-encoders learn from the
       data-generating distribution. JMLR, 2014.
    .. [3] M. F. Hutchinson. A stochastic estimator of the trace of the influence
       matrix for Laplacian smoothing splines. Communications in Statistics, 1989.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.pretraining import Contractive
    >>> Contractive(weight=0.1).loss(lambda x: 2 * x, torch.zeros(3, 5)).item()
    0.4...
    """

    label = "contractive autoencoder"
    differentiates = True

    _parameter_constraints = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "n_projections": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
    }

    def __init__(self, weight=0.1, n_projections="auto"):
        self.weight = weight
        self.n_projections = n_projections

    def loss(self, g, x):
        """Return the reconstruction error and the weighted penalty."""
        learning = torch.is_grad_enabled()
        # Other kernels of attention have no second derivative.
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            x = x.detach().requires_grad_()
            output = g(x)
            penalty = self._squared_norms(output, x, learning).mean() / x[0].numel()
        loss = mean_squared_error(output, x) + self.weight * penalty
        return loss if learning else loss.detach()

    def _squared_norms(self, output, x, learning):
        """Return ‖∇G‖² of each row, (n,), or an estimate of it."""
        exact = self.n_projections == "auto" and output[0].numel() <= _EXACT
        directions = _entries(output) if exact else self._signs(output)
        (gradients,) = torch.autograd.grad(
            output, x, directions, create_graph=learning, is_grads_batched=True
        )
        squares = gradients.flatten(2).square().sum(2)
        return squares.sum(0) if exact else squares.mean(0)

    def _signs(self, output):
        """Return random vectors of ±1, (n_projections, *shape of output)."""
        number = 1 if self.n_projections == "auto" else self.n_projections
        return torch.randint(2, (number, *output.shape)).to(output) * 2 - 1


def _entries(output):
    """Return the unit vectors of all entries of a row, (d, *shape of output)."""
    n, d = output.flatten(1).shape
    unit = torch.eye(d, dtype=output.dtype, device=output.device)
    return unit[:, None].expand(d, n, d).reshape(d, *output.shape)
