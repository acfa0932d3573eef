"""The fine-tuning classifier."""

from sklearn.base import _fit_context

from ._base import restores_on_failure
from ._fine_tune import FineTuneEstimator
from ._net_classifier import CLASSIFIER_CONSTRAINTS, NetClassifierMixin
from ._parameters import with_shared_parameters


@with_shared_parameters
class FineTuneClassifier(NetClassifierMixin, FineTuneEstimator):
    """Classify tables, images or texts with a pretrained backbone and a new head.

    Parameters
    ----------
    {backbone}
    strategy : str, default="auto"
        What is trained.

        - "linear_probe": the head alone. Without `augment` the backbone runs once
          over the rows, and a linear head is solved to convergence.
        - "full": everything.
        - "lp_ft": the head as in "linear_probe", then everything [1]_.
        - "gradual": the head, then a stage more at a time, from the last [2]_.
        - "partial": the head and the last `n_trainable_stages` stages.
        - "bitfit": the head and the biases of the backbone [3]_.
        - "lora": the head and low-rank adapters of the dense layers [4]_, which are
          added to their weights at the end (extra "lora"); adapters learn as fast as
          the head, whatever `backbone_lr_ratio`.
        - "auto": "full" from random weights or with hidden layers in the head;
          "linear_probe" for fewer than 2000 images or texts on a CPU; "lp_ft"
          otherwise.

        What is frozen stays in evaluation mode, batch-norm statistics included.
    head : "linear" or tuple of int, default="linear"
        Sizes of hidden layers before the logits, with ReLU between them.
    {images}
    {augment}
    {n_views}
    loss : str or object, default="cross_entropy"
        "cross_entropy", "focal", or for unbalanced classes "balanced_softmax",
        "logit_adjusted", "ldam"; or an object of :mod:`sktransfer.finetuning`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`.
    regularizer : {"l2sp", "delta", "bss"}, object or None, default=None
        Keeps the backbone near its source; see :mod:`sktransfer.finetuning`.
    C : float or "cv", default=0.02
        Inverse strength of the L2 penalty of the convex head on standardised
        features, as in :class:`~sklearn.linear_model.LogisticRegression`. "cv"
        chooses it by five folds within `fit`.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    backbone_ : Backbone
        The fitted backbone; other estimators take it as `backbone`.
    net_ : skorch.NeuralNet
        The fitted net.
    weights_ : str
        What the backbone started from.
    strategy_ : str
        The strategy used.
    C_ : float or None
        Strength of the convex head, if there was one.
    history_ : skorch.history.History
        Losses and accuracies of each epoch.
    n_epochs_ : int
        Number of epochs; a head that is solved counts as one.
    n_features_in_ : int
        Number of columns, for tables only.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    FineTuneRegressor : The same for numbers.
    PretrainedFeatureExtractor : Features alone, as a transformer.

    Notes
    -----
    Weights are equivalent to repeated rows as long as all rows fit into one batch and
    nothing in the backbone but what is frozen depends on other rows or on chance, as
    torchvision's batch norm and dropout do; the default backbones have neither.
    The same `random_state` gives the same result on the same machine.

    References
    ----------
    .. [1] A. Kumar, A. Raghunathan, R. Jones, T. Ma, P. Liang. Fine-tuning can distort
       pretrained features and underperform out-of-distribution. ICLR 2022.
    .. [2] J. Howard, S. Ruder. Universal language model fine-tuning for text
       classification. ACL 2018.
    .. [3] E. Ben Zaken, Y. Goldberg, S. Ravfogel. BitFit: simple parameter-efficient
       fine-tuning for transformer-based masked language-models. ACL 2022.
    .. [4] E. J. Hu, Y. Shen, P. Wallis, Z. Allen-Zhu, Y. Li, S. Wang, L. Wang, W. Chen.
       LoRA: Low-rank adaptation of large language models. ICLR 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktransfer import FineTuneClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> source, target = y < 2, y > 0
    >>> teacher = FineTuneClassifier(random_state=0).fit(X[source], y[source])
    >>> model = FineTuneClassifier(teacher.backbone_, random_state=0)
    >>> model.fit(X[target], y[target]).score(X[target], y[target]) > 0.9
    True
    """

    _parameter_constraints = {
        **FineTuneEstimator._parameter_constraints,
        **CLASSIFIER_CONSTRAINTS,
    }

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
        loss="cross_entropy",
        class_weight=None,
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
        self.class_weight = class_weight
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
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one more epoch on these rows, at a constant learning rate.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        self : object
            The estimator. Its `backbone_` is a new one.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all rows at once, which partial_fit "
                "does not see. Pass a dict, or sample_weight."
            )
        if classes is None and not hasattr(self, "net_"):
            raise ValueError(
                "classes must be passed in the first call of partial_fit: all labels "
                "there will be."
            )
        self._announced_classes = classes
        try:
            return self._fit_one_epoch(X, y, sample_weight)
        finally:
            del self._announced_classes
