"""From rows of several domains to a net: what domain adaptation starts with."""

import copy
import warnings

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from .._utils.labels import of_one_type
from .._utils.sample_domain import read_domains
from ._checks import check_weight
from ._net import NetEstimator, float_dtype
from ._set_aside import split_numbers


class DomainNetEstimator(NetEstimator):
    """Reads the rows of all domains and builds, or takes over, a net for them."""

    def _start(self):
        """Return the fitted classifier where adaptation starts, or None."""
        if self.warm_start and hasattr(self, "net_"):
            return self
        if self.source is None:
            return None
        if not isinstance(self.source, FrozenEstimator):
            raise ValueError(
                f"source={self.source!r} would lose its fit when this estimator is "
                "cloned: pass sklearn.frozen.FrozenEstimator(source)."
            )
        start = self.source.estimator
        check_is_fitted(start)
        if not (hasattr(start, "net_") and hasattr(start, "classes_")):
            raise TypeError(
                f"source holds a {type(start).__name__}, whose backbone and head are "
                "unknown: fit a classifier of sktransfer, such as FineTuneClassifier."
            )
        if not (isinstance(self.backbone, str) and self.backbone == "auto"):
            raise ValueError(
                f"backbone={self.backbone!r} and source are both given, but the source "
                "has a backbone of its own: leave backbone='auto'."
            )
        return start

    def _modality(self):
        """Return "text" if the source's backbone is for texts: they look like paths."""
        given = getattr(self, "source", None) is not None
        if given and self._start()._input_modality == "text":
            return "text"
        return super()._modality()

    def _domain_rows(self, inputs, y, sample_domain, sample_weight, methods, start):
        """Return checked rows with the part each plays; those of weight 0 are out."""
        domains = self._domains(y, sample_domain, len(inputs), methods, start)
        unnamed = y is None
        y = np.zeros(len(inputs), dtype=int) if unnamed else y
        check_consistent_length(inputs, y)
        weight = check_weight(sample_weight, len(inputs))
        labels = np.asarray(y)
        if weight is not None:
            kept = np.flatnonzero(weight)
            inputs, domains = inputs.take(kept), domains.take(kept)
            labels, weight = labels[kept], weight[kept]
        told = sample_domain is not None or self.method != "auto"
        _check_domains(domains, start, methods, told)
        if not told:
            _warn_of_fillings(labels)
        if unnamed and domains.labelled.any():
            row = int(np.flatnonzero(domains.labelled)[0])
            raise ValueError(
                f"sample_domain marks row {row} as labelled, but y is None. Pass y, or "
                "a negative domain for every row."
            )
        rows = self._encoded_domain_rows(inputs, labels, weight, domains, start)
        return _with_a_source(rows)

    def _domains(self, y, sample_domain, n_samples, methods, start):
        """Return the domains of the rows; ``fit(X)`` alone means all are target."""
        source_free = start is not None and not methods[0].needs_source
        if y is None and not source_free:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None. Only with source= and a method that needs no source row, such "
                "as 'shot', may it be left out."
            )
        if y is None and sample_domain is None:
            sample_domain = np.full(n_samples, -1)
        return read_domains(sample_domain, n_samples, self.target_domain)

    def _encoded_domain_rows(self, inputs, labels, weight, domains, start):
        import torch

        from .._training.domains import DomainRows

        labelled = np.flatnonzero(domains.labelled)
        target = np.zeros(len(labels), dtype=np.int64)
        target[labelled], weight = self._encoded(labels, labelled, weight, start)
        return DomainRows(
            inputs,
            torch.from_numpy(target),
            None if weight is None else torch.as_tensor(weight).to(float_dtype(inputs)),
            torch.from_numpy(domains.domain),
            np.flatnonzero(domains.labelled & ~domains.target),
            np.flatnonzero(domains.labelled & domains.target),
            np.flatnonzero(domains.target),
        )

    def _encoded(self, labels, labelled, weight, start):
        """Return the class indices of labelled rows, and the weights of all rows."""
        some = None if weight is None else weight[labelled]
        if start is not None:
            self.classes_, self._weight_of_class = start.classes_, None
        if not len(labelled):
            self._count(labelled, None, more=False)
            return labelled, weight
        y = self._checked_target(of_one_type(labels[labelled]))
        target = self._encode(y, some, reset=start is None)
        self._weigh_classes(y, some)
        self._count(target, some, more=False)
        some = self._with_class_weight(target, some)
        if some is not None:
            weight = np.ones(len(labels)) if weight is None else weight.copy()
            weight[labelled] = some
        return target, weight

    def _is_known(self):
        """Whether more is known of the backbone than that it is some module.

        A module that shows no sign of training learns as one of random weights: to
        adapt, the whole net has to move.
        """
        from torch import nn

        from ..backbones import Backbone
        from ..backbones._modules import looks_trained

        if isinstance(self.backbone, Backbone) or not isinstance(
            self.backbone, nn.Module
        ):
            return True
        return looks_trained(self.backbone) is True

    def _split(self, rows, seed):
        """Set a part of the source rows aside for validation."""
        from .._training.fit import Rows

        train, held_out = split_numbers(
            rows.source, rows.y, self.validation_fraction, seed
        )
        return rows._replace(source=train), Rows(*rows[:3]).take(held_out)

    def _module(self, rows, start):
        """Return the module to train, its objective and the configuration."""
        import torch

        from .._training.config import TrainingConfig
        from .._training.head import build_head
        from .._training.module import TransferModule
        from .._training.objective import Objective

        dtype = float_dtype(rows.inputs)
        own = None if start is None else start.backbone_
        backbone = self._new_backbone(rows.inputs, rows.weight, backbone=own)
        self.weights_ = backbone.weights
        if start is None:
            scratch = not (backbone.pretrained and self._is_known())
            n_classes = len(self.classes_)
            head = build_head(self.head, backbone, n_classes, dtype, not scratch)
        else:
            scratch = start.net_.config.from_scratch
            head = copy.deepcopy(start.net_.module_.head).cpu().to(dtype)
        config = TrainingConfig.of(self, from_scratch=scratch)
        counts = torch.as_tensor(self._class_counts, dtype=dtype, device=config.device)
        loss = self._losses()[self.loss]() if isinstance(self.loss, str) else self.loss
        return TransferModule(backbone, head), Objective(loss, counts), config


