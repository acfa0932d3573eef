"""The one class every network is wrapped in."""

import copy
from numbers import Integral

import torch
from torch import nn

from ._image_size import resized_preprocessing
from ._pooling import Pooling


class Backbone(nn.Module):
    """A network from a batch of raw samples to features.

    A backbone is knowledge: it carries the preprocessing its weights were made with,
    scikit-learn's `clone` returns it as it is, and estimators train a copy of it.
    It comes out of its constructor in eval mode.

    Parameters
    ----------
    stages : sequence of nn.Module
        From input to output. Run one after the other, they map a preprocessed batch
        to feature maps (n, c, h, w), tokens (n, 1 + positions, c) whose first is the
        class token, or vectors (n, c). Freezing and layer-wise learning rates go by
        stage.
    name : str
        Of the architecture, as `load_backbone` knows it.
    width : int
        Number of channels `c` that the last stage returns.
    modality : {"image", "table", "text"}, default="image"
        What a sample is.
    preprocessing : ImagePreprocessing or nn.Module, optional
        From raw images, or by a module from a raw table, to what the first stage
        takes; None leaves the batch alone (estimators then bring images to 0-1). Of
        texts, what makes raw batches of them.
    pooling : {"auto", "avg", "max", "avgmax", "gem"}, default="auto"
        From the last maps to features: "auto" is what the architecture does (the
        average; the class token of a vision transformer), "avgmax" the average and
        the maximum side by side, "gem" the generalised mean of power 3 [1]_.
    norm : nn.Module, optional
        What the architecture applies to pooled features.
    n_inputs : int, optional
        Number of columns, of a network for tables.
    weights : str, default="random"
        Where the weights come from.
    pretrained : bool, default=False
        Whether the weights hold knowledge, that is, are not random.

    Attributes
    ----------
    stages : nn.ModuleList
    stage_names : tuple of str
        "stage0", "stage1", ...
    n_features : int
        Number of features per sample.

    See Also
    --------
    load_backbone : Make one by name.

    References
    ----------
    .. [1] F. Radenovic, G. Tolias, O. Chum. Fine-tuning CNN image retrieval with no
       human annotation. IEEE TPAMI, 2019.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sktransfer.backbones import Backbone
    >>> stages = [nn.Conv2d(3, 8, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(8, 16, 3))]
    >>> backbone = Backbone(stages, name="two-layers", width=16)
    >>> backbone
    Backbone('two-layers', weights='random', n_features=16)
    >>> backbone(torch.rand(2, 3, 12, 12)).shape
    torch.Size([2, 16])
    """

    # Convolutions are up to several times as fast with the channels last.
    memory_format = torch.channels_last

    def __init__(
        self,
        stages,
        *,
        name,
        width,
        modality="image",
        preprocessing=None,
        pooling="auto",
        norm=None,
        n_inputs=None,
        weights="random",
        pretrained=False,
    ):
        super().__init__()
        self.name = name
        self.modality = modality
        self.width = width
        self.preprocessing = preprocessing
        self.n_inputs = n_inputs
        self.weights = weights
        self.pretrained = pretrained
        self.stages = nn.ModuleList(stages)
        self.pooling = Pooling(pooling, norm)
        self.eval()

    @property
    def n_features(self):
        """Number of features per sample."""
        return self.width * self.pooling.n_parts

    @property
    def stage_names(self):
        """Names of the stages, from input to output."""
        return tuple(f"stage{i}" for i in range(len(self.stages)))

    def forward(self, x, prepared=False):
        """Return the features of a batch.

        Parameters
        ----------
        x : Tensor
            Images (n, c, h, w), uint8 0-255 or float 0-1, of 1, 3 or 4 channels and
            of any size; or a table (n, n_inputs).
        prepared : bool, default=False
            Whether `x` has been through `prepare` already.

        Returns
        -------
        Tensor of shape (n, n_features)
        """
        x = x if prepared else self.prepare(x)
        for stage in self.stages:
            x = stage(x)
        return self.pooling(x)

    def prepare(self, x):
        """Return a raw batch as the first stage takes it.

        Parameters
        ----------
        x : Tensor
            As for `forward`.

        Returns
        -------
        Tensor
            Images (n, c, h, w) of the right size, normalised; or a table (n, n_inputs)
            on the scale of the weights.
        """
        if self.preprocessing is None:
            return x
        if isinstance(self.preprocessing, nn.Module):
            return self.preprocessing(x)
        if not self.preprocessing.fits(x):
            x = self.preprocessing.views(x)[0]
        x = self.preprocessing.normalize(x)
        return x.contiguous(memory_format=self.memory_format)

    def feature_maps(self, x, prepared=False):
        """Return what every stage returns for the batch `x`, before any pooling.

        Parameters
        ----------
        x : Tensor
            As for `forward`.
        prepared : bool, default=False
            As for `forward`.

        Returns
        -------
        list of Tensor
            Maps (n, c, h, w), tokens (n, 1 + positions, c) or vectors (n, c).
        """
        return self._maps(x if prepared else self.prepare(x), len(self.stages))

    def forward_stages(self, x, layers, prepared=False):
        """Return the pooled features of some stages.

        Parameters
        ----------
        x : Tensor
            As for `forward`.
        layers : sequence of int or str
            Numbers (from 0; negative ones count from the last) or names of stages.
        prepared : bool, default=False
            As for `forward`.

        Returns
        -------
        list of Tensor of shape (n, n_features_of_the_stage)
            In the order of `layers`; of the last stage, what `forward` returns.
        """
        numbers = [self._stage_number(layer) for layer in layers]
        last = len(self.stages) - 1
        x = x if prepared else self.prepare(x)
        maps = self._maps(x, 1 + max(numbers, default=-1))
        return [
            self.pooling(maps[i]) if i == last else self.pooling.pool_stage(maps[i])
            for i in numbers
        ]

    def with_image_size(self, image_size):
        """Return a copy that is fed images of another size.

        Parameters
        ----------
        image_size : int, (int, int) or None
            Height and width of the crop, in pixels; None keeps them.

        Returns
        -------
        Backbone

        Raises
        ------
        ValueError
            If the architecture cannot take images of that size, as most vision
            transformers cannot.
        """
        return copy.deepcopy(self)._set_image_size(image_size)

    def with_pooling(self, pooling):
        """Return a copy that pools its last maps another way.

        Parameters
        ----------
        pooling : {"auto", "avg", "max", "avgmax", "gem"}

        Returns
        -------
        Backbone
        """
        return copy.deepcopy(self)._set_pooling(pooling)

    def __repr__(self):
        """Represent the backbone in one line."""
        return (
            f"{type(self).__name__}({self.name!r}, weights={self.weights!r}, "
            f"n_features={self.n_features})"
        )

    def __sklearn_clone__(self):
        """Return the backbone itself: it is knowledge, not a setting to reset."""
        return self

    def _maps(self, x, n_stages):
        maps = []
        for stage in self.stages[:n_stages]:
            x = stage(x)
            maps.append(x)
        return maps

    def _stage_number(self, layer):
        n_stages = len(self.stages)
        if layer in self.stage_names:
            return self.stage_names.index(layer)
        if isinstance(layer, Integral) and -n_stages <= layer < n_stages:
            return int(layer) % n_stages
        raise ValueError(
            f"layers: {layer!r} is no stage of {self.name!r}. Choose from its names "
            f"{list(self.stage_names)} or their numbers 0 to {n_stages - 1}."
        )

    def _set_pooling(self, pooling):
        self.pooling = Pooling(pooling, self.pooling.norm).train(self.training)
        return self

    def _set_image_size(self, image_size):
        if image_size is not None:
            self.preprocessing = resized_preprocessing(self, image_size)
        return self
