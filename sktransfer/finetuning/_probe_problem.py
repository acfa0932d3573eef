"""What the convex head minimises, for several weightings of the rows at once."""

import numpy as np
import torch

from ._losses import CrossEntropy, SquaredError

# Of a saturated row, so that the intercept has some curvature.
_LEAST_CURVATURE = 1e-6


class ProbeProblem:
    """Objectives of linear heads that share their rows but not the rows' weights.

    Each minimises ``||W||**2 / 2 + C * sum of weight * loss``, the form of
    scikit-learn's `LogisticRegression`; for two classes W is, as there, the difference
    of the weights of the two logits. Squared error makes it ridge regression with
    ``alpha = 1 / C``. Folds are such heads: a row that is held out has weight 0. One
    matrix product computes the outputs of all.

    Parameters
    ----------
    Z : ndarray (n, d)
        Standardised features; everything is computed in their precision.
    y : ndarray (n,) of int64 or (n, n_outputs) of float
    weight : ndarray (n_heads, n)
    loss : object with `loss(outputs, y, class_counts)`
    class_counts : ndarray (n_classes,) or None
    n_outputs : int
    """

    def __init__(self, Z, y, weight, loss, class_counts, n_outputs):
        n_heads, n_rows = weight.shape
        self.Z = torch.from_numpy(np.column_stack([Z, np.ones(n_rows, Z.dtype)]))
        self.weight = torch.from_numpy(weight).to(self.Z)
        self.y = torch.from_numpy(y)
        if class_counts is None:
            self.y = self.y.to(self.Z)
        else:
            class_counts = torch.from_numpy(class_counts)
        self.loss, self.class_counts = loss, class_counts
        self.shape = (n_heads, n_outputs, self.Z.shape[1])
        # At the optimum two logits are w / 2 and -w / 2: half the norm of w.
        self.penalty = self.Z.new_ones(self.shape[2])
        self.penalty *= 2 if class_counts is not None and n_outputs == 2 else 1
        self.penalty[-1] = 0  # the intercept
        # The task loss is a mean over the outputs, that of ridge half their sum.
        self.factor = n_outputs / 2 if isinstance(loss, SquaredError) else 1.0
        self._fused = type(loss) is CrossEntropy
        if self._fused:
            smoothing = loss.label_smoothing
            self.target = torch.nn.functional.one_hot(self.y, n_outputs).T.to(self.Z)
            self.target = self.target * (1 - smoothing) + smoothing / n_outputs

    def outputs(self, W):
        """Return the outputs (n_heads, n_outputs, n) of the weights `W`.

        `W` is (n_heads, n_outputs, d + 1), the intercept last. Rows are the last axis,
        so that a softmax over few classes fills the processor's vectors.
        """
        return (W.flatten(0, 1) @ self.Z.T).unflatten(0, W.shape[:2])

    def pull_back(self, slopes):
        """Return the gradient in the weights, given that in the outputs."""
        return (slopes.flatten(0, 1) @ self.Z).unflatten(0, slopes.shape[:2])

    def losses(self, outputs):
        """Return the loss of each row (n_heads, n) and its slopes in the outputs."""
        if self._fused:
            return self._cross_entropy(outputs)
        return self._by_autograd(outputs)

    @torch.enable_grad()
    def _by_autograd(self, outputs):
        outputs = outputs.detach().requires_grad_()
        rows = outputs.movedim(1, 2).flatten(0, 1)
        y = self.y.repeat(len(outputs), *[1] * (self.y.ndim - 1))
        losses = self.factor * self.loss.loss(rows, y, self.class_counts)
        (slopes,) = torch.autograd.grad(losses.sum(), outputs)
        return losses.detach().view(len(outputs), -1), slopes

    def _cross_entropy(self, outputs):
        log_p = outputs.log_softmax(1)
        losses = -(log_p * self.target).sum(1)
        # exp(-40) is nothing beside 1, and denormal numbers would be slow.
        return losses, log_p.clamp_(min=-40).exp_().sub_(self.target)

    def summed(self, losses, slopes):
        """Return the weighted sum of `losses` (n_heads,) and its slopes."""
        total = (losses * self.weight).sum(1, dtype=torch.float64)
        return total, slopes.mul_(self.weight[:, None])

    def preconditioner(self, C, outputs):
        """Return a function that multiplies with a rough inverse of the Hessian.

        It has one block for all outputs and heads: the Gram matrix of the rows, each
        with its mean curvature.
        """
        hessian = C * (self.Z.T * self._curvature(outputs)) @ self.Z
        hessian.diagonal().add_(self.penalty)
        jitter = torch.finfo(hessian.dtype).eps * hessian.trace()
        hessian.diagonal().add_(jitter)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian))
        return lambda gradient: gradient @ inverse

    def _curvature(self, outputs):
        """Return the mean second derivative (n,) of each row's weighted loss."""
        n_outputs = self.shape[1]
        if self.class_counts is None:
            return self.weight.mean(0) * self.factor * 2 / n_outputs
        p = outputs.softmax(1)
        # The softmax does not see what is common to all logits.
        curvature = (p - p.square()).sum(1) / max(n_outputs - 1, 1)
        return (curvature.clamp_min_(_LEAST_CURVATURE) * self.weight).mean(0)
