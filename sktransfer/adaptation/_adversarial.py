"""Adversarial methods: features that a second net cannot tell domains apart by."""

from functools import lru_cache
from itertools import pairwise
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.nn import functional as F

from ._base import AdaptationMethod, mean_of, scale_gradient, shares

_WEIGHT = Interval(Real, 0, None, closed="left")
# CDAN takes all products of a feature and a probability up to so many (as the paper
# does), and so many random mixtures where there are more (as the authors' code does).
_MAX_PRODUCTS = 4096
_N_MIXTURES = 1024


class DANN(AdaptationMethod):
    """Domain-adversarial training: features that do not show their domain.

    A discriminator learns to tell source from target features; the gradient it sends
    back is reversed, so that the backbone learns the opposite. The loss is the binary
    cross-entropy of the discriminator, both domains counting by half.

    Parameters
    ----------
    weight : float, default=0.3
        Strength of the reversed gradient. A third of the paper's 1 was steadier on
        small nets; the discriminator learns at full strength whatever it is.
    hidden : tuple of int, default=(128, 128)
        Sizes of the discriminator's hidden layers.

    References
    ----------
    Y. Ganin, E. Ustinova, H. Ajakan, P. Germain, H. Larochelle, F. Laviolette,
    M. Marchand, V. Lempitsky. Domain-adversarial training of neural networks. JMLR,
    2016.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import DANN, DomainBatch
    >>> method = DANN()
    >>> discriminator = method.build(n_features=8, n_classes=3)
    >>> batch = DomainBatch(features_s=torch.ones(4, 8), features_t=torch.ones(4, 8))
    >>> loss = method.loss(batch, discriminator)
    >>> discriminator.domain_accuracy  # the same features in both: chance
    tensor(0.5000)
    """

    needs_logits = False

    _parameter_constraints = {"weight": [_WEIGHT], "hidden": [tuple, list]}

    def __init__(self, weight=0.3, hidden=(128, 128)):
        self.weight = weight
        self.hidden = hidden

    def build(self, n_features, n_classes):
        """Return a discriminator of features."""
        return Discriminator(n_features, self.hidden)

    def loss(self, batch, aux):
        """Return the cross-entropy of the discriminator, its gradient reversed."""
        features = torch.cat([batch.features_s, batch.features_t])
        return discrimination(reverse_gradient(features), batch, aux)


class CDAN(AdaptationMethod):
    """Conditional domain-adversarial training: DANN, class by class.

    The discriminator sees the products of every feature with every predicted
    probability, beyond 4096 of them 1024 random mixtures. No gradient flows through
    the probabilities.

    Parameters
    ----------
    weight : float, default=0.3
        Strength of the reversed gradient. A third of the paper's 1 was steadier on
        small nets; the discriminator learns at full strength whatever it is.
    entropy : bool, default=True
        Whether rows count by ``1 + exp(-entropy)`` of their prediction, which the
        paper calls CDAN+E: domains are matched where predictions are certain.
    hidden : tuple of int, default=(128, 128)
        Sizes of the discriminator's hidden layers.

    References
    ----------
    M. Long, Z. Cao, J. Wang, M. I. Jordan. Conditional adversarial domain adaptation.
    NeurIPS 2018.

    Examples
    --------
    >>> from sktransfer.adaptation import CDAN
    >>> CDAN().build(n_features=64, n_classes=10)[0].in_features
    640
    >>> CDAN().build(n_features=512, n_classes=10)[0].in_features
    1024
    """

    _parameter_constraints = {
        "weight": [_WEIGHT],
        "entropy": ["boolean"],
        "hidden": [tuple, list],
    }

    def __init__(self, weight=0.3, entropy=True, hidden=(128, 128)):
        self.weight = weight
        self.entropy = entropy
        self.hidden = hidden

    def build(self, n_features, n_classes):
        """Return a discriminator of features and predictions."""
        return ConditionalDiscriminator(n_features, n_classes, self.hidden)

    def loss(self, batch, aux):
        """Return the cross-entropy of the discriminator, its gradient reversed."""
        features = torch.cat([batch.features_s, batch.features_t])
        p = torch.cat([batch.logits_s, batch.logits_t]).detach().softmax(1)
        logits = aux(reverse_gradient(features), p)
        p_s, p_t = p.split(_sizes(batch))
        share_s = self._shares(p_s, batch.weight_s)
        share_t = self._shares(p_t, batch.weight_t)
        return _domain_loss(aux, logits, *_halves(share_s, share_t))

    def _shares(self, p, weight):
        share = shares(p, weight)
        if not self.entropy:
            return share
        share = share * (1 + torch.exp(-torch.special.entr(p).sum(1)))
        return share / share.sum()


