"""The fine-tuning regressor."""

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_array

from ._base import restores_on_failure
from ._fine_tune import FineTuneEstimator
from ._parameters import with_shared_parameters


@with_shared_parameters
class FineTuneRegressor(RegressorMixin, FineTuneEstimator):
    """Predict numbers from tables, images or texts, with a pretrained backbone.

    Targets are scaled to mean 0 and standard deviation 1 in training, each output by
    itself, and scaled back in `predict`.

    Parameters
    ----------
    {backbone}
    strategy : str, default="auto"
        What is trained: "linear_probe", "full", "lp_ft", "gradual", "partial",
        "bitfit", "lora" or "auto", as in :class:`FineTuneClassifier`.
    head : "linear" or tuple of int, default="linear"
        Sizes of hidden layers before the outputs, with ReLU between them.
    {images}
    {augment}
    {n_views}
    loss : {"mse", "huber"} or object, default="mse"
        "huber" limits the pull of outliers; or an object of
        :mod:`sktransfer.finetuning`.
    regularizer : {"l2sp", "delta", "bss"}, object or None, default=None
        Keeps the backbone near its source; see :mod:`sktransfer.finetuning`.
    C : float or "cv", default=0.02
        Inverse strength of the L2 penalty of the convex head on standardised
        features: :class:`~sklearn.linear_model.Ridge` with ``alpha = 1 / C`` for
        "mse". "cv" chooses it by five folds within `fit`.
    n_trainable_stages : int, default=1
        Number of last stages that "partial" trains.
    lora_rank : int, default=8
        Rank of the adapters that "lora" trains.
    {cache}
    {training}
    {machine}
    {end}

    Attributes
    ----------
    backbone_ : Backbone
        The fitted backbone; other estimators take it as `backbone`.
    net_ : skorch.NeuralNet
        The fitted net; its outputs are on the scale of standardised targets.
    weights_ : str
        What the backbone started from.
    strategy_ : str
        The strategy used.
    C_ : float or None
        Strength of the convex head, if there was one.
    history_ : skorch.history.History
        Losses of each epoch.
    n_epochs_ : int
        Number of epochs; a head that is solved counts as one.
    n_features_in_ : int
        Number of columns, for tables only.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    FineTuneClassifier : The same for labels.
    PretrainedFeatureExtractor : Features alone, as a transformer.

    Notes
    -----
    Weights are equivalent to repeated rows as long as all rows fit into one batch and
    nothing in the backbone but what is frozen depends on other rows or on chance, as
    torchvision's batch norm and dropout do; the default backbones have neither.
    The same `random_state` gives the same result on the same machine.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sktransfer import FineTuneRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> FineTuneRegressor(random_state=0).fit(X, y).score(X, y) > 0.5
    True
    """

    _parameter_constraints = {
        **FineTuneEstimator._parameter_constraints,
        "loss": [StrOptions({"mse", "huber"}), HasMethods(["loss"])],
    }

    # No classes: nothing to count, no accuracy to record.
    _class_counts = None

    def __init__(
        self,
        backbone="auto",
        *,
        weights="auto",
        strategy="auto",
        head="linear",
        image_size=None,
        input_shape=None,
        augment=None,
        n_views=1,
        loss="mse",
        regularizer=None,
        C=0.02,
        n_trainable_stages=1,
        lora_rank=8,
        cache=None,
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
        self.backbone = backbone
        self.weights = weights
        self.strategy = strategy
        self.head = head
        self.image_size = image_size
        self.input_shape = input_shape
        self.augment = augment
        self.n_views = n_views
        self.loss = loss
        self.regularizer = regularizer
        self.C = C
        self.n_trainable_stages = n_trainable_stages
        self.lora_rank = lora_rank
        self.cache = cache
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
    def partial_fit(self, X, y, sample_weight=None):
        """Train one more epoch on these rows, at a constant learning rate.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. The first call sets the scale of the targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        self : object
            The estimator. Its `backbone_` is a new one.
        """
        return self._fit_one_epoch(X, y, sample_weight)

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As `y` in `fit`, in its dtype if that is a float; of integers, in the
            dtype in which the net computes.
        """
        outputs = self._outputs(X)
        predicted = (outputs * self._scale + self._mean).astype(
            self._dtype or outputs.dtype
        )
        return predicted.ravel() if self._flat_target else predicted

    def _checked_target(self, y):
        try:
            return check_array(
                y, ensure_2d=False, dtype="numeric", input_name="y", estimator=self
            )
        except ValueError as error:
            raise ValueError(
                f"y must hold numbers, one or more for each row. {error}"
            ) from error

    def _encode(self, y, weight, reset):
        """Return the standardised targets (n, n_outputs)."""
        from sklearn.preprocessing import StandardScaler  # slow to import

        columns = y.reshape(len(y), -1).astype(np.float64)
        if reset:
            self._flat_target = y.ndim == 1
            self._dtype = y.dtype if y.dtype.kind == "f" else None
            scaler = StandardScaler().fit(columns, sample_weight=weight)
            self._mean, self._scale = scaler.mean_, scaler.scale_
        if columns.shape[1] != self._n_outputs:
            raise ValueError(
                f"y has {columns.shape[1]} outputs, but {type(self).__name__} was "
                f"fitted on {self._n_outputs}."
            )
        return (columns - self._mean) / self._scale

    @staticmethod
    def _count(target, weight, more):
        """Count nothing: there are no classes."""

    @staticmethod
    def _weigh_classes(y, weight):
        """Weigh nothing: there are no classes."""

    @staticmethod
    def _with_class_weight(target, weight):
        return weight

    @property
    def _n_outputs(self):
        return len(self._mean)

    @staticmethod
    def _losses():
        from ..finetuning._losses import REGRESSION_LOSSES

        return REGRESSION_LOSSES

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
