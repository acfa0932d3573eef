"""The self-supervised pretrainer."""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted

from ._base import restores_on_failure
from ._parameters import TRAINING_CONSTRAINTS, with_shared_parameters
from ._unlabelled import UnlabelledNetEstimator

_WITHOUT_DECODER = {"simclr", "vicreg"}


def _has_decoder(pretrainer):
    """Return True, or raise why there is no way back from the features."""
    objective = vars(pretrainer).get("objective_", pretrainer.objective)
    if isinstance(objective, str):
        decodes = objective not in _WITHOUT_DECODER
    else:
        decodes = getattr(objective, "decodes", False)
    if not decodes:
        raise AttributeError(
            f"inverse_transform needs a decoder, which objective={objective!r} does "
            "not train. Use 'autoencoder', 'denoising', 'contractive' or 'masked'."
        )
    return True


@with_shared_parameters
class SelfSupervisedPretrainer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, UnlabelledNetEstimator
):
    """Train a backbone on rows without labels, and turn rows into its features.

    What is learnt from many unlabelled rows serves where labels are few: hand
    `backbone_` to any other estimator, or put this transformer before one.

    Parameters
    ----------
    objective : str or PretrainingObjective, default="auto"
        What the backbone is trained for, by name or as an object of
        :mod:`sktransfer.pretraining`. "auto": "denoising" for a table, "simclr" for
        images, which the user guide compares.

        - give the row back: "autoencoder", "denoising", "contractive";
        - fill in what is hidden: "masked";
        - tell rows apart, or views alike, whatever is done to a row: "simclr",
          "vicreg".
    {backbone}
    {images}
    {augment}
        Two views that are compared are made by these changes; None: by strong ones,
        on the device, a whole batch at once.
    {n_views}
    {training}
    {machine}
    {end}

    Attributes
    ----------
    backbone_ : Backbone
        The trained backbone; other estimators take it as `backbone`. It has neither
        decoder nor projector.
    objective_ : PretrainingObjective
        The objective used.
    net_ : skorch.NeuralNet
        The fitted net, whose head is the decoder or projector.
    weights_ : str
        What the backbone started from.
    history_ : skorch.history.History
        The objective on training and validation rows in each epoch.
    n_epochs_ : int
        Number of epochs.
    n_features_in_ : int
        Number of columns, for tables only.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    FineTuneClassifier : Takes `backbone_` on to labels.
    PretrainedFeatureExtractor : Features of a backbone as it is.

    Notes
    -----
    "auto" for `max_epochs` makes about 1000 steps on images here. The `head` of "lr"
    and `backbone_lr_ratio` is the decoder or projector.

    Examples
    --------
    Digits without labels, of which ten are labelled later:

    >>> from sklearn.datasets import load_digits
    >>> from sktransfer import FineTuneClassifier, SelfSupervisedPretrainer
    >>> X, y = load_digits(return_X_y=True)
    >>> pretrainer = SelfSupervisedPretrainer("denoising", random_state=0).fit(X)
    >>> pretrainer.transform(X[:5]).shape
    (5, 64)
    >>> pretrainer.inverse_transform(pretrainer.transform(X[:5])).shape
    (5, 64)
    >>> FineTuneClassifier(pretrainer.backbone_).fit(X[:10], y[:10]).weights_
    'denoising autoencoder'
    """

    _parameter_constraints = {
        **{
            name: kinds
            for name, kinds in TRAINING_CONSTRAINTS.items()
            if name != "head"
        },
        "objective": [str, type, HasMethods(["build", "loss"])],
    }

    def __init__(
        self,
        objective="auto",
        *,
        backbone="auto",
        weights="auto",
        image_size=None,
        input_shape=None,
        augment=None,
        n_views=1,
        max_epochs="auto",
        batch_size=64,
        lr="auto",
        backbone_lr_ratio=0.1,
        lr_schedule="one_cycle",
        optimizer="adamw",
        weight_decay=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        precision="auto",
        compile=False,
        device="auto",
        num_workers=None,
        callbacks=None,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.objective = objective
        self.backbone = backbone
        self.weights = weights
        self.image_size = image_size
        self.input_shape = input_shape
        self.augment = augment
        self.n_views = n_views
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.backbone_lr_ratio = backbone_lr_ratio
        self.lr_schedule = lr_schedule
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.precision = precision
        self.compile = compile
        self.device = device
        self.num_workers = num_workers
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, *, X_val=None):
        """Train the backbone on the rows of `X`.

        Parameters
        ----------
        X : table, images or paths
            A numeric array or DataFrame (n_samples, n_columns), images (n_samples,
            height, width, channels), channels first or without channels, or a list
            of file names or PIL images.
        y : None
            Ignored.
        X_val : as `X`, default=None
            Validation data, for the figures of each epoch and early stopping.

        Returns
        -------
        self : object
            The fitted pretrainer.
        """
        return self._fit(X, X_val)

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

    @available_if(_has_decoder)
    def inverse_transform(self, X):
        """Decode features to rows in the units of the training data.

        Only for objectives with a decoder: "autoencoder", "denoising",
        "contractive" and "masked".

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            Features.

        Returns
        -------
        ndarray
            A table as in `fit`, or images in the layout and on the scale of those in
            `fit`; of files and PIL images, uint8 (n_samples, height, width, 3) at the
            size that the net gets.
        """
        from .._training.pretrain import decode

        check_is_fitted(self)
        features = check_array(X, dtype=[np.float64, np.float32], estimator=self)
        if features.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {features.shape[1]} columns, but the backbone has "
                f"{self._n_features_out} features: pass what transform returned."
            )
        rows = decode(self.net_, features)
        if self._input_modality == "table":
            return rows.numpy().astype(self._table_dtype, copy=False)
        return self._layout.lay_out(rows)

    def score(self, X, y=None):
        """Return minus the objective on `X`: higher is better.

        What is random in the objective is drawn from the same numbers in every call.
        Objectives that compare rows depend on the order of the rows and on
        `batch_size`; scores of different objectives are not comparable.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        y : None
            Ignored.

        Returns
        -------
        float
            Minus the mean of the objective.
        """
        from .._training.pretrain import check_numbers, held_out_batches, unlabelled

        check_is_fitted(self)
        rows = unlabelled(self._read(X, reset=False))
        check_numbers(self.net_, rows, "X")
        batches = held_out_batches(self.net_, rows, self.augment)
        return -self.net_.held_out_loss(batches)

    @property
    def _n_features_out(self):
        return self.backbone_.n_features

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
