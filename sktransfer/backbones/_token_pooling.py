"""From the states of the tokens of a text to one feature vector."""

import torch
from torch.nn import functional as F

from ._pooling import GEM_FLOOR, GEM_POWER, Pooling


class TokenPooling(Pooling):
    """Pool the states of tokens over those that a text has.

    Parameters
    ----------
    kind : {"auto", "avg", "max", "avgmax", "gem"}, default="auto"
        "auto" is `own`.
    own : {"avg", "cls", "max"}, default="avg"
        What the encoder was trained with; "cls" takes the first token alone.
    normalize : bool, default=False
        Whether features are scaled to length 1, as the encoder was trained with.
    """

    def __init__(self, kind="auto", own="avg", normalize=False):
        super().__init__(kind)
        self.own = own
        self.normalize = normalize

    def of_kind(self, kind):
        """Return the pooling of another kind for the same encoder."""
        return TokenPooling(kind, self.own, self.normalize)

    def pool_tokens(self, states, mask):
        """Return vectors (n, c * n_parts) of `states` (n, positions, c).

        `mask` (n, positions) says which of them are tokens. A text without any gets
        zeros.
        """
        kind = self.own if self.kind == "auto" else self.kind
        if kind == "cls":
            return states[:, 0]
        mask = mask.unsqueeze(-1)
        return torch.cat([part(states, mask) for part in _PARTS[kind]], dim=1)

    def forward(self, vectors):
        """Return the features of pooled `vectors` of the last stage."""
        return F.normalize(vectors) if self.normalize else vectors

    def pool_stage(self, vectors):
        """Return pooled `vectors` of another stage as they are."""
        return vectors


def _average(states, mask):
    n_tokens = mask.sum(1).clamp(min=1)
    return states.masked_fill(~mask, 0).sum(1) / n_tokens


def _maximum(states, mask):
    largest = states.masked_fill(~mask, -torch.inf).amax(1)
    return largest.masked_fill(~mask.any(1), 0)


def _generalized_mean(states, mask):
    powers = states.clamp(min=GEM_FLOOR).pow(GEM_POWER)
    mean = _average(powers, mask).clamp(min=GEM_FLOOR**GEM_POWER)
    return mean.pow(1 / GEM_POWER)


_PARTS = {
    "avg": (_average,),
    "max": (_maximum,),
    "avgmax": (_average, _maximum),
    "gem": (_generalized_mean,),
}
