"""Tables of figures in Markdown."""

import numpy as np


def table(header, rows):
    """Return a Markdown table of `rows`, lists of str."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values, scale=100):
    """Return mean ± standard deviation."""
    values = scale * np.asarray(values)
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
