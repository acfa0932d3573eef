"""From labelled and unlabelled rows to a student and its teachers."""

import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_consistent_length

from .._utils.labels import of_one_type
from .._utils.sample_domain import check_sample_domain
from ._checks import check_training_parameters, check_weight
from ._domain_net import DomainNetEstimator
from ._lessons import rows_of
from ._net import float_dtype
from ._set_aside import split_numbers
from ._teachers import (
    classes_in_common,
    fit_teacher,
    is_frozen,
    members_of,
    with_classes,
)

_LABEL = ", distilled"
_WIDE = {"table": "mlp_wide", "image": "smallnet_wide"}


class StudentRows(NamedTuple):
    """Rows of weight above zero.

    Attributes
    ----------
    inputs, y, weight : as in `Rows`
        Of all rows; `y` means something for labelled ones only.
    labelled : ndarray of bool
    numbers : ndarray of int
        In `X` as it was passed.
    """

    inputs: Any
    y: Any
    weight: Any
    labelled: np.ndarray
    numbers: np.ndarray

    def take(self, rows):
        """Return the rows at these numbers."""
        weight = None if self.weight is None else self.weight[rows]
        rest = self.y[rows], weight, self.labelled[rows], self.numbers[rows]
        return StudentRows(self.inputs.take(rows), *rest)

    @property
    def labels(self):
        """Which rows have labels: "all", "some" or "none"."""
        if self.labelled.all():
            return "all"
        return "some" if self.labelled.any() else "none"


class StudentEstimator(DomainNetEstimator):
    """Reads the rows of a student, and fits its teachers."""

    def _student_rows(self, inputs, y, sample_domain, sample_weight, start, members):
        """Return checked rows; those of weight 0 are left out."""
        import torch

        labelled = _labelled(self, y, sample_domain, len(inputs), members)
        labels = np.zeros(len(inputs), dtype=int) if y is None else np.asarray(y)
        check_consistent_length(inputs, labels)
        weight = check_weight(sample_weight, len(inputs))
        numbers = np.arange(len(inputs))
        if weight is not None:
            numbers = np.flatnonzero(weight)
            inputs, labelled = inputs.take(numbers), labelled[numbers]
            labels, weight = labels[numbers], weight[numbers]
        known = np.flatnonzero(labelled)
        if not len(known) and start is None:
            self._take_over_classes(members)
        target = np.zeros(len(labels), dtype=np.int64)
        target[known], weight = self._encoded(labels, known, weight, start)
        if weight is not None:
            weight = torch.as_tensor(weight).to(float_dtype(inputs))
        return StudentRows(inputs, torch.from_numpy(target), weight, labelled, numbers)

    def _take_over_classes(self, members):
        """Take over the classes of frozen teachers, where there are no labels."""
        if not all(map(is_frozen, members)):
            raise ValueError(
                "sample_domain is negative for every row (those of sample_weight zero "
                "do not count), but the teacher is to be fitted on labelled rows: add "
                "some, or pass teacher=FrozenEstimator(fitted)."
            )
        teachers = [with_classes(m, self.teacher_classes, None) for m in members]
        self.classes_, self._weight_of_class = classes_in_common(teachers), None

    def _set_aside(self, rows, seed):
        """Set a part of the labelled rows aside for validation."""
        from .._training.fit import Rows

        known = np.flatnonzero(rows.labelled)
        if not len(known):
            raise ValueError(
                "early_stopping=True needs labelled rows to watch: pass X_val and "
                "y_val, or early_stopping=False."
            )
        _, held_out = split_numbers(known, rows.y, self.validation_fraction, seed)
        train = np.setdiff1d(np.arange(len(rows.y)), held_out)
        return rows.take(train), Rows(*rows.take(held_out)[:3])

    def _teachers(self, method, members, start, rows, passed, seed):
        """Return fitted teachers, or ones to be trained along and their nets.

        `passed`: `X`, `y` and `sample_weight` as they were given to `fit`.
        """
        known = None if start is None else members_of(start.teacher_)
        if method.trains_teacher:
            return (
                _continued(known) if known else self._peers(members, rows, passed, seed)
            )
        return known or self._fitted_teachers(members, rows, passed, seed), []

    def _with_classes(self, teacher):
        return with_classes(teacher, self.teacher_classes, self.classes_)

    def _fitted_teachers(self, members, rows, passed, seed):
        """Return the teachers, those that are not frozen fitted on labelled rows."""
        told = _of_labelled(rows, *passed)
        return [
            fit_teacher(
                self._default_teacher(seed) if member is None else member, *told
            )
            for member in members
        ]

    def _peers(self, members, rows, passed, seed):
        """Return classifiers to be trained along, and their untrained nets."""
        from .._training.finetune import scale_features

        told = _of_labelled(rows, *passed)
        peers, nets = [], []
        for place, member in enumerate(members):
            peer = self._default_teacher(seed + place) if member is None else member
            peer = clone(peer).set_params(strategy="full")
            peer._validate_params()
            check_training_parameters(peer)
            train = peer._rows(*told, reset=True, count="anew")
            net = peer._new_net(train)
            scale_features(net, train, peer._features_by(net))
            peers.append(peer)
            nets.append(net)
        return peers, nets

    def _finish(self, net, teachers, peers):
        """Keep the trained nets."""
        for teacher, peer in zip(teachers, peers, strict=False):
            teacher._finish(peer)
        several = isinstance(self.teacher, (list, tuple))
        self.teacher_ = teachers if several else teachers[0]
        backbone = net.module_.eval().backbone
        backbone.weights = f"{self.weights_.removesuffix(_LABEL)}{_LABEL}"
        backbone.pretrained = True
        self.net_ = net
        return self

    def _default_teacher(self, seed):
        """Return a classifier like this one, with a wider backbone."""
        from ._fine_tune_classifier import FineTuneClassifier

        if self._input_modality == "text":
            raise ValueError(
                "teacher=None trains a wider net, of which there is none for texts. "
                "Pass a teacher, such as FineTuneClassifier on a larger encoder."
            )
        teacher = FineTuneClassifier()
        ours = self.get_params(deep=False)
        shared = teacher.get_params(deep=False).keys() & ours.keys()
        shared -= {"backbone", "weights", "warm_start"}
        teacher.set_params(**{name: ours[name] for name in shared})
        wide = _WIDE[self._input_modality]
        return teacher.set_params(
            backbone=wide, weights=None, strategy="full", random_state=seed
        )


def _continued(peers):
    """Return copies of fitted peers, and nets that go on from theirs."""
    peers = [copy.copy(peer) for peer in peers]
    return peers, [peer._continued_net() for peer in peers]


def _of_labelled(rows, X, y, sample_weight):
    """Return what was passed to `fit`, for labelled rows alone."""
    numbers = rows.numbers[rows.labelled]
    y = rows_of(y, numbers)
    y = of_one_type(np.asarray(y)) if hasattr(y, "dtype") else y
    return rows_of(X, numbers), y, rows_of(sample_weight, numbers)


def _labelled(estimator, y, sample_domain, n_rows, members):
    """Return which rows have a label that counts."""
    if y is None and not all(map(is_frozen, members)):
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is "
            "None. Only with fitted teachers, in a FrozenEstimator, may it be left out."
        )
    labelled = np.full(n_rows, y is not None)
    if sample_domain is not None:
        labelled = check_sample_domain(sample_domain, n_rows) >= 0
    if y is None and labelled.any():
        raise ValueError(
            f"sample_domain marks row {int(labelled.argmax())} as labelled, but y is "
            "None. Pass y, or a negative domain for every row."
        )
    return labelled
