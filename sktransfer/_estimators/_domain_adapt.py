"""The classifier that adapts from source to target rows."""

from numbers import Integral

from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import HasMethods

from ._base import reproducible, restores_on_failure
from ._checks import check_training_parameters
from ._domain_net import DomainNetEstimator
from ._domain_predictions import DomainPredictionsMixin
from ._net_classifier import CLASSIFIER_CONSTRAINTS
from ._parameters import TRAINING_CONSTRAINTS, with_shared_parameters


@with_shared_parameters
class DomainAdaptClassifier(DomainPredictionsMixin, DomainNetEstimator):
    """Classify rows of a target domain by the labels of a source domain.

    `fit` takes rows of both domains at once, told apart by `sample_domain`. The labels
    of the source train the net; a `method` makes what it learns hold for the target,
    whose rows need no label.

    Parameters
    ----------
    {backbone}
    method : str, AdaptationMethod, list or tuple of these, default="auto"
        How to adapt, by name or as an object of :mod:`sktransfer.adaptation`. Losses
        may be combined in a list; they add up. "auto" is ``["cdan", "mcc",
        "fixmatch"]`` for images and "cdan" for tables, which won on tasks that were
        left out of the choice in turn; the user guide shows the comparison. Texts
        take "cdan" too, unmeasured.

        - baselines: "source_only", "joint";
        - adversarial: "dann", "cdan", "mdd", "adda", "wdgrl", "mcd";
        - matching distributions: "dan", "jan", "deepcoral", "deepjdot", "afn";
        - sure and diverse predictions: "mcc", "bnm", "im";
        - self-training: "fixmatch", "shot";
        - statistics: "adabn", "tent".
    target_domain : int, default=None
        The domain to adapt to, where `sample_domain` does not say so by unlabelled
        rows.
    source : FrozenEstimator or None, default=None
        A fitted classifier of this package inside
        :class:`~sklearn.frozen.FrozenEstimator`: adaptation starts from its backbone,
        head and classes. "shot", "adabn" and "tent" then need no source row.
    ramp : bool, default=True
        Whether the weights of the methods rise over the training as
        ``2 / (1 + exp(-10 * progress)) - 1``, which lets the net learn the source
        first [1]_.
    head : "linear" or tuple of int, default="linear"
        Sizes of hidden layers before the logits, with ReLU between them.
    {images}
    {augment}
        Of labelled rows only.
    {n_views}
    loss : str or object, default="cross_entropy"
        Of labelled rows: "cross_entropy", "focal", or for unbalanced classes
        "balanced_softmax", "logit_adjusted", "ldam"; or an object of
        :mod:`sktransfer.finetuning`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes of labelled rows, multiplied with `sample_weight`.
    {training}
    {machine}
    {end}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, of labelled rows alone.
    backbone_ : Backbone
        The fitted backbone; other estimators take it as `backbone`.
    net_ : skorch.NeuralNet
        The fitted net.
    weights_ : str
        What the backbone started from.
    methods_ : list of AdaptationMethod
        The methods that were used, or were to be if there had been target rows.
    history_ : skorch.history.History
        Of each epoch the task loss ("train_loss") and accuracy, the bare loss of each
        method ("mcc_loss"), and for a discriminator its balanced accuracy
        ("domain_acc").
    n_epochs_ : int
        Number of epochs, over all phases of the method.
    n_features_in_ : int
        Number of columns, for tables only.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    FineTuneClassifier : Where all rows are labelled and of one domain.
    sktransfer.datasets.pack_domains : Make `X`, `y` and `sample_domain`.
    sktransfer.metrics.get_adaptation_scorer : Choose without target labels.
    sktransfer.selection.TargetKFold : Folds whose test rows are target rows.

    Notes
    -----
    "auto" for `max_epochs` makes about 1000 steps here. Batches hold up to
    `batch_size` rows of the source, as many of the target and, if there are any, of
    labelled target rows; in an epoch each row comes at least once. Of several source
    domains each has the same share of a batch.

    Where the backbone has batch norm, source and target are each normalised by batches
    of their own, and in the end the running statistics are those of all target rows:
    the fitted net is for target rows.

    References
    ----------
    .. [1] Y. Ganin, E. Ustinova, H. Ajakan, P. Germain, H. Larochelle, F. Laviolette,
       M. Marchand, V. Lempitsky. Domain-adversarial training of neural networks.
       JMLR 2016.

    Examples
    --------
    The wines of another laboratory, whose instruments have drifted:

    >>> from sklearn.datasets import load_wine
    >>> from sktransfer import DomainAdaptClassifier
    >>> from sktransfer.datasets import pack_domains
    >>> X, y = load_wine(return_X_y=True)
    >>> X_target, y_target = 1.2 * X[1::2] + 0.8 * X.std(axis=0), y[1::2]
    >>> X, y, sample_domain = pack_domains(X[::2], y[::2], X_target)
    >>> model = DomainAdaptClassifier(max_epochs=20, random_state=0)
    >>> model.fit(X, y, sample_domain=sample_domain).score(X_target, y_target) > 0.8
    True
    >>> model.set_params(method="source_only")
    DomainAdaptClassifier(max_epochs=20, method='source_only', random_state=0)
    >>> model.fit(X, y, sample_domain=sample_domain).score(X_target, y_target) > 0.8
    False
    """

    _parameter_constraints = {
        **TRAINING_CONSTRAINTS,
        **CLASSIFIER_CONSTRAINTS,
        "method": [str, list, tuple, type, HasMethods(["loss"])],
        "target_domain": [Integral, None],
        "source": [HasMethods(["fit"]), None],
        "ramp": ["boolean"],
    }

    def __init__(
        self,
        backbone="auto",
        *,
        weights="auto",
        method="auto",
        target_domain=None,
        source=None,
        ramp=True,
        head="linear",
        image_size=None,
        input_shape=None,
        augment=None,
        n_views=1,
        loss="cross_entropy",
        class_weight=None,
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
        self.method = method
        self.target_domain = target_domain
        self.source = source
        self.ramp = ramp
        self.head = head
        self.image_size = image_size
        self.input_shape = input_shape
        self.augment = augment
        self.n_views = n_views
        self.loss = loss
        self.class_weight = class_weight
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
    def fit(
        self,
        X,
        y=None,
        sample_domain=None,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit on labelled rows and adapt to the target rows among them.

        Parameters
        ----------
        X : table, images or paths
            Rows of all domains: a numeric array or DataFrame (n_samples, n_columns),
            images (n_samples, height, width, channels), channels first or without
            channels, or a list of file names or PIL images.
        y : array-like of shape (n_samples,), default=None
            Labels. Of unlabelled rows they are ignored and may be anything. None: all
            rows are unlabelled target rows, which `source` and a method that needs no
            source row make possible.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Its absolute value is the domain of a row; a negative sign says that the
            label does not count: 1 for a labelled row of domain 1, -2 for an
            unlabelled row of domain 2. A domain with unlabelled rows is the target.
            Without any, or without `sample_domain`, this is supervised training.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; rows of weight zero are left out.
        X_val, y_val, sample_weight_val : as above, default=None
            Labelled validation data, for the figures of each epoch and early stopping.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        from .._training.adapt import adapt
        from ..adaptation._resolve import resolve_methods

        check_training_parameters(self)
        start = self._start()
        inputs = self._read(X, reset=start is not self)
        methods = resolve_methods(self.method, self._input_modality)
        self.methods_ = [clone(method) for method in methods]
        told = y, sample_domain, sample_weight
        rows = self._domain_rows(inputs, *told, methods, start)
        validation = self._validation_rows(X_val, y_val, sample_weight_val)
        with reproducible(self, rows.inputs.kind) as seed:
            if self.early_stopping and validation is None:
                rows, validation = self._split(rows, seed)
            module, objective, config = self._module(rows, start)
            net = adapt(
                module,
                objective,
                config,
                rows,
                validation,
                methods=methods,
                ramp=self.ramp,
                trained=start is not None,
                history=list(self.history_) if start is self else [],
                own_validation=X_val is not None,
                augment=self.augment,
                seed=seed,
                features_of=lambda inputs: self._features(module.backbone, inputs),
            )
        backbone = module.eval().backbone
        backbone.weights, backbone.pretrained = _adapted(self.weights_), True
        self.net_ = net
        return self


def _adapted(weights):
    """Return the name of adapted weights."""
    return weights if weights.endswith(", adapted") else f"{weights}, adapted"
