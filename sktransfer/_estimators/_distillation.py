"""The classifier that learns from a teacher."""

from numbers import Real

from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval

from ._base import reproducible, restores_on_failure
from ._checks import check_training_parameters
from ._domain_predictions import DomainPredictionsMixin
from ._lessons import teaching
from ._net_classifier import CLASSIFIER_CONSTRAINTS
from ._parameters import TRAINING_CONSTRAINTS, with_shared_parameters
from ._student import StudentEstimator
from ._teachers import check_teachers, members_of


@with_shared_parameters
class DistillationClassifier(DomainPredictionsMixin, StudentEstimator):
    """Train a student to predict as a teacher does.

    A teacher's probabilities say more of a row than its label does. A small net that
    learns from them can come near to a large one, or to a forest or an ensemble, at a
    fraction of the cost; rows without a label serve as well.

    Parameters
    ----------
    teacher : classifier, FrozenEstimator, torch.nn.Module, list of these or None, \
default=None
        Who teaches.

        - A classifier with `predict_proba`, of scikit-learn or of this package, fitted
          or not: a clone of it is fitted on the labelled rows.
        - A fitted one inside a :class:`~sklearn.frozen.FrozenEstimator` is used as it
          is.
        - A module that returns logits, or a tuple of logits and features, is used as it
          is, in evaluation mode. It gets what the student's net gets before
          normalisation: images as floats in 0 to 1, channels first, of the student's
          `image_size`; rows of a table as they are. Where it wants more, put it
          behind that: ``nn.Sequential(v2.Normalize(mean, std), module)``.
        - A list: their probabilities are averaged, their features joined.
        - None: a net like the student of a table or image, "mlp_wide" or
          "smallnet_wide", is trained first by the same parameters.

        Classes that only the teacher knows are left out.
    {backbone}
    teacher_classes : array-like of shape (n_logits,), default=None
        Labels of the logits of a module, in their order. None: the sorted labels of
        `y`.
    method : str or DistillationMethod, default="kd"
        How to learn from the teacher, by name or as an object of
        :mod:`sktransfer.distillation`.

        - "kd": the divergence from its softened predictions [1]_.
        - "dist": the correlation with them, for a much stronger teacher [2]_.
        - "fitnet": "kd", and its features as hints [3]_.
        - "rkd": "kd", and distances and angles between its features [4]_.
        - "mutual": the teacher is trained along and learns from the student [5]_. It
          has to be a `FineTuneClassifier`, of which everything is trained, or None.
    temperature : float, default=4.0
        By which the logits of student and teacher are divided before the softmax. The
        larger, the more the less likely classes count. The logits of a classifier that
        is no net are the logarithms of its probabilities, of which none is taken for
        less than a hundredth of an even chance: forests give many zeros.
    alpha : float, default=0.9
        Share of the method in the loss, in 0 to 1; the rest is the loss of the labels.
    head : "linear" or tuple of int, default="linear"
        Sizes of hidden layers before the logits, with ReLU between them.
    {images}
    {augment}
        If all teachers are nets, they see the changed images that the student sees
        [6]_; other teachers are asked once, of the images as they are.
    {n_views}
    loss : str or object, default="cross_entropy"
        Of labels: "cross_entropy", "focal", or for unbalanced classes
        "balanced_softmax", "logit_adjusted", "ldam"; or an object of
        :mod:`sktransfer.finetuning`.
    class_weight : dict, "balanced" or None, default=None
        Weights of labelled rows by class, multiplied with `sample_weight`.
    {training}
    {machine}
    {end}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, of labelled rows; without any, those of the teacher.
    teacher_ : classifier, FrozenEstimator, torch.nn.Module or list of these
        The fitted teacher. One that is used as it is is no copy: a pickle holds it
        once. To ship the student alone, save `backbone_`, or delete `teacher_` and set
        ``teacher=None``.
    method_ : DistillationMethod
        The method used.
    backbone_ : Backbone
        The fitted backbone; other estimators take it as `backbone`.
    net_ : skorch.NeuralNet
        The fitted net.
    weights_ : str
        What the backbone started from.
    history_ : skorch.history.History
        Of each epoch the loss of the labels ("train_loss"), the accuracy on them, and
        the loss of the method ("kd_loss").
    n_epochs_ : int
        Number of epochs.
    n_features_in_ : int
        Number of columns, for tables only.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    FineTuneClassifier : Learn from labels alone.

    Notes
    -----
    Every row has a share in the loss: ``alpha`` times that of the method and, if it has
    a label, ``1 - alpha`` times that of the label. Teachers are asked once, whatever
    the number of epochs, unless `augment` changes the images. Frozen teachers are never
    changed.

    `warm_start` goes on from the student and keeps `teacher_`.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean. Distilling the knowledge in a neural network.
       NeurIPS workshop on deep learning, 2014.
    .. [2] T. Huang, S. You, F. Wang, C. Qian, C. Xu. Knowledge distillation from a
       stronger teacher. NeurIPS 2022.
    .. [3] A. Romero, N. Ballas, S. E. Kahou, A. Chassang, C. Gatta, Y. Bengio. FitNets:
       hints for thin deep nets. ICLR 2015.
    .. [4] W. Park, D. Kim, Y. Lu, M. Cho. Relational knowledge distillation. CVPR 2019.
    .. [5] Y. Zhang, T. Xiang, T. M. Hospedales, H. Lu. Deep mutual learning. CVPR 2018.
    .. [6] L. Beyer, X. Zhai, A. Royer, L. Markeeva, R. Anil, A. Kolesnikov. Knowledge
       distillation: a good teacher is patient and consistent. CVPR 2022.

    Examples
    --------
    What a random forest knows, in a small net:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sktransfer import DistillationClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> forest = RandomForestClassifier(random_state=0)
    >>> student = DistillationClassifier(forest, random_state=0).fit(X[:900], y[:900])
    >>> models = student, student.teacher_
    >>> small, large = (model.score(X[900:], y[900:]) for model in models)
    >>> small > large - 0.02
    True

    With labels for a part of the rows only; the forest learns from these, the net from
    all:

    >>> sample_domain = np.where(np.arange(900) < 300, 1, -1)
    >>> student = student.fit(X[:900], y[:900], sample_domain=sample_domain)
    """

    _parameter_constraints = {
        **TRAINING_CONSTRAINTS,
        **CLASSIFIER_CONSTRAINTS,
        "teacher": "no_validation",
        "teacher_classes": ["array-like", None],
        "method": [str, type, HasMethods(["loss"])],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "alpha": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        teacher=None,
        backbone="auto",
        *,
        weights="auto",
        teacher_classes=None,
        method="kd",
        temperature=4.0,
        alpha=0.9,
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
        self.teacher = teacher
        self.backbone = backbone
        self.weights = weights
        self.teacher_classes = teacher_classes
        self.method = method
        self.temperature = temperature
        self.alpha = alpha
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
        """Fit the teacher, unless it is frozen, and the student.

        Parameters
        ----------
        X : table, images or paths
            Rows with and without labels: a numeric array or DataFrame (n_samples,
            n_columns), images (n_samples, height, width, channels), channels first or
            without channels, or a list of file names or PIL images. The teacher gets
            them in the same form.
        y : array-like of shape (n_samples,), default=None
            Labels. Of unlabelled rows they are ignored and may be anything. None: no
            row is labelled, which needs a frozen teacher.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Negative where the label of a row does not count, such as 1 for labelled
            rows and -1 for others. None: all rows are labelled.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; rows of weight zero are left out.
        X_val, y_val, sample_weight_val : as above, default=None
            Labelled validation data, for the figures of each epoch and early stopping.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        from .._training.distill import distill
        from ..distillation._resolve import resolve_method

        check_training_parameters(self)
        method = resolve_method(self.method)
        self.method_ = clone(method)
        members = members_of(self.teacher)
        check_teachers(members, method, self.teacher_classes)
        start = self if self.warm_start and hasattr(self, "net_") else None
        inputs = self._read(X, reset=start is None)
        told = y, sample_domain, sample_weight
        rows = self._student_rows(inputs, *told, start, members)
        validation = self._validation_rows(X_val, y_val, sample_weight_val)
        with reproducible(self, inputs.kind) as seed:
            if self.early_stopping and validation is None:
                rows, validation = self._set_aside(rows, seed)
            passed = X, y, sample_weight
            teachers, peers = self._teachers(method, members, start, rows, passed, seed)
            module, objective, config = self._module(rows, start)
            speaker, n_features = None, None  # peers learn beside the student
            if not peers:
                known = [self._with_classes(teacher) for teacher in teachers]
                shared = {"backbone": module.backbone, "config": config}
                speaker, n_features = teaching(known, self, rows, X, **shared)
            net = distill(
                module,
                objective,
                config,
                rows,
                validation,
                method=method,
                alpha=self.alpha,
                temperature=self.temperature,
                teacher=speaker,
                n_teacher_features=n_features,
                peers=peers,
                history=None if start is None else list(self.history_),
                augment=self.augment,
                seed=seed,
                features_of=lambda inputs: self._features(module.backbone, inputs),
            )
        return self._finish(net, teachers, peers)
