"""From the map of a stage to one feature vector per sample."""

import torch
from torch import nn

# Generalised-mean pooling takes powers: a positive floor keeps its gradient finite.
GEM_FLOOR = 1e-6
GEM_POWER = 3


def _average(maps, dims):
    return maps.mean(dims)


def _maximum(maps, dims):
    return maps.amax(dims)


def _generalized_mean(maps, dims):
    powers = maps.clamp(min=GEM_FLOOR).pow(GEM_POWER)
    return powers.mean(dims).pow(1 / GEM_POWER)


_PARTS = {
    "auto": (_average,),
    "avg": (_average,),
    "max": (_maximum,),
    "avgmax": (_average, _maximum),
    "gem": (_generalized_mean,),
}
POOLINGS = tuple(_PARTS)


class Pooling(nn.Module):
    """Pool feature maps (n, c, h, w), or tokens (n, 1 + positions, c), over positions.

    Vectors (n, c) pass through. Of tokens, the first is the class token: "auto"
    takes it alone, the other kinds leave it out.

    Parameters
    ----------
    kind : {"auto", "avg", "max", "avgmax", "gem"}, default="auto"
        "auto" is what the architecture does: the average, or the class token.
        "gem" is the generalised mean of power 3 [Radenovic et al., TPAMI 2019].
    norm : nn.Module, optional
        What the architecture applies after its pooling, on (n, c).
    """

    def __init__(self, kind="auto", norm=None):
        super().__init__()
        if kind not in _PARTS:
            raise ValueError(f"pooling={kind!r} is not one of {POOLINGS}.")
        self.kind = kind
        self.norm = norm

    @property
    def n_parts(self):
        """Number of vectors of `c` values that make up the features."""
        return len(_PARTS[self.kind])

    def forward(self, maps):
        """Return the features (n, c * n_parts) of the last stage."""
        if maps.ndim == 2 and self.kind == "auto" and self.norm is None:
            return maps
        if maps.ndim == 2 and self.kind != "auto":
            raise ValueError(
                f"pooling={self.kind!r}: this backbone returns vectors, which have no "
                "positions to pool over. Leave pooling='auto'."
            )
        parts = self._parts(maps)
        if self.norm is not None:
            parts = [self.norm(part) for part in parts]
        return torch.cat(parts, dim=1)

    def pool_stage(self, maps):
        """Return the features of a stage before the last, which has no norm."""
        return torch.cat(self._parts(maps), dim=1)

    def extra_repr(self):
        """Show the kind in the representation."""
        return repr(self.kind)

    def _parts(self, maps):
        if maps.ndim == 2:
            return [maps]
        if maps.ndim == 4:
            return [part(maps, (2, 3)) for part in _PARTS[self.kind]]
        if self.kind == "auto":
            return [maps[:, 0]]
        return [part(maps[:, 1:], 1) for part in _PARTS[self.kind]]
