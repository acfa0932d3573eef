"""The net, when it learns from two domains."""

from contextlib import nullcontext

import torch

from .adaptation import Sight, in_float32
from .batches import Batch
from .figures import EpochFigures
from .net import TransferNet


class AdaptingNet(TransferNet):
    """A `TransferNet` over steps of source and target rows.

    Parameters
    ----------
    adaptation : Adaptation
    views : callable or None
        From raw target inputs to a strongly changed view.
    target_batches : iterable of Batch or None
        All target rows, in order.
    """

    def __init__(self, *args, adaptation, views=None, target_batches=None, **kw):
        self.adaptation = adaptation
        self.views = views
        self.target_batches = target_batches
        super().__init__(*args, **kw)

    def train(self, batches, validation=None, epochs=1, schedule="constant"):
        """Train over `batches`, counting the steps."""
        self._taken, self._planned = 0, epochs * len(batches)
        return super().train(batches, validation, epochs, schedule)

    def share_optimizer(self):
        """Let what learns along step with the net, if that has the same optimizer.

        One step of both is faster than two. Callbacks would take it for the net's.
        """
        auxiliary = self.adaptation.optimizer
        if auxiliary is None or self.config.callbacks:
            return
        if type(auxiliary) is type(self.optimizer_):
            self.optimizer_.add_param_group(auxiliary.param_groups[0])
            self.adaptation.optimizer = None

    def on_epoch_begin(self, net, **kwargs):
        """Let the methods look at all target rows."""
        super().on_epoch_begin(net, **kwargs)
        self._bare, self._sight = {}, None
        game = Game(self, None)
        for method in self.adaptation.methods:
            method.begin_epoch(game)

    def figures(self, training):
        """Return what collects figures; where the head is kept, labels don't train."""
        learns = self.adaptation.methods[0].trains in ("all", "nothing")
        return EpochFigures(learns or not training)

    def train_step(self, batch, **fit_params):
        """Take the optimizer steps of one batch."""
        self._run.prepare_step()
        self.progress_ = self._taken / self._planned
        self._taken += 1
        (method, *others) = self.adaptation.methods
        if not others and callable(method.step):
            return self._alternate(method, batch)
        return self._one_step(batch)

    def _alternate(self, method, batch):
        """Let the players of an alternating method take their turns."""
        game = Game(self, batch)
        loss = method.step(game)
        self._note({self.adaptation.names[0]: loss.detach()})
        task, logits = game.recorded or (loss, _logits(game.seen))
        return {"loss": task, "y_pred": logits}

    def _one_step(self, batch):
        """Take one step on the sum of all losses."""
        game = Game(self, batch)
        seen = game.see()
        loss, bare = self.adaptation.loss(seen)
        self._note(bare)
        task = loss if seen.logits_s is None else game.task_loss()
        game.learn(task if task is loss else task + loss)
        return {"loss": task, "y_pred": _logits(seen)}

    def _note(self, bare):
        """Keep what the methods found, without waiting for the device."""
        for aux in self.adaptation.modules():
            if hasattr(aux, "domain_accuracy"):  # of several, that of the first
                bare = {"domain_acc": aux.domain_accuracy, **bare}
        for name, value in bare.items():
            key = name if name == "domain_acc" else f"{name}_loss"
            self._bare.setdefault(key, []).append(value)

    def retire(self):
        """Let go of what only training needs."""
        if self.adaptation.parameters and self.adaptation.optimizer is None:
            self.optimizer_.param_groups.pop()
            for parameter in self.adaptation.parameters:
                self.optimizer_.state.pop(parameter, None)
        self.adaptation = self.views = self.target_batches = self._sight = None
        self._bare = {}
        return self

    def _see(self, step, source):
        if self._sight is None:  # of this epoch: freezing may have changed the net
            self._sight = Sight(self.module_, self.adaptation, self.views)
        return self._sight.see(step, self.progress_, source)

    def _learn(self, loss, parts, batch):
        """Take a step of the optimizers whose parameters are in `parts`."""
        optimizers = [self.optimizer_, self.adaptation.optimizer]
        optimizers = [optimizer for optimizer in optimizers if optimizer is not None]
        if parts:  # else those of the last step are still there in the end
            self.adaptation.keep_gradients()
        for parameter in _learnt_by(optimizers):  # zero_grad() costs as much as a layer
            parameter.grad = None
        parameters = [p for part in parts for p in part.parameters() if p.requires_grad]
        if parts and not parameters:  # a callback froze them
            return
        self._backward_and_step(loss, batch, optimizers, parameters or None)

    def _record(self, prefix, figures, n_batches):
        super()._record(prefix, figures, n_batches)
        if prefix == "train":
            for key, values in self._bare.items():
                self.history.record(key, torch.stack(values).float().mean().item())
            self.adaptation.keep_gradients()
            self.adaptation.note_slope()


