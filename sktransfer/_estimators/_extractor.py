"""The feature extractor."""

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import StrOptions

from ._base import BackboneEstimator, reproducible, restores_on_failure
from ._parameters import BACKBONE_CONSTRAINTS, CACHE_CONSTRAINT, with_shared_parameters

_POOLINGS = {"auto", "avg", "max", "avgmax", "gem"}


@with_shared_parameters
class PretrainedFeatureExtractor(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BackboneEstimator
):
    """Turn tables, images or texts into the features of a pretrained backbone.

    The backbone is not trained, with one exception: on a table without a backbone
    given, `fit` trains one on that table without labels, as a denoising
    autoencoder [1]_.

    Parameters
    ----------
    {backbone}
    layers : list of int or str, or None, default=None
        Stages of the backbone whose features are concatenated, by number (negative
        ones count from the last) or name. None: the last stage.
    pooling : {"auto", "avg", "max", "avgmax", "gem"}, default="auto"
        How feature maps become vectors. "auto": as the architecture does. "gem":
        generalised mean with exponent 3.
    {images}
    {n_views}
    {cache}
    batch_size : int, default=64
        Rows that are computed at once.
    {machine}
    {backbone_end}

    Attributes
    ----------
    backbone_ : Backbone
        The backbone; other estimators take it as `backbone`.
    weights_ : str
        What the weights of the backbone are.
    n_features_in_ : int
        Number of columns, for tables only.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    FineTuneClassifier : Features and a classifier, trained together.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol. Extracting and
       composing robust features with denoising autoencoders. ICML 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sktransfer import PretrainedFeatureExtractor
    >>> X, y = load_digits(return_X_y=True)
    >>> extractor = PretrainedFeatureExtractor(random_state=0)
    >>> extractor.fit_transform(X[:200]).shape
    (200, 64)
    """

    _parameter_constraints = {
        **BACKBONE_CONSTRAINTS,
        "cache": CACHE_CONSTRAINT,
        "layers": [list, tuple, None],
        "pooling": [StrOptions(_POOLINGS)],
    }

    def __init__(
        self,
        backbone="auto",
        *,
        weights="auto",
        layers=None,
        pooling="auto",
        image_size=None,
        input_shape=None,
        n_views=1,
        cache=None,
        batch_size=64,
        precision="auto",
        compile=False,
        device="auto",
        num_workers=None,
        random_state=None,
        verbose=0,
    ):
        self.backbone = backbone
        self.weights = weights
        self.layers = layers
        self.pooling = pooling
        self.image_size = image_size
        self.input_shape = input_shape
        self.n_views = n_views
        self.cache = cache
        self.batch_size = batch_size
        self.precision = precision
        self.compile = compile
        self.device = device
        self.num_workers = num_workers
        self.random_state = random_state
        self.verbose = verbose

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Load the backbone, or train one if `X` is a table and none is given.

        Parameters
        ----------
        X : table, images or paths
            A numeric array or DataFrame (n_samples, n_columns), images (n_samples,
            height, width, channels), channels first or without channels, a list of
            file names or PIL images, or, for a backbone of texts, of texts.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted extractor.
        """
        self._fit(X)
        return self

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Load the backbone, or train one, and compute the features.

        The same as `fit`, then `transform`, but `X` is read once.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        y : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out) and dtype float32
            The features of each row.
        """
        inputs = self._fit(X)
        # the statistics of a table, or all that it taught, are in the network
        as_loaded = inputs.kind != "table"
        features = self._fitted_features(inputs, as_loaded=as_loaded)
        return features.astype("float32", copy=False)

    def _fit(self, X):
        """Make the backbone; return `X` as inputs."""
        if self.layers is not None and len(self.layers) == 0:
            raise ValueError(
                f"layers={self.layers!r} names no stage. Use None for the last one."
            )
        inputs = self._read(X, reset=True)
        with reproducible(self, inputs.kind) as seed:
            backbone = self._new_backbone(inputs, pooling=self.pooling)
            if inputs.kind == "table" and self._none_given():
                self._pretrain(backbone, inputs, seed)
            self._n_features_out = self._count_features(backbone, inputs)
        self.backbone_ = backbone
        return inputs

    def transform(self, X):
        """Compute the features.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out) and dtype float32
            The features of each row.
        """
        return self.features(X).astype("float32", copy=False)

    @property
    def weights_(self):
        """What the weights of the backbone are."""
        if "backbone_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} is not fitted yet.")
        return self.backbone_.weights

    def _fitted_cache(self):
        return self.cache

    def _features(self, backbone, inputs, **options):
        return super()._features(backbone, inputs, layers=self.layers, **options)

    def _count_features(self, backbone, inputs):
        if self.layers is None:
            return backbone.n_features
        first = inputs.take(slice(0, 1))
        return self._features(backbone, first, cache=self.cache).shape[1]

    def _none_given(self):
        """Whether neither a backbone nor weights, random ones included, are given."""
        given = (self.backbone, self.weights)
        return all(isinstance(value, str) and value == "auto" for value in given)

    def _pretrain(self, backbone, inputs, seed):
        from .._training.pretrain import pretrain_on_table

        pretrain_on_table(
            backbone, inputs, seed=seed, device=self.device, verbose=self.verbose
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
