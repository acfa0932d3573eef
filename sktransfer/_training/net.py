"""The one skorch net of the package."""

from dataclasses import replace

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, PrintLog

from .._utils.device import autocast
from ..exceptions import TrainingDivergedError
from .figures import EpochFigures
from .optimizers import build_optimizer, peak_lr
from .schedules import factors

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


class TransferNet(NeuralNet):
    """A `NeuralNet` over batches that lie ready, at the cost of a bare loop.

    Figures are taken once an epoch, batch hooks are called only if a callback has
    them, and the learning rate is looked up in a table.

    Parameters
    ----------
    module : TransferModule
    objective : Objective
    config : TrainingConfig
    classification : bool
        Whether accuracy is recorded.
    freezing : callable(module, progress) or None
        Freezes parts of `module` at the begin of an epoch, by progress in 0 to 1.
    """

    def __init__(
        self, module, objective, config, *, classification, freezing=None, **kw
    ):
        self.objective = objective
        self.config = config
        self.classification = classification
        self.freezing = freezing
        super().__init__(
            module,
            torch.nn.Identity,
            train_split=None,
            warm_start=True,
            batch_size=1,  # the length of our batches is their number
            **kw,
        )
        self.cuda_dependent_attributes_ = [
            *self.cuda_dependent_attributes_,
            "objective",
        ]

    @property
    def _default_callbacks(self):
        log = [("print_log", PrintLog())] if self.verbose else []
        return [("epoch_timer", EpochTimer()), *log]

    def initialize_module(self):
        """Take the module as it is: whoever built it copied it."""
        self.module_ = self.module
        if self.config.compile:
            self.module_.backbone.compile()
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Build the optimizer with its groups."""
        self.optimizer_ = build_optimizer(self.module_, self.config)
        self._peaks = [group["lr"] for group in self.optimizer_.param_groups]
        self._scaler = _gradient_scaler(self.config, self.device)
        return self

    def initialize_callbacks(self):
        """Note which batch hooks somebody listens to."""
        super().initialize_callbacks()
        self.listens_ = {
            hook
            for hook in _BATCH_HOOKS
            for _, callback in self.callbacks_
            if getattr(type(callback), hook, None) is not getattr(Callback, hook)
        }
        return self

    @property
    def needs_raw(self):
        """Whether a callback or the regularizer sees the inputs of batches."""
        return bool(self.listens_) or self.objective.regularizer is not None

    def change_lr(self, lr):
        """Go on at another peak learning rate, whatever the optimizer remembers."""
        backbone, before = self.module_.backbone, self.config
        self.config = replace(before, lr=lr)
        factor = peak_lr(self.config, backbone) / peak_lr(before, backbone)
        self._peaks = [factor * peak for peak in self._peaks]

    def train(self, batches, validation=None, epochs=1, schedule="constant"):
        """Train over `batches`; Ctrl-C ends it, keeping the best so far."""
        self.start(schedule, epochs * len(batches))
        self._epoch, self.n_epochs_planned_ = 0, epochs
        done = len(self.history)
        self.notify("on_train_begin", X=batches, y=None)
        try:
            self.fit_loop(batches, validation, epochs=epochs)
        except KeyboardInterrupt:
            self._drop_unfinished_epoch("train" if validation is None else "valid")
            if len(self.history) <= done:
                raise
        except ValueError as error:
            _explain_batch_norm(error, self.config.batch_size)
            raise
        finally:
            self.stop()
        self.notify("on_train_end", X=batches, y=None)
        self._set_training(False)
        return self

    def start(self, schedule, n_steps):
        """Make ready for so many steps."""
        self.module_.to(self.device)  # prediction may have taken it elsewhere
        self._run = _Run(self, factors(schedule, n_steps))

    def stop(self):
        """Let go of what only steps need."""
        self.optimizer_.zero_grad()  # a fitted net has no use for gradients
        del self._run

    def predict(self, X):
        """Return class indices or outputs: what scoring callbacks ask for."""
        outputs = self.predict_proba(X)
        return outputs.argmax(1) if self.classification else outputs

    def check_data(self, X, y=None):
        """Accept batches: estimators have checked the data."""

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return batches for training and, or None, for validation."""
        return X, y

    def get_iterator(self, dataset, training=False):
        """Return the batches: they are their own iterators."""
        return dataset

    def on_epoch_begin(self, net, **kwargs):
        """Freeze what the strategy leaves alone in this epoch."""
        super().on_epoch_begin(net, **kwargs)
        if self.freezing is not None:
            planned = self.n_epochs_planned_
            self.freezing(self.module_, self._epoch / planned if planned > 1 else 1.0)
        self._epoch += 1

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run over the batches and record their mean loss and accuracy."""
        if iterator is None:
            return
        self._set_training(training)
        figures = self.figures(training)
        heard = self.listens_ & {"on_batch_begin", "on_batch_end"}
        for batch in iterator:
            if heard:
                pair = (batch.inputs, batch.y)  # a batch as skorch's callbacks know it
                self.notify("on_batch_begin", batch=pair, training=training)
            step = step_fn(batch)
            figures.add(step["loss"].detach(), step["y_pred"].detach(), batch)
            if heard:
                self._record_batch(prefix, step, batch)
                self.notify("on_batch_end", batch=pair, training=training, **step)
        self._record(prefix, figures, len(iterator))

    def figures(self, training):
        """Return what collects loss and accuracy over an epoch."""
        return EpochFigures(self.classification)

    def train_step(self, batch, **fit_params):
        """Take one optimizer step."""
        self._run.prepare_step()
        with self._run.autocast:
            output = self._forward(batch, batch.weight)
        loss = self.objective.task_loss(output.logits, batch)
        if self.objective.regularizer is not None:
            with self._run.autocast:  # a source computes as the net it is compared to
                penalty = self.objective.penalty(output, self.module_, batch)
            loss = loss + penalty
        self._backward_and_step(loss, batch)
        return {"loss": loss, "y_pred": output.logits}

    def validation_step(self, batch, **fit_params):
        """Compute the task loss without training."""
        with torch.inference_mode(), self._run.autocast:
            logits = self._forward(batch).logits
        return {"loss": self.objective.task_loss(logits, batch), "y_pred": logits}

    def _forward(self, batch, weight=None):
        # Whoever hears of a batch before the step may have changed its inputs.
        if batch.prepared is None or "on_batch_begin" in self.listens_:
            return self.module_(batch.inputs, weight)
        return self.module_(batch.prepared, weight, prepared=True)

    def _backward_and_step(self, loss, batch, optimizers=None, inputs=None):
        """Let `optimizers` (None: the net's) step by the gradients of `loss`.

        `inputs`: the parameters that get one, None for all.
        """
        optimizers = [self.optimizer_] if optimizers is None else optimizers
        scaler = self._scaler
        scaled = loss if scaler is None else scaler.scale(loss)
        scaled.backward(inputs=inputs)
        if scaler is not None:
            optimizers = [each for each in optimizers if _has_gradients(each)]
            for optimizer in optimizers:
                scaler.unscale_(optimizer)
        if "on_grad_computed" in self.listens_:
            named = list(self.get_all_learnable_params())
            self.notify("on_grad_computed", named_parameters=named, batch=batch)
        for optimizer in optimizers:
            optimizer.step() if scaler is None else scaler.step(optimizer)
        if scaler is not None:
            scaler.update()

    def _record_batch(self, prefix, step, batch):
        self.history.record_batch(prefix + "_loss", step["loss"].item())
        self.history.record_batch(prefix + "_batch_size", len(batch.y))

    def _record(self, prefix, figures, n_batches):
        loss, accuracy = figures.result()
        epoch = self.history[-1]
        epoch[prefix + "_loss"] = loss
        epoch[prefix + "_loss_best"] = self._run.is_best(prefix, loss)
        epoch[prefix + "_batch_count"] = n_batches
        if accuracy is not None:
            epoch[prefix + "_acc"] = accuracy
        if not epoch["batches"]:
            self.history.new_batch()  # skorch's Checkpoint looks up the last one
        if prefix == "train":
            epoch["lr"] = self.optimizer_.param_groups[0]["lr"]
            self._check_finite(loss)

    def _check_finite(self, loss):
        if not np.isfinite(loss):
            raise TrainingDivergedError(
                f"The training loss became {loss} in epoch {self._epoch}, at "
                f"lr={self._peaks[0]:g}. Try a tenth of that lr, clip the gradients "
                "with callbacks=[sktransfer.callbacks.ClipGradient()], or look for "
                "extreme values in X or y."
            )

    def _drop_unfinished_epoch(self, last_prefix):
        if self.history and last_prefix + "_loss" not in self.history[-1]:
            del self.history[-1]

    def __getstate__(self):
        """Leave the module out where it is held a second time."""
        state = super().__getstate__()
        state["module"] = None
        return state


class _Run:
    """What one call of `train` needs at every step, looked up once."""

    def __init__(self, net, factors):
        groups = net.optimizer_.param_groups
        some = groups[: len(net._peaks)]  # further ones keep their learning rate
        self.groups = list(zip(some, net._peaks, strict=True))
        self.parameters = [p for group in groups for p in group["params"]]
        self.autocast = autocast(
            net.config.precision,
            torch.device(net.device),
            net.module_.backbone.modality,
        )
        self.factors = iter(factors.tolist())
        self.best = {}
        self._set_learning_rates(factors[0])

    def prepare_step(self):
        """Set the learning rates and clear the gradients."""
        factor = next(self.factors)
        if factor != self.factor:  # a constant one is left to callbacks
            self._set_learning_rates(factor)
        for parameter in self.parameters:  # zero_grad() costs as much as a layer
            parameter.grad = None

    def is_best(self, prefix, loss):
        """Return whether `loss` is the smallest so far."""
        best = loss < self.best.get(prefix, float("inf"))
        if best:
            self.best[prefix] = loss
        return best

    def _set_learning_rates(self, factor):
        self.factor = factor
        for group, peak in self.groups:
            group["lr"] = peak * float(factor)


def _explain_batch_norm(error, batch_size):
    """Raise what to do where batch norm met a batch of a single value per channel."""
    if "more than 1 value per channel" in str(error):
        raise ValueError(
            f"batch_size={batch_size}: batch norm cannot train on a batch of one row "
            "with one pixel, or none, left of it. Pass batch_size=2 or more and at "
            "least two rows, larger images, or strategy='linear_probe'."
        ) from error


def _has_gradients(optimizer):
    groups = optimizer.param_groups
    return any(p.grad is not None for group in groups for p in group["params"])


def _gradient_scaler(config, device):
    """Return the loss scaling that half precision needs, None otherwise."""
    if config.precision != "fp16":
        return None
    return torch.amp.GradScaler(torch.device(device).type)
