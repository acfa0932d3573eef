"""Methods whose players take turns."""

import copy
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.nn import functional as F

from ._adversarial import Discriminator, discrimination
from ._base import AdaptationMethod, mean_of

_WEIGHT = Interval(Real, 0, None, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")


class MCD(AdaptationMethod):
    """Two classifiers that disagree on what lies outside of the source.

    A second head learns the source too. In turns, both heads learn to disagree on
    target rows, and the backbone learns features on which they cannot.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of the disagreement.
    n_steps : int, default=4
        Steps of the backbone for each batch; the paper takes 2 to 4.

    References
    ----------
    K. Saito, K. Watanabe, Y. Ushiku, T. Harada. Maximum classifier discrepancy for
    unsupervised domain adaptation. CVPR 2018.

    Examples
    --------
    >>> from sktransfer.adaptation import MCD
    >>> MCD(n_steps=2)
    MCD(n_steps=2)
    """

    composes = False

    _parameter_constraints = {"weight": [_WEIGHT], "n_steps": [_COUNT]}

    def __init__(self, weight=1.0, n_steps=4):
        self.weight = weight
        self.n_steps = n_steps

    def build(self, n_features, n_classes):
        """Return the second head."""
        return nn.Sequential(
            nn.Linear(n_features, n_features),
            nn.ReLU(),
            nn.Linear(n_features, n_classes),
        )

    def loss(self, batch, aux):
        """Return the mean absolute difference of the two heads' probabilities."""
        ours, other = batch.logits_t.softmax(1), aux(batch.features_t).softmax(1)
        return mean_of((ours - other).abs().mean(1), batch.weight_t)

    def step(self, game):
        """Learn the source; then disagree; then remove what there is to disagree on."""
        game.see()
        game.learn(game.task_loss() + game.task_loss(game.aux))
        seen = game.see(backbone_learns=False)
        task = game.task_loss() + game.task_loss(game.aux)
        disagreement = game.factor * self.loss(seen, game.aux)
        game.learn(task - disagreement, game.head, game.aux)
        for _ in range(self.n_steps):
            loss = self.loss(game.see(source=False), game.aux)
            game.learn(game.factor * loss, game.backbone)
        return loss


class WDGRL(AdaptationMethod):
    """Make the Wasserstein distance of the features small, as a critic measures it.

    Parameters
    ----------
    weight : float, default=0.1
        Factor of the distance.
    n_steps : int, default=5
        Steps of the critic for each batch.
    penalty : float, default=10.0
        Factor of the squared difference of the critic's slope from 1, taken at every
        row and at a point between it and the mean of the other domain.
    hidden : int, default=64
        Units of the critic's hidden layer.

    References
    ----------
    J. Shen, Y. Qu, W. Zhang, Y. Yu. Wasserstein distance guided representation
    learning for domain adaptation. AAAI 2018.

    Examples
    --------
    >>> from sktransfer.adaptation import WDGRL
    >>> WDGRL(n_steps=3)
    WDGRL(n_steps=3)
    """

    composes = False

    _parameter_constraints = {
        "weight": [_WEIGHT],
        "n_steps": [_COUNT],
        "penalty": [_WEIGHT],
        "hidden": [_COUNT],
    }

    def __init__(self, weight=0.1, n_steps=5, penalty=10.0, hidden=64):
        self.weight = weight
        self.n_steps = n_steps
        self.penalty = penalty
        self.hidden = hidden

    def build(self, n_features, n_classes):
        """Return the critic."""
        return nn.Sequential(
            nn.Linear(n_features, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 1)
        )

    def loss(self, batch, aux):
        """Return the critic's mean on the source less that on the target."""
        source = mean_of(aux(batch.features_s)[:, 0], batch.weight_s)
        return source - mean_of(aux(batch.features_t)[:, 0], batch.weight_t)

    def step(self, game):
        """Let the critic get better, then backbone and head."""
        seen = game.see(backbone_learns=False)
        for _ in range(self.n_steps):
            penalty = self.penalty * slope_penalty(seen, game.aux)
            game.learn(penalty - self.loss(seen, game.aux), game.aux)
        loss = self.loss(game.see(), game.aux)
        total = game.task_loss() + game.factor * loss
        game.learn(total, game.backbone, game.head)
        return loss


def slope_penalty(batch, critic):
    """Return the mean of ``(||gradient of the critic|| - 1)**2``."""
    source, target = batch.features_s.detach(), batch.features_t.detach()
    share = torch.rand((), dtype=source.dtype, device=source.device)
    total = 0.0
    for rows, weight, aim in (
        (source, batch.weight_s, mean_of(target, batch.weight_t)),
        (target, batch.weight_t, mean_of(source, batch.weight_s)),
    ):
        for points in (rows, torch.lerp(rows, aim.expand_as(rows), share)):
            total = total + mean_of((_slope(points, critic) - 1).square(), weight) / 4
    return total


def _slope(points, critic):
    """Return the norm of the critic's gradient at each of the points."""
    points = points.clone().requires_grad_(True)
    value = critic(points).sum()
    (gradient,) = torch.autograd.grad(value, points, create_graph=True)
    # the root of zero has no gradient
    return (gradient.square().sum(1) + 1e-12).sqrt()


class ADDA(AdaptationMethod):
    """Train a backbone for the target until a discriminator finds no difference.

    The net is trained on the source first. Its backbone then stays as it was for
    source rows; a copy learns to map target rows so that a discriminator takes them
    for source rows. The head is kept.

    Parameters
    ----------
    weight : float, default=0.1
        Factor of the backbone's loss.
    hidden : int, default=128
        Units of the discriminator's two hidden layers.

    References
    ----------
    E. Tzeng, J. Hoffman, K. Saenko, T. Darrell. Adversarial discriminative domain
    adaptation. CVPR 2017.

    Examples
    --------
    >>> from sktransfer.adaptation import ADDA
    >>> ADDA(hidden=64)
    ADDA(hidden=64)
    """

    composes = False
    source_first = True
    trains = "backbone"

    _parameter_constraints = {"weight": [_WEIGHT], "hidden": [_COUNT]}

    def __init__(self, weight=0.1, hidden=128):
        self.weight = weight
        self.hidden = hidden

    def build(self, n_features, n_classes):
        """Return the discriminator."""
        return Discriminator(n_features, (self.hidden, self.hidden))

    def begin_epoch(self, game):
        """Keep the backbone of the source, once."""
        if not hasattr(self, "source_backbone_"):
            self.source_backbone_ = copy.deepcopy(game.backbone).eval()

    def loss(self, batch, aux):
        """Return the loss of target features that should pass for source ones."""
        # -log D: it has a gradient where the discriminator is sure, log(1 - D) has not
        return mean_of(F.softplus(-aux(batch.features_t)), batch.weight_t)

    def step(self, game):
        """Let the discriminator learn, then the backbone of the target."""
        seen = game.see(source=False)
        features_s = game.source_features(self.source_backbone_)
        pair = seen._replace(
            features_s=features_s,
            weight_s=game.step.weight,
            features_t=seen.features_t.detach(),
        )
        features = torch.cat([pair.features_s, pair.features_t])
        game.learn(discrimination(features, pair, game.aux), game.aux)
        loss = self.loss(seen, game.aux)
        game.learn(game.factor * loss, game.backbone)
        return loss