class Game:
    """What a method may do with one batch.

    Attributes
    ----------
    seen : DomainBatch
        What was seen last.
    recorded : pair of Tensor
        The task loss that was computed first, and the logits of its source rows.
    aux : nn.Module or None
        What the first method built.
    """

    def __init__(self, net, step):
        self.net, self.step = net, step
        self.seen = self.recorded = None

    @property
    def backbone(self):
        """The backbone in training."""
        return self.net.module_.backbone

    @property
    def head(self):
        """The head in training."""
        return self.net.module_.head

    @property
    def aux(self):
        """What the (one) method built."""
        return self.net.adaptation.auxiliaries[0]

    @property
    def factor(self):
        """The weight of the (one) method by now, ramp included."""
        adaptation = self.net.adaptation
        return adaptation.factor(adaptation.methods[0], self.net.progress_)

    def see(self, *, source=True, backbone_learns=True):
        """Run the batch through the net and return its DomainBatch.

        `source`: False leaves the source rows out. `backbone_learns`: False cuts the
        gradient off behind the features.
        """
        learning = nullcontext() if backbone_learns else torch.no_grad()
        with self.net._run.autocast, learning:
            self.seen, self._labelled = self.net._see(self.step, source)
        if not backbone_learns:
            self._run_head_anew()
        return self.seen

    def _run_head_anew(self):
        logits = {
            f"logits_{domain}": self.head(features)
            for domain in "st"
            if (features := getattr(self.seen, f"features_{domain}")) is not None
        }
        self.seen = self.seen._replace(**logits)
        if self._labelled is not None:
            logits = self.head(self._labelled.features)
            self._labelled = self._labelled._replace(logits=logits)

    def source_features(self, backbone):
        """Return what `backbone`, which does not learn, makes of the source rows."""
        with torch.no_grad(), self.net._run.autocast:
            features = backbone(self.step.inputs)
        return features.to(self.seen.features_t.dtype)

    def task_loss(self, head=None):
        """Return the task loss of what was seen last, through `head` or the net's."""
        net, step, seen = self.net, self.step, self.seen
        logits = seen.logits_s if head is None else head(seen.features_s)
        loss = net.objective.task_loss(logits, Batch(step.inputs, step.y, step.weight))
        if (weight := net.adaptation.source_weight) != 1:
            loss = weight * loss
        if (labelled := self._labelled) is not None:
            aside = labelled.logits if head is None else head(labelled.features)
            loss = loss + net.objective.task_loss(aside, step.labelled)
        if self.recorded is None:
            self.recorded = loss, logits
        return loss

    def learn(self, loss, *parts):
        """Take an optimizer step for `parts` (modules; none: for all) on `loss`."""
        self.net._learn(loss, parts, self.step)

    def target_outputs(self):
        """Return features, logits and weights of all target rows, as predicted."""
        module, batches = self.net.module_.eval(), self.net.target_batches
        with torch.no_grad(), self.net._run.autocast:
            outputs = [(module(batch.inputs), batch.weight) for batch in batches]
        outputs = [(in_float32(output), weight) for output, weight in outputs]
        features = torch.cat([output.features for output, _ in outputs])
        logits = torch.cat([output.logits for output, _ in outputs])
        weights = [weight for _, weight in outputs]
        return features, logits, None if weights[0] is None else torch.cat(weights)


def _logits(seen):
    return seen.logits_t if seen.logits_s is None else seen.logits_s


def _learnt_by(optimizers):
    """Yield the parameters of all groups of the optimizers."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            yield from group["params"]