def _check_domains(domains, start, methods, told):
    """Refuse rows without a label where one is needed; warn where none is a target.

    `told`: whether the caller said anything of domains or methods.
    """
    from ..adaptation import SourceOnly

    source_free = start is not None and not methods[0].needs_source
    if not (source_free or domains.labelled.any()):
        raise ValueError(
            f"method={type(methods[0]).__name__!r} needs labelled rows, but "
            "sample_domain is negative for every row (those of sample_weight zero do "
            "not count): add source rows with a positive domain, or pass "
            "source=FrozenEstimator(fitted) and a method such as 'shot'."
        )
    if told and not domains.target.any() and not isinstance(methods[0], SourceOnly):
        warnings.warn(
            f"No row is of a target domain, so that {type(methods[0]).__name__} has "
            "nothing to adapt to: this is supervised training on all rows. Pass "
            "sample_domain, negative for unlabelled rows (pack_domains makes it), or "
            "target_domain.",
            UserWarning,
            stacklevel=2,
        )
    wanting = [m for m in methods if m.needs_labelled_target]
    if (
        wanting
        and domains.target.any()
        and not (domains.labelled & domains.target).any()
    ):
        warnings.warn(
            f"{type(wanting[0]).__name__} learns from labelled target rows, but there "
            "are none: mark them by a positive domain, such as 2 where the unlabelled "
            "rows have -2. Without any it trains on the source alone.",
            UserWarning,
            stacklevel=2,
        )


def _warn_of_fillings(labels):
    """Warn of what `pack_domains` puts where there is no label: here it is a class."""
    filling = _filling(labels.ravel())
    if filling is not None:
        warnings.warn(
            f"y holds {filling!r}, which pack_domains puts where there is no label. "
            "Without sample_domain it is a class like any other. If it is none, pass "
            "sample_domain to fit: through a Pipeline, by metadata routing or as "
            "domainadaptclassifier__sample_domain.",
            UserWarning,
            stacklevel=2,
        )


def _filling(labels):
    """Return the label that is likely none, or None: {-1, 1} are classes."""
    if labels.dtype.kind in "if":
        is_last = labels.size and labels.min() == -1
        return -1 if is_last and len(np.unique(labels)) > 2 else None
    named = any(isinstance(label, str) and label == "unlabelled" for label in labels)
    return "unlabelled" if named else None


def _with_a_source(rows):
    """Return rows in which labelled target rows stand in for a missing source."""
    if len(rows.source) or not len(rows.labelled):
        return rows
    return rows._replace(source=rows.labelled, labelled=rows.labelled[:0])
