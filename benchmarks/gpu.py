"""ResNet-50 on one CUDA card: images per second, ours and those of loops by hand.

Run ``python benchmarks/gpu.py``; ``--device cpu --images 8 --side 64 --batch-size 4
--matrix 256 --eager`` runs all of it anywhere, for no figures of use. Images lie in the
memory of the host, uint8; everything computes in bf16, channels last, compiled. The
last column relates the operations of the network to what the card does when it
multiplies matrices, measured in the same run.
"""

import argparse
import time

import numpy as np
import torch
from _tables import seconds
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet50

from sktransfer import FineTuneClassifier, PretrainedFeatureExtractor
from sktransfer.backbones import load_backbone

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROUNDS, EPOCHS = 5, 4
HEADER = """
| ResNet-50 | ours, images/s | loop by hand | our time / its time | of the matrix rate |
|---|---|---|---|---|"""


class ByHand:
    """What a careful person writes: a compiled net, batches copied while it computes.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, side, side, 3)
    options : Namespace
        As `arguments` returns it.
    """

    def __init__(self, images, options):
        self.batch_size, self.device = options.batch_size, torch.device(options.device)
        images = torch.from_numpy(images)
        self.images = images.pin_memory() if self.device.type == "cuda" else images
        self.mean, self.std = (
            torch.tensor(values, device=self.device).view(3, 1, 1)
            for values in (MEAN, STD)
        )
        net = resnet50(num_classes=10).to(self.device)
        self.net = net.to(memory_format=torch.channels_last)
        self.call = self.net if options.eager else torch.compile(self.net)

    def prepared(self, images):
        """Return normalised images, channels last."""
        images = images.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        return images.float().div_(255).sub_(self.mean).div_(self.std)

    def features(self):
        """Return the features of all images, on the host."""
        self.net.fc = nn.Identity()
        self.net.eval()
        parts = []
        with torch.inference_mode(), self._bf16():
            for start in range(0, len(self.images), self.batch_size):
                batch = self.images[start : start + self.batch_size]
                parts.append(self.call(self.prepared(batch)).float())
            return torch.cat(parts).cpu().numpy()

    def train(self, labels):
        """Train for some epochs and return how long each took, in seconds."""
        self.net.train()
        images, labels = self.images.to(self.device), labels.to(self.device)
        optimizer = torch.optim.AdamW(self.net.parameters(), lr=1e-4, fused=True)
        taken = []
        for _ in range(EPOCHS):
            start = time.perf_counter()
            order = torch.randperm(len(labels), device=self.device)
            for rows in order.split(self.batch_size):
                optimizer.zero_grad(set_to_none=True)
                with self._bf16():
                    outputs = self.call(self.prepared(images[rows]))
                F.cross_entropy(outputs.float(), labels[rows]).backward()
                optimizer.step()
            self._wait()
            taken.append(time.perf_counter() - start)
        return taken

    def _bf16(self):
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def features_per_second(images, options):
    """Return images per second, of ours and of the loop, interleaved."""
    backbone = load_backbone("resnet50", None, image_size=options.side)
    extractor = PretrainedFeatureExtractor(
        backbone,
        batch_size=options.batch_size,
        precision="bf16",
        compile=not options.eager,
        device=options.device,
    ).fit(images[:2])
    loop = ByHand(images, options)
    contestants = (lambda: extractor.transform(images), loop.features)
    rates = []
    for number in range(ROUNDS + 1):
        rates.append([len(images) / seconds(function) for function in contestants])
        if not number:
            rates.clear()  # compiled then
    return np.median(rates, axis=0)


def trained_per_second(images, options):
    """Return images per second of the faster epochs, of ours and of the loop."""
    labels = np.arange(len(images)) % 10
    model = FineTuneClassifier(
        load_backbone("resnet50", None, image_size=options.side),
        strategy="full",
        max_epochs=EPOCHS,
        batch_size=options.batch_size,
        precision="bf16",
        compile=not options.eager,
        device=options.device,
        num_workers=0,
    ).fit(images, labels)
    ours = model.history_[:, "dur"]
    by_hand = ByHand(images, options).train(torch.from_numpy(labels))
    # the first epoch compiles
    return [len(images) / np.median(epochs[1:]) for epochs in (ours, by_hand)]


def matrix_rate(options):
    """Return the operations per second of the product of two bf16 matrices."""
    shape = (options.matrix, options.matrix)
    one, other = (
        torch.randn(shape, device=options.device, dtype=torch.bfloat16)
        for _ in range(2)
    )

    def products():
        for _ in range(20):
            product = one @ other
        return product[0, 0].item()

    products()
    fastest = min(seconds(products) for _ in range(ROUNDS))
    return 20 * 2 * options.matrix**3 / fastest


def operations(side):
    """Return the operations of a forward pass over one image."""
    with torch.device("meta"):
        net, image = resnet50(num_classes=10), torch.empty(1, 3, side, side)
    with FlopCounterMode(display=False) as counter:
        net(image)
    return counter.get_total_flops()


def table(options=None):
    """Return the lines of the table."""
    options = arguments([]) if options is None else options
    rng = np.random.default_rng(0)
    shape = (options.images, options.side, options.side, 3)
    images = rng.integers(0, 256, size=shape, dtype=np.uint8)
    peak, forward = matrix_rate(options), operations(options.side)
    yield f"\n{card(options.device)}: {peak / 1e12:.0f} TFLOP/s in products of bf16."
    yield HEADER
    # backwards, gradients of inputs and of weights cost a forward pass each
    cases = {
        "features": (features_per_second, forward),
        "fine-tuning": (trained_per_second, 3 * forward),
    }
    for name, (measure, per_image) in cases.items():
        ours, by_hand = measure(images, options)
        rates = f"{ours:.0f} | {by_hand:.0f} | {by_hand / ours:.3f}"
        yield f"| {name} | {rates} | {ours * per_image / peak:.0%} |"


def card(device):
    """Return the name of the device."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return str(device)


def arguments(given=None):
    """Return the sizes; the defaults are those of the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=8192)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--matrix", type=int, default=8192)
    parser.add_argument("--eager", action="store_true", help="compile nothing")
    return parser.parse_args(given)


if __name__ == "__main__":
    for row in table(arguments()):
        print(row, flush=True)
