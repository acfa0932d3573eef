"""Train the bundled backbone on scenes made by program.

``python tools/bundled_backbone/train.py --steps 5000 --cooldown 1000`` draws the bank
of objects and textures, and trains. ``export.py`` writes the file and its card. Run
again after an interruption, training goes on from the last checkpoint. The
learning rate is constant up to the cooldown: as long as that has not begun, ``--steps``
may be changed, and the result is the same as if it had been so from the start.
"""

import argparse
import time
from pathlib import Path

import bank
import numpy as np
import torch
from scenes import IGNORED, N_COLOURS, Painter
from torch import nn
from torch.nn import functional as F

from sktransfer.backbones import load_backbone

SEED = 0
# Sides of the scenes in pixels: share of the steps, and scenes in a batch.
SIZES = {16: (0.2, 128), 32: (0.55, 128), 64: (0.25, 64)}
PEAK, WARM_UP, WEIGHT_DECAY = 3e-3, 100, 0.05
WEIGHTS = {"objects": 1.0, "textures": 0.5, "colours": 0.2}
CHECKPOINT_EVERY = 100


class Trainer:
    """The backbone, one linear head per question, and the optimizer."""

    def __init__(self, painter):
        torch.manual_seed(SEED)
        self.painter = painter
        backbone = load_backbone("synthnet", weights=None)
        outputs = [*painter.n_classes, N_COLOURS]
        heads = nn.ModuleDict(
            {
                name: nn.Linear(backbone.n_features, n)
                for name, n in zip(WEIGHTS, outputs, strict=True)
            }
        )
        self.model = nn.ModuleDict({"backbone": backbone, "heads": heads})
        self.model.to(memory_format=torch.channels_last).train()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), weight_decay=WEIGHT_DECAY, fused=True
        )
        self.figures = []

    @property
    def step(self):
        """Number of steps taken."""
        return len(self.figures)

    def run(self, options, checkpoint):
        """Take the steps that are left, saving `checkpoint` now and then."""
        while self.step < options.steps:
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.step, options)
            self.figures.append(self.one_step())
            if self.step % CHECKPOINT_EVERY == 0 or self.step == options.steps:
                self.save(checkpoint)
                print(self.step, *self.summary(), flush=True)

    def one_step(self):
        """Learn from one batch; return its losses and its accuracy for objects."""
        size, n = _size_of(self.step)
        generator = torch.Generator().manual_seed(SEED * 10**9 + self.step)
        scenes = self.painter.paint(n, size, generator)
        with torch.autocast("cpu", torch.bfloat16):
            features = self.model["backbone"](scenes.images)
            answers = {k: head(features) for k, head in self.model["heads"].items()}
        losses = _losses({k: a.float() for k, a in answers.items()}, scenes)
        self.optimizer.zero_grad()
        sum(WEIGHTS[name] * loss for name, loss in losses.items()).backward()
        self.optimizer.step()
        shown = scenes.object_classes != IGNORED
        right = answers["objects"].argmax(1) == scenes.object_classes
        accuracy = right[shown].float().mean()
        return [round(v.item(), 4) for v in (*losses.values(), accuracy)]

    def summary(self):
        """Means over the latest steps: the losses, and the accuracy for objects."""
        latest = self.figures[-CHECKPOINT_EVERY:]
        return np.nanmean(latest, axis=0).round(3).tolist()

    def save(self, path):
        """Write all that is needed to go on."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "figures": self.figures,
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path):
        """Go on from what `save` wrote."""
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.figures = state["figures"]


def learning_rate(step, options):
    """Warm up, stay, and fall linearly in the cooldown."""
    left = (options.steps - step) / options.cooldown
    return PEAK * min(1, (step + 1) / WARM_UP, left)


def _size_of(step):
    shares = [share for share, _ in SIZES.values()]
    size = np.random.default_rng((SEED, step)).choice(list(SIZES), p=shares)
    return int(size), SIZES[size][1]


def _losses(answers, scenes):
    options = {"label_smoothing": 0.05, "ignore_index": IGNORED}
    return {
        "objects": F.cross_entropy(
            answers["objects"], scenes.object_classes, **options
        ),
        "textures": F.cross_entropy(
            answers["textures"], scenes.texture_classes, **options
        ),
        "colours": F.mse_loss(answers["colours"], scenes.colours),
    }


def parsed():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--cooldown", type=int, required=True)
    parser.add_argument("--folder", type=Path, default=Path("build/bundled_backbone"))
    return parser.parse_args()


def main():
    """Draw, train, and write."""
    options = parsed()
    torch.set_num_threads(1)
    started = time.process_time()
    trainer = Trainer(Painter(bank.load(options.folder / "bank.npz")))
    checkpoint = options.folder / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    trainer.run(options, checkpoint)
    print(f"{time.process_time() - started:.0f} s of processor time in this run")


if __name__ == "__main__":
    main()
