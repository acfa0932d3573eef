"""What all estimators on a backbone share: reading inputs, computing features."""

import copy
import warnings
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from .._utils.fitting import restores_on_failure as restores_on_failure
from ..exceptions import TruncatedTextWarning
from ._checks import check_finite, check_image_parameters_unused

# A net on a table is so small that a second thread costs more than it brings.
_TABLE_THREADS = 1
# Nor does it pay to copy many small weights with several.
_COPYING_THREADS = 1
_TABLE_BATCH = 4096
_FLOATS = (np.float64, np.float32)


class BackboneEstimator(BaseEstimator):
    """Reads any kind of input for a backbone and computes its features."""

    def features(self, X):
        """Compute what the backbone returns for `X`.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Of float64 if fitted on a float64 table (MPS has none), else of float32.
        """
        check_is_fitted(self)
        return self._fitted_features(self._read(X, reset=False))

    def __getstate__(self):
        """Put backbones on the CPU: a pickle opens where there is no accelerator."""
        state = dict(super().__getstate__())
        for name in ("backbone", "backbone_"):
            if _is_elsewhere(state.get(name)):
                state[name] = copy.deepcopy(state[name]).cpu()
        return state

    def _fitted_cache(self):
        """Return the cache for features of the fitted backbone, if it stays frozen."""

    def _fitted_features(self, inputs, **options):
        warn_if_truncated(inputs, self.backbone_)
        cache = self._fitted_cache()
        return self._features(self.backbone_, inputs, cache=cache, **options)

    def _features(self, backbone, inputs, layers=None, cache=None, as_loaded=False):
        from .._inference import cached_features
        from .._utils.device import resolve_device

        table = inputs.kind == "table"
        features = cached_features(
            backbone,
            inputs,
            cache,
            batch_size=_TABLE_BATCH if table else self.batch_size,
            device=resolve_device(self.device),
            precision=self.precision,
            n_views=1 if table else self.n_views,
            layers=layers,
            num_workers=self.num_workers,
            compile=self.compile,
            as_loaded=as_loaded,
        )
        check_finite(features, backbone)
        return features

    def _read(self, X, reset):
        """Return `X` as the inputs object of its kind; columns go through sklearn."""
        from .._inputs import Table, kind_of, read_images, read_texts

        if X is None:
            raise ValueError("X is None: pass a table, images, paths or texts.")
        flat = self.input_shape is not None and _has_columns(X)
        if flat:
            X = validate_data(self, X, reset=reset, dtype="numeric", order="C")
        modality = self._modality() if reset else self._input_modality
        kind = kind_of(X, self.input_shape, modality)
        self._input_modality = kind if kind in ("table", "text") else "image"
        if self._input_modality != "image":
            check_image_parameters_unused(self, kind)
        if kind == "table":
            return Table(self._validated_table(X, reset))
        if reset and not flat:
            self._forget_columns()
        if kind == "text":
            return read_texts(X)
        inputs = read_images(X, self.input_shape)
        self._check_channels(inputs.channels, reset)
        return inputs

    def _validated_table(self, X, reset):
        """Return `X` as an array, after the fit in the precision of the fit."""
        from .._utils.device import resolve_device

        if not reset:
            floats = self._table_dtype
        elif resolve_device(self.device).type == "mps":
            floats = np.float32
        else:
            floats = _FLOATS
        table = validate_data(self, X, reset=reset, dtype=floats, order="C")
        self._table_dtype = table.dtype
        return table

    def _modality(self):
        """Return the kind of input the backbone is for; None if it goes by `X`."""
        from ..backbones._files import is_backbone_file
        from ..backbones._load import check_known, modality_of

        backbone = self.backbone
        if not isinstance(backbone, str):
            return getattr(backbone, "modality", None)
        if backbone == "auto" or is_backbone_file(backbone):
            return None
        check_known(backbone)
        return modality_of(backbone)

    def _new_backbone(self, inputs, weight=None, pooling="auto", backbone=None):
        """Return a copy of `backbone`, or of the one that the parameters ask for."""
        from .._utils.device import threads
        from ..backbones._resolve import as_backbone
        from ..backbones._tables import fit_statistics

        table = inputs.kind == "table"
        given = self.backbone if backbone is None else backbone
        sample = _sample(inputs, given)
        with threads(_COPYING_THREADS):
            backbone = as_backbone(
                given,
                weights=self.weights,
                kind=inputs.kind,
                sample=sample,
                image_size=self.image_size,
                pooling=pooling,
                dtype=sample.dtype if table else None,
            )
        if table and not backbone.pretrained:
            fit_statistics(backbone, inputs.tensor(), weight)
        return backbone

    def _check_channels(self, channels, reset):
        if reset:
            self._channels = channels
        elif channels != self._channels:
            raise ValueError(
                f"X holds images of {channels} channels, but {type(self).__name__} was "
                f"fitted on images of {self._channels}. Convert them as for fit: "
                "np.repeat(X[..., None], 3, axis=-1) makes grey images (n, h, w) RGB, "
                "X[..., :3] drops alpha (channels last), X[None] is a single image."
            )

    def _forget_columns(self):
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self._takes_two_dimensions()
        if _is_of_texts(self.backbone):
            tags.input_tags.string = tags.input_tags.one_d_array = True
        return tags

    def _takes_two_dimensions(self):
        if self.input_shape is not None:
            return True
        if isinstance(self.backbone, str):
            return self.backbone in ("auto", "mlp")
        return getattr(self.backbone, "modality", "table") == "table"


def _is_of_texts(backbone):
    if not isinstance(backbone, str):
        return getattr(backbone, "modality", None) == "text"
    from ..backbones._sources import is_sourced

    return is_sourced(backbone)


def _sample(inputs, backbone):
    """Return a raw batch of the first row, or None if nothing depends on it."""
    if inputs.kind == "table":
        return inputs.take(slice(0, 1)).tensor()
    # an image may have to be read from a file and decoded
    is_needed = inputs.kind != "text" and not isinstance(backbone, (str, Path))
    return inputs.sample(0)[None] if is_needed else None


def warn_if_truncated(inputs, backbone):
    """Warn once of texts whose ends the backbone does not read."""
    if inputs.kind != "text":
        return
    n_cut = backbone.preprocessing.count_truncated(inputs.texts)
    if n_cut:
        warnings.warn(
            f"{n_cut} of {len(inputs)} texts are longer than the "
            f"{backbone.preprocessing.max_length} tokens that {backbone.name!r} reads: "
            "the rest of them is left out. If it matters, split them into rows.",
            TruncatedTextWarning,
            stacklevel=5,
        )


def _is_elsewhere(backbone):
    """Whether `backbone` is a module on an accelerator."""
    parameters = getattr(backbone, "parameters", tuple)()
    return any(parameter.device.type != "cpu" for parameter in parameters)


def _has_columns(X):
    """Whether `X` is for scikit-learn to validate: no paths, no array of images."""
    from .._inputs.kinds import column_of

    return getattr(X, "ndim", 2) <= 2 and column_of(X) is None


@contextmanager
def reproducible(estimator, kind):
    """Seed inside the block; yield the seed. Random state and threads are restored."""
    from .._utils.device import resolve_device, threads
    from .._utils.seeds import draw_seed, isolated_rng

    seed = draw_seed(estimator.random_state)
    few = threads(_TABLE_THREADS) if kind == "table" else nullcontext()
    with isolated_rng(seed, resolve_device(estimator.device)), few:
        yield seed
