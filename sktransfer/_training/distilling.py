"""The net, when it learns from a teacher."""

from typing import Any, NamedTuple

import torch

from ..distillation import DistillationBatch
from .net import TransferNet
from .objective import at_least_float32, check_scalar
from .teaching import Said, agreed

# Where no row of a batch has a label, the mean over them is that of nothing.
_NO_WEIGHT = 1e-12


class Lesson(NamedTuple):
    """What is learnt from a teacher, and how.

    Attributes
    ----------
    method : DistillationMethod
    aux : nn.Module or None
        What the method built.
    alpha, temperature : float
    teacher : callable(Batch) -> Said, or None if it is trained along
    weight : Tensor (n,) or None
        Weights of all rows. Those of a batch are zero where there is no label.
    labels : {"all", "some", "none"}
        Of which rows there are labels.
    """

    method: Any
    aux: Any
    alpha: float
    temperature: float
    teacher: Any
    weight: Any
    labels: str

    def loss(self, output, said, weight):
        """Return the loss of the method."""
        seen = DistillationBatch(
            output.logits,
            said.logits,
            output.features,
            said.features,
            weight,
            self.temperature,
        )
        value = self.method.loss(seen, self.aux)
        check_scalar(value, self.method)
        return value


class DistillingNet(TransferNet):
    """A `TransferNet` that learns from labels and from a teacher.

    Parameters
    ----------
    lesson : Lesson
    peers : list of TransferNet
        Nets that are trained along: all learn from one another.
    """

    #: Teachers and peers look at the inputs of batches.
    needs_raw = True

    def __init__(self, *args, lesson, peers=(), **kw):
        self.lesson = lesson
        self.peers = peers
        super().__init__(*args, **kw)

    def initialize_optimizer(self, triggered_directly=None):
        """Let the module of the method learn as the head does."""
        super().initialize_optimizer(triggered_directly)
        if self.lesson.aux is not None:
            parameters = list(self.lesson.aux.parameters())
            self.optimizer_.add_param_group({"params": parameters})
            self._peaks.append(self.optimizer_.param_groups[-1]["lr"])
        return self

    def train(self, batches, validation=None, epochs=1, schedule="constant"):
        """Train over `batches`, the peers too."""
        batches.number_rows()
        for peer in self.peers:
            peer.start(schedule, epochs * len(batches))
            peer._set_training(True)
        try:
            return super().train(batches, validation, epochs, schedule)
        finally:
            for peer in self.peers:
                peer.stop()
                peer._set_training(False)

    def on_epoch_begin(self, net, **kwargs):
        """Begin the figures of an epoch."""
        super().on_epoch_begin(net, **kwargs)
        self._steps = []
        for peer in self.peers:
            peer.history.new_epoch()
            peer.history.record("epoch", len(peer.history))

    def train_step(self, batch, **fit_params):
        """Take one optimizer step, and one with each peer."""
        weight = self.lesson.weight
        weight = None if weight is None else weight[batch.numbers]
        # what is prepared is so for the backbone of this net alone
        raw = batch._replace(prepared=None)
        outputs = [_seen(self, batch, weight)]
        outputs += [_seen(peer, raw, weight) for peer in self.peers]
        steps = []
        for number, net in enumerate([self, *self.peers]):
            others = [*outputs[:number], *outputs[number + 1 :]]
            said = self._said(batch, others)
            steps.append(self._learn(net, outputs[number], said, batch, weight))
        self._steps.append(steps)
        task, method = steps[0]
        loss = method if task is None else task
        return {"loss": loss, "y_pred": outputs[0].logits}

    def _said(self, batch, others):
        """Return what the teacher, or all other nets, say of a batch."""
        if others:
            return agreed([Said(other.logits.detach(), None) for other in others])
        with self._run.autocast:
            said = self.lesson.teacher(batch)
        return Said(*(None if t is None else at_least_float32(t) for t in said))

    def _learn(self, net, output, said, batch, weight):
        """Take the step of one net; return the losses of labels and method."""
        alpha, method = self.lesson.alpha, self.lesson.loss(output, said, weight)
        task, labels = self._label_losses(net, output.logits, batch, weight)
        loss = alpha * method
        if labels is not None:
            loss = loss + (1 - alpha) * labels
        net._backward_and_step(loss, batch)
        return None if task is None else task.detach(), method.detach()

    def _label_losses(self, net, logits, batch, weight):
        """Return the loss of labels as a mean over labelled rows and over all rows."""
        if self.lesson.labels == "none":
            return None, None
        if self.lesson.labels == "all":
            return 2 * (net.objective.task_loss(logits, batch),)
        total = (net.objective.row_losses(logits, batch.y) * batch.weight).sum()
        n_labelled = batch.weight.sum().clamp_min(_NO_WEIGHT)
        return total / n_labelled, total / weight.sum()

    def retire(self):
        """Let go of what only training needs."""
        if self.lesson.aux is not None:
            for parameter in self.optimizer_.param_groups.pop()["params"]:
                self.optimizer_.state.pop(parameter, None)
            self._peaks.pop()
        self.lesson, self.peers, self._steps = None, (), []
        return self

    def _record(self, prefix, figures, n_batches):
        super()._record(prefix, figures, n_batches)
        if prefix == "train":
            name = type(self.lesson.method).__name__.lower()
            own, *others = zip(*self._steps, strict=True)
            self.history.record(f"{name}_loss", _mean(method for _, method in own))
            for peer, steps in zip(self.peers, others, strict=True):
                peer.history.record("train_loss", _mean(task for task, _ in steps))


def _mean(values):
    return torch.stack(list(values)).float().mean().item()


def _seen(net, batch, weight):
    """Return the `Output` of a net that is about to take a step."""
    net._run.prepare_step()
    with net._run.autocast:
        output = net._forward(batch, weight)
    return type(output)(*(at_least_float32(part) for part in output[:2]))
