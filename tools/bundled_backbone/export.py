"""Write the trained backbone to its file in the package, and its card beside this one.

``python tools/bundled_backbone/export.py`` reads the checkpoint of ``train.py``.
"""

import argparse
import datetime
import hashlib
from pathlib import Path

import bank
import numpy as np
import safetensors.torch
import torch
import train

from sktransfer.backbones import load_backbone

HERE = Path(__file__).parent
FILE = HERE.parents[1] / "sktransfer" / "backbones" / "data" / "synthnet.safetensors"
PREFIX = "backbone."
CARD = """\
# Card of the bundled backbone

`sktransfer/backbones/data/{file}`, {size} bytes, {parameters} parameters in float16
SHA-256 `{digest}`

- **Date**: {date}. **Licence**: BSD-3-Clause, as the package.
- **Data**: no photograph, no drawing by hand, nothing from a network. Programs drew
  {objects} objects of {object_classes} classes (fractals, made-up characters, closed
  curves, bodies of ellipsoids, and characters in the fonts DejaVu, STIX and Computer
  Modern, which matplotlib ships under permissive licences) and {textures} textures of
  {texture_classes} classes (noise, waves, cells, dead leaves, marble, hatching,
  tilings). Scenes set an object before a background, with colour, light, shadow, blur
  and noise, anew in every step.
- **Questions asked of the net**: the class of the object, the class of the texture,
  the mean colours of both (weights {weights}).
- **Settings**: seed {seed}; {steps} steps of AdamW, weight decay {decay}, learning
  rate {peak} with {warm_up} steps of warm-up and a linear fall in the last {cooldown};
  batches by size of the scenes in pixels (share of the steps, scenes): {sizes};
  bfloat16 autocast, one thread of a CPU, 0.13 s a step.
- **Rebuild**: `python tools/bundled_backbone/train.py --steps {steps} --cooldown
  {cooldown}`, then `python tools/bundled_backbone/export.py --cooldown {cooldown}`.
  The same seed, versions and kind of processor give the same weights; others give the
  same up to rounding that training amplifies.
- **Limits**: it has never seen a photograph. It tells edges, strokes, textures, colours
  and simple bodies, not things; for photographs, weights trained on photographs do much
  better. Figures are in `docs/user_guide/bundled_backbone.rst`.

## Log

Means over {every} steps: cross-entropies of objects and textures, squared error of
colours, accuracy for objects.

| step | objects | textures | colours | accuracy |
|---|---|---|---|---|
{log}
"""


def main():
    """Write weights and card."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("build/bundled_backbone"))
    parser.add_argument("--cooldown", type=int, required=True)
    options = parser.parse_args()
    checkpoint = torch.load(options.folder / "checkpoint.pt", weights_only=True)
    state = weights_of(checkpoint)
    FILE.parent.mkdir(exist_ok=True)
    safetensors.torch.save_file(state, FILE)
    FILE.chmod(0o644)
    text = card(state, checkpoint["figures"], options)
    (HERE / "CARD.md").write_text(text, encoding="utf8")


def weights_of(checkpoint):
    """Return the state of the backbone in float16, once it fits a fresh one."""
    state = {
        key.removeprefix(PREFIX): tensor
        for key, tensor in checkpoint["model"].items()
        if key.startswith(PREFIX)
    }
    load_backbone("synthnet", weights=state)
    return {
        key: tensor.half().contiguous() if tensor.is_floating_point() else tensor
        for key, tensor in state.items()
    }


def card(state, figures, options):
    """Return the card in Markdown."""
    drawn = bank.load(options.folder / "bank.npz")
    return CARD.format(
        file=FILE.name,
        size=FILE.stat().st_size,
        parameters=sum(p.numel() for p in load_backbone("synthnet").parameters()),
        digest=hashlib.sha256(FILE.read_bytes()).hexdigest(),
        date=datetime.date.today().isoformat(),
        objects=len(drawn.objects),
        object_classes=drawn.object_classes.max() + 1,
        textures=len(drawn.textures),
        texture_classes=drawn.texture_classes.max() + 1,
        weights=", ".join(f"{weight:g}" for weight in train.WEIGHTS.values()),
        seed=train.SEED,
        steps=len(figures),
        cooldown=options.cooldown,
        decay=train.WEIGHT_DECAY,
        peak=train.PEAK,
        warm_up=train.WARM_UP,
        sizes=", ".join(f"{s} ({p:g}, {n})" for s, (p, n) in train.SIZES.items()),
        every=train.CHECKPOINT_EVERY,
        log=log(figures),
    )


def log(figures, n_lines=12):
    """Return lines of a table, evenly spaced."""
    every = train.CHECKPOINT_EVERY
    ends = np.linspace(every, len(figures), n_lines).astype(int)
    means = (np.nanmean(figures[end - every : end], axis=0) for end in ends)
    return "\n".join(
        f"| {end} | " + " | ".join(f"{value:.3f}" for value in mean) + " |"
        for end, mean in zip(ends, means, strict=True)
    )


if __name__ == "__main__":
    main()
