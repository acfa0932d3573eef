"""The backbone of texts."""

from ._backbone import Backbone
from ._token_pooling import TokenPooling


class TextBackbone(Backbone):
    """An encoder of texts and the pooling of its tokens.

    The raw batch is what the preprocessing makes of texts: a tensor whose second axis
    is the tokens. The maps of a stage are its pooled vectors (n, c), which padding does
    not change.

    Parameters
    ----------
    encoder : nn.Module
        From a raw batch to states (n, positions, c) and a mask (n, positions) of the
        tokens. It has the attributes `stages`, a tuple of the modules that it runs
        from input to output, and `width`, that is c; its method ``every(batch)``
        returns a list of the states after each stage, and the mask.
    preprocessing : object
        With ``batch(texts)``, a raw batch on the CPU, and ``count_truncated(texts)``.
    name : str
        As `load_backbone` knows it.
    own_pooling : {"avg", "cls", "max"}, default="avg"
        What pooling="auto" does.
    normalize : bool, default=False
        Whether features are scaled to length 1.
    weights : str, default="random"
    pretrained : bool, default=False
    """

    def __init__(
        self,
        encoder,
        preprocessing,
        *,
        name,
        own_pooling="avg",
        normalize=False,
        weights="random",
        pretrained=False,
    ):
        super().__init__(
            (),
            name=name,
            width=encoder.width,
            modality="text",
            preprocessing=preprocessing,
            weights=weights,
            pretrained=pretrained,
        )
        del self.stages
        self.encoder = encoder  # owns the parameters; its stages say which are where
        self.stages = encoder.stages
        self.pooling = TokenPooling("auto", own_pooling, normalize)
        self.eval()

    def forward(self, x, prepared=False):
        """Return the features (n, n_features) of a raw batch."""
        return self.pooling(self.pooling.pool_tokens(*self.encoder(x)))

    def prepare(self, x):
        """Return a raw batch as it is: texts were prepared when it was made."""
        return x

    def _maps(self, x, n_stages):
        states, mask = self.encoder.every(x)
        return [self.pooling.pool_tokens(s, mask) for s in states[:n_stages]]

    def _set_pooling(self, pooling):
        self.pooling = self.pooling.of_kind(pooling).train(self.training)
        return self
