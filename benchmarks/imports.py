"""Time of imports and of construction, over that of scikit-learn.

Run ``python benchmarks/imports.py``. Each figure comes from fresh processes of its own,
which import scikit-learn first, untimed; the table shows the median and the range over
them. A process before them fills the caches of the disk.
"""

import json
import subprocess
import sys

import numpy as np
from sklearn.base import BaseEstimator

import sktransfer

PROCESSES = 5
PROGRAM = """
import json, sys, time
import sklearn

def milliseconds(code):
    start = time.perf_counter()
    exec(code, globals())
    return 1000 * (time.perf_counter() - start)

times = [milliseconds(code) for code in sys.argv[1:]]
print(json.dumps([times, "torch" in sys.modules]))
"""


def measured(*codes):
    """Return the milliseconds of each code, by process, and if torch was imported."""
    command = [sys.executable, "-c", PROGRAM, *codes]
    outputs = [
        json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        for _ in range(1 + PROCESSES)
    ]
    times, with_torch = zip(*outputs[1:], strict=True)
    return np.array(times), any(with_torch)


def line(name, *codes):
    """Return the line of the table on some codes that run one after the other."""
    times, with_torch = measured(*codes)
    low, middle, high = np.quantile(times, [0, 0.5, 1], axis=0)
    cells = [
        f"{m:.1f} ({a:.1f} to {b:.1f})"
        for a, m, b in zip(low, middle, high, strict=True)
    ]
    cells += [""] * (2 - len(cells)) + ["yes" if with_torch else "no"]
    return f"| {name} | {' | '.join(cells)} |"


def estimators():
    """Return the names of the public estimators."""
    for name in sktransfer.__all__:
        public = getattr(sktransfer, name)
        if isinstance(public, type) and issubclass(public, BaseEstimator):
            yield name


def table():
    """Return the lines of the table."""
    yield "| in ms | import and construct | `clone` | torch imported |"
    yield "|---|---|---|---|"
    yield line("`import sktransfer`", "import sktransfer")
    for name in estimators():
        construct = f"from sktransfer import {name}; estimator = {name}()"
        yield line(f"`{name}()`", construct, "sklearn.clone(estimator)")


if __name__ == "__main__":
    for row in table():
        print(row, flush=True)
