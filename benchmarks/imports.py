"""Time of imports and of construction, over that of scikit-learn.

Run ``python benchmarks/imports.py``. Each figure comes from fresh processes of its own,
which import what is named first untimed; the table shows the median and the range over
them. A process before them fills the caches of the disk.
"""

import json
import subprocess
import sys

import numpy as np
from sklearn.base import BaseEstimator

import sktransfer

PROCESSES = 5
# Estimators that weight rows or align domains are built of scikit-learn's own, whose
# import is not ours: most programs need them anyway.
FIRST = ("import sklearn", "import sklearn.covariance, sklearn.model_selection")
PROGRAM = """
import json, sys, time

def milliseconds(code):
    start = time.perf_counter()
    exec(code, globals())
    return 1000 * (time.perf_counter() - start)

exec(sys.argv[1])
times = [milliseconds(code) for code in sys.argv[2:]]
print(json.dumps([times, "torch" in sys.modules]))
"""


def measured(first, *codes):
    """Return the milliseconds of each code, by process, and if torch was imported."""
    command = [sys.executable, "-c", PROGRAM, first, *codes]
    outputs = [
        json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        for _ in range(1 + PROCESSES)
    ]
    times, with_torch = zip(*outputs[1:], strict=True)
    return np.array(times), any(with_torch)


def line(name, *codes):
    """Return the line of the table on the first of the codes and, behind it, others."""
    results = [measured(first, *codes) for first in FIRST]
    cells = []
    for times, _ in results:
        low, middle, high = np.quantile(times[:, 0], [0, 0.5, 1])
        cells.append(f"{middle:.1f} ({low:.1f} to {high:.1f})")
    cells += [f"{np.median(column):.1f}" for column in results[0][0].T[1:]] or [""]
    cells.append("yes" if any(with_torch for _, with_torch in results) else "no")
    return f"| {name} | {' | '.join(cells)} |"


def estimators():
    """Return the names of the public estimators."""
    for name in sktransfer.__all__:
        public = getattr(sktransfer, name)
        if isinstance(public, type) and issubclass(public, BaseEstimator):
            yield name


def table():
    """Return the lines of the table."""
    after = " | ".join(f"ms after `{first}`" for first in FIRST)
    yield f"| import and construct | {after} | ms of `clone` | torch imported |"
    yield "|---|---|---|---|---|"
    yield line("`import sktransfer`", "import sktransfer")
    for name in estimators():
        construct = f"from sktransfer import {name}; estimator = {name}()"
        yield line(f"`{name}()`", construct, "sklearn.clone(estimator)")


if __name__ == "__main__":
    for row in table():
        print(row, flush=True)