class MDD(AdaptationMethod):
    """Margin disparity discrepancy: no second classifier should differ on the target.

    A second classifier learns to agree with the predicted classes on source rows and
    to disagree on target rows; the gradient it sends back to the features is reversed.
    The loss is ``margin * CE(source) - log(1 - p(target))``, where `p` is the
    probability that the second classifier gives to the class predicted by the first.

    Parameters
    ----------
    weight : float, default=0.1
        Strength of the reversed gradient. With 0.3 small nets fell behind training on
        the source alone; the second classifier learns at full strength whatever it is.
    margin : float, default=4.0
        Factor of the source term, the exponential of the margin; the value of the
        paper.
    hidden : tuple of int, default=(128,)
        Sizes of the second classifier's hidden layers.

    References
    ----------
    Y. Zhang, T. Liu, M. Long, M. I. Jordan. Bridging theory and algorithm for domain
    adaptation. ICML 2019.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import MDD, DomainBatch
    >>> method = MDD()
    >>> classifier = method.build(n_features=8, n_classes=3)
    >>> batch = DomainBatch(
    ...     features_s=torch.ones(4, 8),
    ...     logits_s=torch.eye(4, 3),
    ...     features_t=torch.ones(4, 8),
    ...     logits_t=torch.eye(4, 3),
    ... )
    >>> method.loss(batch, classifier).shape
    torch.Size([])
    """

    _parameter_constraints = {
        "weight": [_WEIGHT],
        "margin": [Interval(Real, 0, None, closed="neither")],
        "hidden": [tuple, list],
    }

    def __init__(self, weight=0.1, margin=4.0, hidden=(128,)):
        self.weight = weight
        self.margin = margin
        self.hidden = hidden

    def build(self, n_features, n_classes):
        """Return the second classifier."""
        return nn.Sequential(*_layers(n_features, self.hidden, n_classes))

    def loss(self, batch, aux):
        """Return the disparity of the two classifiers, its gradient reversed."""
        features = torch.cat([batch.features_s, batch.features_t])
        second_s, second_t = aux(reverse_gradient(features)).split(_sizes(batch))
        agreement = F.cross_entropy(
            second_s, batch.logits_s.argmax(1), reduction="none"
        )
        disagreement = _log_of_others(second_t, batch.logits_t.argmax(1))
        source = self.margin * mean_of(agreement, batch.weight_s)
        return source - mean_of(disagreement, batch.weight_t)


class Discriminator(nn.Sequential):
    """Hidden layers with ReLU, then one logit, positive for source rows.

    Attributes
    ----------
    domain_accuracy : Tensor ()
        Balanced accuracy on the batch of the last loss.
    """

    domain_accuracy = None

    def __init__(self, n_inputs, hidden):
        super().__init__(*_layers(n_inputs, hidden, 1))

    def forward(self, inputs):
        """Return the logit of each row, (n,)."""
        return super().forward(inputs).squeeze(1)


class ConditionalDiscriminator(Discriminator):
    """A discriminator of the products of features and probabilities.

    Where the products are too many, it takes random mixtures of them whose inner
    products have the same expectation.
    """

    def __init__(self, n_features, n_classes, hidden):
        n_products = n_features * n_classes
        mixes = n_products > _MAX_PRODUCTS
        super().__init__(_N_MIXTURES if mixes else n_products, hidden)
        of_features = torch.randn(n_features, _N_MIXTURES) if mixes else None
        of_classes = torch.randn(n_classes, _N_MIXTURES) if mixes else None
        self.register_buffer("mix_of_features", of_features)
        self.register_buffer("mix_of_classes", of_classes)

    def forward(self, features, p):
        """Return the logit of each row of features and probabilities, (n,)."""
        return super().forward(self.products(features, p))

    def products(self, features, p):
        """Return the products of features and probabilities, or their mixtures."""
        if self.mix_of_features is None:
            return (features[:, :, None] * p[:, None]).flatten(1)
        mixed = (features @ self.mix_of_features) * (p @ self.mix_of_classes)
        return mixed / _N_MIXTURES**0.5


def reverse_gradient(x):
    """Return `x`, through which gradients come back with the opposite sign."""
    return scale_gradient(x, -1.0)


def discrimination(features, batch, discriminator):
    """Return the loss of a discriminator that tells the domains of features apart.

    It is the binary cross-entropy, both domains counting by half. `features` are those
    of all rows of `batch`. The balanced accuracy is kept in
    ``discriminator.domain_accuracy``.
    """
    if batch.weight_s is None and batch.weight_t is None:
        halves = _halves_of_equals(*_sizes(batch), features.dtype, features.device)
    else:
        share_s = shares(batch.features_s, batch.weight_s)
        halves = _halves(share_s, shares(batch.features_t, batch.weight_t))
    return _domain_loss(discriminator, discriminator(features), *halves)


@lru_cache(8)
@torch.inference_mode(False)
def _halves_of_equals(n_s, n_t, dtype, device):
    """Return what `_halves` does for rows that count alike."""
    options = {"dtype": dtype, "device": device}
    return _halves(*(torch.full((n,), 1 / n, **options) for n in (n_s, n_t)))


def _halves(share_s, share_t):
    """Return domains (1: source) and shares of all rows, both domains one half."""
    domain = torch.cat([torch.ones_like(share_s), torch.zeros_like(share_t)])
    return domain, torch.cat([share_s, share_t]) / 2


def _domain_loss(discriminator, logits, domain, share):
    right = (logits.detach() > 0) == domain.bool()
    discriminator.domain_accuracy = share @ right.to(share.dtype)
    return F.binary_cross_entropy_with_logits(logits, domain, share, reduction="sum")


def _layers(n_inputs, hidden, n_outputs):
    """Return the layers of a net with hidden layers of the sizes in `hidden`."""
    if not all(isinstance(size, Integral) and size > 0 for size in hidden):
        raise ValueError(
            f"hidden={hidden!r} must be a tuple of positive integers, the sizes of "
            "hidden layers, such as (128, 128)."
        )
    sizes = [n_inputs, *hidden]
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return [*layers, nn.Linear(sizes[-1], n_outputs)]


def _log_of_others(logits, label):
    """Return the log of the probability of all classes but `label`, exact near zero."""
    others = logits.scatter(1, label[:, None], -torch.inf)
    return others.logsumexp(1) - logits.logsumexp(1)


def _sizes(batch):
    return [len(batch.features_s), len(batch.features_t)]
