"""Times, and tables of figures in Markdown."""

import time

import numpy as np


def seconds(function, *arguments):
    """Return how long a call of `function` takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def median_and_range(values):
    """Return two cells of a table."""
    low, middle, high = np.quantile(values, [0, 0.5, 1])
    return f"{middle:.3f} | {low:.3f} to {high:.3f}"


def table(header, rows):
    """Return a Markdown table of `rows`, lists of str."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values, scale=100):
    """Return mean ± standard deviation."""
    values = scale * np.asarray(values)
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
