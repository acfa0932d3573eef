"""The net, when it learns from rows without labels."""

from contextlib import nullcontext

import torch

from .._utils.device import autocast
from .._utils.seeds import isolated_rng
from .figures import EpochFigures
from .net import TransferNet
from .objective import check_scalar


class PretrainingNet(TransferNet):
    """A `TransferNet` whose objective needs no labels.

    Parameters
    ----------
    views : callable or None
        From raw inputs to a changed view of them; None where the batches hold views.
    shape : tuple of int
        Of a prepared row.
    seed : int
        Of what is drawn for held-out rows, the same in every epoch.
    """

    def __init__(self, *args, views=None, shape=None, seed=0, **kw):
        self.views = views
        self.shape = shape
        self.seed = seed
        super().__init__(*args, **kw)
        self.cuda_dependent_attributes_ = [*self.cuda_dependent_attributes_, "views"]

    def train_step(self, batch, **fit_params):
        """Take one optimizer step."""
        self._run.prepare_step()
        loss = self._loss(batch)
        self._backward_and_step(loss, batch)
        return {"loss": loss, "y_pred": loss}

    def validation_step(self, batch, **fit_params):
        """Compute the objective without training."""
        with torch.no_grad():
            loss = self._loss(batch)
        return {"loss": loss, "y_pred": loss}

    def run_single_epoch(self, iterator, training, *args, **kw):
        """Run over the batches; held-out ones meet the same random numbers again."""
        same = nullcontext() if training else isolated_rng(self.seed, self.device)
        with same:
            super().run_single_epoch(iterator, training, *args, **kw)

    def held_out_loss(self, batches):
        """Return the mean of the objective over `batches`."""
        self.module_.to(self.device)  # prediction may have taken it elsewhere
        self._set_training(False)
        figures = EpochFigures(classification=False)
        with isolated_rng(self.seed, self.device):
            for batch in batches:
                step = self.validation_step(batch)
                figures.add(step["loss"], step["y_pred"], batch)
        return figures.result()[0]

    def _loss(self, batch):
        value = self.objective.loss(self._map, *self._views(batch))
        check_scalar(value, self.objective)
        return value

    def _map(self, rows):
        """Run prepared rows through backbone and head."""
        precision, modality = self.config.precision, self.module_.backbone.modality
        with autocast(precision, torch.device(self.device), modality):
            outputs = self.module_(rows, prepared=True).logits
        return outputs if outputs.dtype == torch.float64 else outputs.float()

    def _views(self, batch):
        """Return the prepared views of a batch."""
        n_views = self.objective.n_views
        if n_views == 1:
            return [self._prepared(batch)]
        if self.views is None:
            views = batch.inputs.chunk(n_views, dim=1)
        else:
            views = [self.views(batch.inputs) for _ in range(n_views)]
        return [self.module_.backbone.prepare(view) for view in views]

    def _prepared(self, batch):
        # Whoever hears of a batch before the step may have changed its inputs.
        if batch.prepared is not None and "on_batch_begin" not in self.listens_:
            return batch.prepared
        rows = self.module_.backbone.prepare(batch.inputs)
        if rows.shape[1:] != self.shape:
            raise ValueError(
                f"The decoder makes images of {_size(self.shape)} pixels, as the first "
                f"ones in fit, but got {_size(rows.shape)}. Pass images of that size, "
                "an augment that keeps it, or image_size."
            )
        return rows


def _size(shape):
    return " x ".join(map(str, shape[-2:]))
