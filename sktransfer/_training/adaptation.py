"""The methods of one training, with the modules that learn along."""

import math
from functools import partial, reduce
from operator import add

import torch

from ..adaptation._base import AdaptationMethod, DomainBatch, scale_gradient
from .objective import at_least_float32, check_scalar

# Of discriminators, as is usual for adversaries: little momentum, since what they are
# to tell apart changes with every step [Radford, Metz, Chintala, ICLR 2016].
_AUXILIARY_OPTIMIZER = partial(
    torch.optim.AdamW, lr=1e-3, betas=(0.5, 0.999), weight_decay=1e-3, fused=True
)


class Adaptation:
    """Methods at work.

    Parameters
    ----------
    methods : list of AdaptationMethod
        Copies: they may keep what they find out in training.
    ramp : bool
        Whether the weights rise from 0 over the training.
    """

    def __init__(self, methods, ramp):
        self.methods, self.ramp = methods, ramp
        self.names = _names(methods)
        self.auxiliaries = [None] * len(methods)
        self.parameters, self.optimizer = [], None
        self.slope, self._gradients = 0.0, []

    def build(self, head, n_features, n_classes):
        """Make the modules that learn along, in the precision of `head`."""
        like = next(head.parameters())
        built = [method.build(n_features, n_classes) for method in self.methods]
        self.auxiliaries = [None if aux is None else aux.to(like) for aux in built]
        self.parameters = [p for aux in self.modules() for p in aux.parameters()]
        if self.parameters:
            self.optimizer = _AUXILIARY_OPTIMIZER(self.parameters)

    def discriminating(self):
        """Return the name of the method whose module tells domains apart, or None."""
        for method, aux in zip(self.methods, self.auxiliaries, strict=True):
            if hasattr(aux, "domain_accuracy"):
                return type(method).__name__
        return None

    def modules(self):
        """Return the modules that learn along."""
        return [aux for aux in self.auxiliaries if aux is not None]

    def keep_gradients(self):
        """Hold on to the gradients of the modules that learn along, if they have any.

        Where players take turns, the last step of a batch may be another one's.
        """
        grads = [p.grad for p in self.parameters if p.grad is not None]
        self._gradients = grads or self._gradients

    def note_slope(self):
        """Note the norm of the last gradient of the modules that learn along."""
        if self._gradients:
            self.slope = torch.nn.utils.get_total_norm(self._gradients).item()

    def any(self, name):
        """Whether a method has the property called `name`."""
        return any(getattr(method, name) for method in self.methods)

    @property
    def source_weight(self):
        """Weight of the task loss on source rows."""
        return math.prod(method.source_weight for method in self.methods)

    def factor(self, method, progress):
        """Return the weight of the loss of `method`, `progress` 0 to 1."""
        weight = getattr(method, "weight", 1.0)
        if not self.ramp or method.source_first:
            return weight
        return weight * (2 / (1 + math.exp(-10 * progress)) - 1)

    def loss(self, seen):
        """Return the sum of the losses of a DomainBatch, and each as it is."""
        terms, bare = [], {}
        parts = zip(self.names, self.methods, self.auxiliaries, strict=True)
        for name, method, aux in parts:
            factor = self.factor(method, seen.progress)
            view = seen if method.needs_logits else seen._replace(**_NO_LOGITS)
            # What learns along does so at full strength: weighted is what flows back.
            if aux is not None:
                view = _with_scaled_gradient(view, factor)
            value = method.loss(view, aux)
            if value is None and type(method).loss is AdaptationMethod.loss:
                continue
            check_scalar(value, method)
            terms.append(factor * value if aux is None else value)
            bare[name] = value.detach()
        # an addition of 0 has its price, there and back
        return reduce(add, terms) if terms else 0.0, bare


def _names(methods):
    """Return the names of the methods in the history; a second DAN is "dan_2"."""
    names = [type(method).__name__.lower() for method in methods]
    before = [names[:i].count(name) for i, name in enumerate(names)]
    return [
        f"{name}_{n + 1}" if n else name for name, n in zip(names, before, strict=True)
    ]


_LOGITS = ("logits_s", "logits_t", "views_t")
_NO_LOGITS = dict.fromkeys(_LOGITS)


def _with_scaled_gradient(seen, factor):
    """Return `seen`, with gradients that are multiplied by `factor` on the way back."""
    scaled = {
        name: scale_gradient(getattr(seen, name), factor)
        for name in ("features_s", "features_t", *_LOGITS)
        if getattr(seen, name) is not None
    }
    for name in ("stages_s", "stages_t"):
        if getattr(seen, name) is not None:
            scaled[name] = [scale_gradient(m, factor) for m in getattr(seen, name)]
    return seen._replace(**scaled)


