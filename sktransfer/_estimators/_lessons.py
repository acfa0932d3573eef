"""From fitted teachers to what they say of the rows in training."""

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from ._net import float_dtype
from ._teachers import is_module, short


def teaching(teachers, student, rows, X, *, backbone, config):
    """Return what speaks for teachers in training, and their number of features.

    Where images are changed at random and all teachers are nets, they look at each
    batch. Else they are asked once, of the rows as they are.

    Parameters
    ----------
    teachers : list of Teacher
    student : DistillationClassifier
        Whose `classes_`, `augment`, `teacher_classes` and `method_` count.
    rows : StudentRows
    X : as passed to `fit`
    backbone : Backbone
        Of the student.
    config : TrainingConfig
    """
    from .._training.teaching import LiveTeachers, Said, WrittenTeachers, agreed

    columns = [teacher.columns(student.classes_) for teacher in teachers]
    nets = [_net_of(teacher, rows.inputs, backbone) for teacher in teachers]
    live = student.augment is not None and all(net is not None for net in nets)
    _check_mixing(student, rows, backbone, live)
    asked = rows.take(slice(0, 1)) if live else rows
    X = rows_of(X, asked.numbers)
    how = {"backbone": backbone, "config": config}
    words = [
        _said_by(teacher, net, X, asked.inputs, how)
        for teacher, net in zip(teachers, nets, strict=True)
    ]
    dtype = float_dtype(rows.inputs)
    said = agreed(
        [
            Said(logits[:, numbers], features).to(dtype)
            for (logits, features), numbers in zip(words, columns, strict=True)
        ]
    )
    _check_said(said, student)
    speaker = WrittenTeachers(said.to(config.device))
    if live:
        speaker = LiveTeachers(nets, columns, config.device)
    return speaker, None if said.features is None else said.features.shape[1]


def rows_of(values, numbers):
    """Return some rows of what the user passed; all of them just as they are."""
    if values is None or len(numbers) == _num_samples(values):
        return values
    if not (isinstance(values, (list, tuple)) or hasattr(values, "shape")):
        values = np.asarray(values)
    return _safe_indexing(values, numbers)


def _net_of(teacher, inputs, backbone):
    """Return the net of a teacher, which takes raw batches, or None."""
    from .._training.teaching import ForeignNet

    if is_module(teacher.model):
        table = inputs.kind == "table"
        return ForeignNet(teacher.model, None if table else backbone.preprocessing)
    return None if teacher.own is None else teacher.own.net_.module_


def _said_by(teacher, net, X, inputs, how):
    """Return what one teacher says of rows, in its own classes."""
    import torch

    from .._training.teaching import Said, write_down

    if is_module(teacher.model):
        logits, features = write_down(net, inputs, **how).to("cpu")
        _check_logits(logits, len(teacher.classes))
    elif teacher.own is not None:
        features = teacher.own.features(X)
        logits = torch.from_numpy(teacher.own._outputs_of(features))
        features = torch.from_numpy(features)
    else:
        logits, features = torch.from_numpy(teacher.log_probabilities(X)), None
    return Said(logits, features)


def _check_logits(logits, n_classes):
    """Refuse what a module returned if it is not a logit for each class."""
    if logits.ndim != 2 or logits.shape[1] != n_classes:
        raise ValueError(
            f"teacher: the module returned a batch of shape {tuple(logits.shape)}, not "
            f"logits (n, {n_classes}), one for each class. Pass teacher_classes, the "
            "label of each logit in order."
        )


def _check_said(said, student):
    """Refuse predictions that are not finite, and features that are not there."""
    finite = said.logits.isfinite().all(1)
    if not finite.all():
        raise ValueError(
            f"teacher={short(student.teacher)} predicts NaN or infinity, first for row "
            f"{int((~finite).to(int).argmax())} of the rows that train."
        )
    if student.method_.needs_features and said.features is None:
        raise TypeError(
            f"method={type(student.method_).__name__}() learns from features, but "
            f"teacher={short(student.teacher)} returns logits alone. Let it return a "
            "tuple of logits and features, or use 'kd' or 'dist'."
        )


def _check_mixing(student, rows, backbone, live):
    """Refuse to mix images whose labels or predictions can't be mixed."""
    from .._inputs import resolve_augment

    inputs, augment = rows.inputs, student.augment
    if augment is None or inputs.kind == "table":
        return
    preprocessing = inputs.sized(backbone.preprocessing)
    classes = len(student.classes_)
    recipe = resolve_augment(augment, preprocessing, inputs.channels, classes)
    if recipe.per_batch is None:
        return
    if rows.labels == "some":
        raise ValueError(
            f"augment={augment!r} mixes the labels of rows, which unlabelled rows "
            "(sample_domain below 0) don't have. Use augment='light' or 'auto'."
        )
    if not live:
        raise ValueError(
            f"augment={augment!r} mixes images, of which teacher="
            f"{short(student.teacher)} was not asked: only nets are asked in training. "
            "Use augment='light' or 'auto', or a teacher of sktransfer."
        )
