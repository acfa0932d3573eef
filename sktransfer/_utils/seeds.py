"""Random numbers that leave the global generators as they were found."""

import threading
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state

# torch.random.fork_rng saves and restores the state of the whole process:
# two threads inside it at once would restore each other's numbers.
_RNG_LOCK = threading.RLock()


def draw_seed(random_state):
    """Return a seed drawn from `random_state` (an int is a fixed generator)."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


@contextmanager
def isolated_rng(seed, device="cpu"):
    """Seed torch inside the block; the global state is restored after it."""
    device = torch.device(device)
    cuda = [device.index or 0] if device.type == "cuda" else []
    with _RNG_LOCK, torch.random.fork_rng(devices=cuda):
        torch.random.default_generator.manual_seed(seed)
        for index in cuda:  # torch.cuda.manual_seed would seed the current device
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
