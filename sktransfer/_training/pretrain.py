"""Self-supervised training of a backbone."""

import torch

from .._utils.device import resolve_device
from ..finetuning import SquaredError
from ..pretraining import Denoising
from .config import TrainingConfig
from .fit import Rows, build_net, fit_net
from .head import build_head
from .module import TransferModule
from .objective import Objective


def pretrain_on_table(backbone, inputs, *, seed, device="auto", verbose=0):
    """Train `backbone` in place as a denoising autoencoder of standardised rows."""
    table = inputs.tensor()
    with torch.no_grad():
        target = backbone.prepare(table)
    decoder = build_head("linear", backbone.n_features, table.shape[1], table.dtype)
    module = TransferModule(backbone, decoder, corrupt=Denoising().corrupt)
    config = TrainingConfig(
        max_epochs="auto",
        batch_size=64,
        lr="auto",
        backbone_lr_ratio=1.0,
        lr_schedule="one_cycle",
        optimizer="adamw",
        weight_decay=None,
        early_stopping=False,
        n_iter_no_change=1,
        precision="float32",
        compile=False,
        device=resolve_device(device),
        num_workers=None,
        callbacks=None,
        verbose=verbose,
        from_scratch=True,
    )
    net = build_net(module, Objective(SquaredError()), config, classification=False)
    fit_net(net, Rows(inputs, target, None), seed=seed)
    backbone.eval().requires_grad_(True)
    backbone.weights, backbone.pretrained = "denoising autoencoder", True