class Sight:
    """What the module makes of the rows of a step.

    Source and target go through batch norm one after the other, so that each is
    normalised by statistics of its own; without batch norm all go through at once.
    """

    def __init__(self, module, adaptation, views):
        self.module, self.views = module, views
        self.needs_views = adaptation.any("needs_views")
        self.needs_stages = adaptation.any("needs_stages")
        self.needs_logits = adaptation.any("needs_logits")
        self.apart = any(
            isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.training
            for m in module.modules()
        )

    def see(self, step, progress, source=True):
        """Return the DomainBatch of a step and the logits of its labelled target rows.

        `source`: False leaves the source rows out.
        """
        parts = self._parts(step, source)
        # without source rows, the figures of an epoch are those of the target
        can_do_without = "source" in parts and step.labelled is None
        outputs = self._forward(parts, self.needs_logits or not can_do_without)
        fields, labelled = {}, None
        if "source" in outputs:
            fields |= self._fields(outputs["source"], "s")
            y = step.y if step.y.ndim == 1 else step.y.argmax(1)  # of mixed labels
            fields |= {"y_s": y, "weight_s": step.weight, "domain_s": step.domain}
        if "target" in outputs:
            n_labelled = 0 if step.labelled is None else len(step.labelled.y)
            labelled, target = _split(outputs["target"], n_labelled)
        if step.target is not None:
            fields |= self._fields(target, "t")
            fields |= {"weight_t": step.target.weight, "index_t": step.target.index}
        if "views" in outputs:
            fields["views_t"] = outputs["views"].logits
        return DomainBatch(**fields, progress=progress), labelled

    def _parts(self, step, source):
        parts = {}
        if source and step.domain is not None:
            # changed as much as the views, whose labels the net learns to guess by it
            inputs = self.views(step.inputs) if self.needs_views else step.inputs
            parts["source"] = (inputs, step.weight)
        aimed = [part for part in (step.labelled, step.target) if part is not None]
        if aimed:
            parts["target"] = _concatenated(aimed)
        if step.target is not None and self.needs_views:
            parts["views"] = (self.views(step.target.inputs), step.target.weight)
        return parts

    def _forward(self, parts, needs_logits):
        """Return the outputs of each part by name, in one pass if the net allows it.

        Without `needs_logits`, those of the target may be None.
        """
        inputs = [rows for rows, _ in parts.values()]
        same = len({(rows.dtype, rows.shape[1:]) for rows in inputs}) == 1
        if not self.apart and same and len(parts) > 1:
            output = in_float32(self.module(torch.cat(inputs)))
            pieces = _pieces(output, [len(rows) for rows in inputs])
            return dict(zip(parts, pieces, strict=True))
        return {
            name: in_float32(
                self.module(*part, needs_logits=needs_logits or name == "source")
            )
            for name, part in parts.items()
        }

    def _fields(self, output, domain):
        fields = {f"features_{domain}": output.features, f"logits_{domain}": output[0]}
        if self.needs_stages:
            pool = self.module.backbone.pooling.pool_stage
            fields[f"stages_{domain}"] = [pool(maps) for maps in output.maps]
        return fields


def in_float32(output):
    """Return an Output in the precision that losses are computed in, or a finer one."""
    logits, features, maps = output
    return type(output)(
        None if logits is None else at_least_float32(logits),
        at_least_float32(features),
        None if maps is None else [at_least_float32(stage) for stage in maps],
    )


def _concatenated(parts):
    """Return inputs and weights of several groups of rows as one group."""
    if len(parts) == 1:
        return parts[0].inputs, parts[0].weight
    weights = [part.weight for part in parts]
    inputs = [part.inputs for part in parts]
    if len({rows.dtype for rows in inputs}) > 1:  # augmented to floats
        inputs = [r if r.is_floating_point() else r.float() / 255 for r in inputs]
    return torch.cat(inputs), None if weights[0] is None else torch.cat(weights)


def _split(output, n):
    """Return the first `n` rows of an Output, None if there are none, and the rest."""
    if n == 0:
        return None, output
    return _pieces(output, [n, len(output.logits) - n])


def _pieces(output, sizes):
    """Return an Output in pieces of so many rows; one gradient comes back from all."""
    logits, features = output.logits.split(sizes), output.features.split(sizes)
    maps = [None] * len(sizes)
    if output.maps is not None:
        maps = zip(*(stage.split(sizes) for stage in output.maps), strict=True)
    return list(map(type(output), logits, features, maps))
