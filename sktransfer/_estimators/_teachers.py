"""Teachers: what may be one, how it is fitted, what it knows."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ._net import NetEstimator

# Of an even chance. No vote of a hundred trees is not much less than one vote; as a
# logit, the difference between them would be all that a student sees.
_LEAST_SHARE = 0.01


class Teacher(NamedTuple):
    """A fitted teacher and the classes that it tells apart, in its own order."""

    model: Any
    classes: np.ndarray

    @property
    def own(self):
        """The fitted classifier of this package that it is, or None."""
        model = self.model
        inner = model.estimator if isinstance(model, FrozenEstimator) else model
        return inner if isinstance(inner, NetEstimator) else None

    def columns(self, classes):
        """Return the numbers of its columns that are these `classes`, in their order.

        Classes that only the teacher knows are left out.
        """
        number = {label: n for n, label in enumerate(self.classes.tolist())}
        wanted = classes.tolist()
        missing = [label for label in wanted if label not in number]
        if missing:
            extra = [label for label in number if label not in set(wanted)]
            raise ValueError(
                f"teacher={short(self.model)} does not know all classes of y: only y "
                f"has {missing[:10]}, only the teacher has {extra[:10]}. Name the "
                "labels alike in both (1 and '1' differ), or fit the teacher on all "
                "classes."
            )
        return np.array([number[label] for label in wanted])

    def log_probabilities(self, X):
        """Return the log-probabilities of the rows of `X`, those of zero raised."""
        proba = np.asarray(self.model.predict_proba(X), dtype=np.float64)
        if proba.ndim != 2 or proba.shape[1] != len(self.classes):
            raise ValueError(
                f"teacher={short(self.model)} returned predict_proba of shape "
                f"{proba.shape}, but has {len(self.classes)} classes_: it must be "
                "(n_samples, n_classes)."
            )
        return np.log(proba.clip(_LEAST_SHARE / len(self.classes)))


def members_of(teacher):
    """Return the teachers in the parameter `teacher`, a list."""
    if not isinstance(teacher, (list, tuple)):
        return [teacher]
    if not len(teacher):
        raise ValueError("teacher=[] is empty: pass at least one teacher, or None.")
    return list(teacher)


def check_teachers(members, method, teacher_classes):
    """Refuse what can't be a teacher, or not by this method."""
    for member in members:
        _check_teacher(member)
        if method.trains_teacher:
            _check_trainable(member, method)
        elif method.needs_features:
            _check_features(member, method)
    if teacher_classes is None:
        return
    if len(np.unique(teacher_classes)) < len(teacher_classes):
        raise ValueError(
            f"teacher_classes={list(teacher_classes)!r} names a class twice: it must "
            "hold the label of each logit of the module, in order."
        )
    if not any(map(is_module, members)):
        raise ValueError(
            f"teacher_classes={list(teacher_classes)!r} names the logits of an "
            "nn.Module, but teacher is none. Leave teacher_classes=None."
        )


def is_module(teacher):
    """Whether `teacher` is an nn.Module, which is always frozen."""
    from torch import nn

    return isinstance(teacher, nn.Module)


def is_frozen(teacher):
    """Whether `teacher` is used as it is."""
    return isinstance(teacher, FrozenEstimator) or is_module(teacher)


def fit_teacher(teacher, X, y, sample_weight):
    """Return `teacher` itself if it is frozen, else a copy fitted on labelled rows."""
    if is_frozen(teacher):
        return teacher
    teacher = clone(teacher)
    if sample_weight is None:
        return teacher.fit(X, y)
    if has_fit_parameter(teacher, "sample_weight"):
        return teacher.fit(X, y, sample_weight=sample_weight)
    warnings.warn(
        f"teacher={short(teacher)} takes no sample_weight in fit: it is fitted "
        "without, the weights count for the student alone.",
        UserWarning,
        stacklevel=4,
    )
    return teacher.fit(X, y)


def with_classes(model, teacher_classes, classes):
    """Return a fitted model as a `Teacher`.

    Of a module they are `teacher_classes`, or else `classes`, those of the labels.
    """
    if not is_module(model):
        return Teacher(model, np.asarray(model.classes_))
    if teacher_classes is not None:
        return Teacher(model, np.asarray(teacher_classes))
    if classes is None:
        raise ValueError(
            "teacher_classes must name the classes of the teacher's logits, in order, "
            "where no row has a label."
        )
    return Teacher(model, classes)


def classes_in_common(teachers):
    """Return the classes that teachers of unlabelled rows agree on."""
    classes = np.unique(teachers[0].classes)
    for other in teachers[1:]:
        if not np.array_equal(np.unique(other.classes), classes):
            raise ValueError(
                f"teacher: the classes {classes.tolist()} and "
                f"{np.unique(other.classes).tolist()} differ, and no row has a label "
                "that would say which are meant. Pass labelled rows, or teachers of "
                "the same classes."
            )
    return classes


def _check_teacher(teacher):
    if isinstance(teacher, type):
        raise TypeError(
            f"teacher={teacher.__name__} is a class: pass an instance, "
            f"{teacher.__name__}()."
        )
    if teacher is None or is_module(teacher):
        return
    if not (hasattr(teacher, "fit") or isinstance(teacher, FrozenEstimator)):
        raise TypeError(
            f"teacher={teacher!r} is no teacher. Pass a classifier, a FrozenEstimator "
            "around a fitted one, an nn.Module that returns logits, a list of these, "
            "or None."
        )
    if isinstance(teacher, FrozenEstimator):
        _check_fitted(teacher.estimator)
    if not hasattr(teacher, "predict_proba"):
        raise TypeError(
            f"teacher={short(teacher)} has no predict_proba. Pass a classifier that "
            "has, such as CalibratedClassifierCV(teacher)."
        )


def _check_fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise NotFittedError(
            f"teacher=FrozenEstimator({short(estimator)}) holds a classifier that is "
            "not fitted. Fit it first, or pass it without FrozenEstimator to have it "
            "fitted."
        ) from error


def _check_trainable(teacher, method):
    from ._fine_tune_classifier import FineTuneClassifier

    if teacher is not None and not isinstance(teacher, FineTuneClassifier):
        raise TypeError(
            f"teacher={short(teacher)} can't be trained along with the student, as "
            f"method={type(method).__name__}() wants. Pass FineTuneClassifier(...) "
            "without FrozenEstimator, a list of these, or None."
        )


def _check_features(teacher, method):
    inner = teacher.estimator if isinstance(teacher, FrozenEstimator) else teacher
    if inner is None or isinstance(inner, NetEstimator) or is_module(inner):
        return
    raise TypeError(
        f"method={type(method).__name__}() learns from features, which teacher="
        f"{short(teacher)} does not have. Pass a classifier of sktransfer, such as "
        "FineTuneClassifier, or a method of predictions, such as 'kd' or 'dist'."
    )


def short(model):
    """Return a representation of one short line."""
    text = " ".join(repr(model).split())
    return text if len(text) <= 80 else type(model).__name__ + "(...)"
