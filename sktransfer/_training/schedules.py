"""Learning-rate schedules as factors of the peak learning rate, one for each step.

A table of factors costs a lookup a step; a scheduler object costs as much as a small
net. The tests hold the factors to torch's own schedulers.
"""

import numpy as np

_ONE_CYCLE_RISE = 0.3
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = _ONE_CYCLE_START / 1e4
_WARM_UP = 0.05


def factors(name, n_steps):
    """Return the factor of each of `n_steps` steps, an array (n_steps,)."""
    return SCHEDULES[name](np.arange(n_steps), n_steps)


def one_cycle(step, n_steps):
    """Rise along a cosine for 30 % of the steps, fall along one to nearly zero.

    The defaults of torch's `OneCycleLR` [Smith & Topin 2019].
    """
    peak = max(_ONE_CYCLE_RISE * n_steps - 1, 0)
    rise = _cosine(_ONE_CYCLE_START, 1.0, step / max(peak, 1))
    fall = _cosine(1.0, _ONE_CYCLE_END, (step - peak) / max(n_steps - 1 - peak, 1))
    return np.where(step < peak, rise, fall)


def cosine(step, n_steps):
    """Fall along half a cosine, after a linear warm-up over 5 % of the steps."""
    return _warm_up(step, n_steps) * _cosine(1.0, 0.0, step / n_steps)


def linear(step, n_steps):
    """Fall along a line, after a linear warm-up over 5 % of the steps."""
    return _warm_up(step, n_steps) * (1 - step / n_steps)


def constant(step, n_steps):
    """Stay at the peak."""
    return np.ones(n_steps)


SCHEDULES = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "linear": linear,
    "constant": constant,
}


def _cosine(start, end, fraction):
    return end + (start - end) / 2 * (1 + np.cos(np.pi * np.clip(fraction, 0, 1)))


def _warm_up(step, n_steps):
    return np.minimum((step + 1) / max(int(_WARM_UP * n_steps), 1), 1.0)
