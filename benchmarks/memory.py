"""Peak memory and time of computing features, by the number of images.

Run ``python benchmarks/memory.py``: about two minutes, and 400 MB on the disk for files
that are small. Each figure of memory is the peak of a process of its own that computes
the features of so many JPEG files; the times are taken in one process, interleaved.
"""

import io
import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _tables import median_and_range, seconds
from PIL import Image

FEW, MANY = 1_000, 100_000
SIZES = [1_000, 2_000, 4_000, 8_000, 16_000]
N_CONTENTS, SIDE = 50, 32
ROUNDS = 3


def write_images(folder, n):
    """Write `n` JPEG files; each has a number of its own behind one of few images."""
    rng = np.random.default_rng(0)
    contents = []
    for _ in range(N_CONTENTS):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        with io.BytesIO() as file:
            Image.fromarray(pixels).save(file, "JPEG")
            contents.append(file.getvalue())
    for number in range(n):
        content = contents[number % N_CONTENTS] + b"%d" % number
        (folder / f"{number:06}.jpg").write_bytes(content)


def paths_in(folder, n):
    """Return the paths of `n` of the files."""
    return [f"{folder}/{number:06}.jpg" for number in range(n)]


def fitted(paths):
    """Return an extractor that has computed some features before."""
    from sktransfer import PretrainedFeatureExtractor

    extractor = PretrainedFeatureExtractor(
        "smallnet", weights=None, image_size=SIDE, device="cpu"
    )
    extractor.fit(paths).transform(paths[:100])
    return extractor


def print_peak(folder, n):
    """Print the peak memory of this process and the size of its features, in MB."""
    paths = paths_in(folder, n)
    features = fitted(paths).transform(paths)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bytes_each = 1 if sys.platform == "darwin" else 1024
    print(json.dumps([peak * bytes_each / 1e6, features.nbytes / 1e6]))


def print_times(folder):
    """Print the seconds for each size, in each round."""
    paths = paths_in(folder, SIZES[-1])
    extractor = fitted(paths)

    def transform(n):
        extractor.transform(paths[:n])

    print(json.dumps([[seconds(transform, n) for n in SIZES] for _ in range(ROUNDS)]))


def by_another_process(*arguments):
    """Return what this file prints, run with the arguments."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def memory_table(folder):
    """Return the lines on memory."""
    yield "| files | peak memory, MB | of these, the features | the rest, range |"
    yield "|---|---|---|---|"
    for n, rounds in ((FEW, ROUNDS), (MANY, 1)):
        peaks, arrays = zip(
            *(by_another_process(folder, n) for _ in range(rounds)), strict=True
        )
        rest = np.subtract(peaks, arrays)
        yield (
            f"| {n:,} | {np.median(peaks):.0f} | {arrays[0]:.1f} "
            f"| {rest.min():.0f} to {rest.max():.0f} |"
        )


def time_table(folder):
    """Return the lines on time."""
    times = np.array(by_another_process(folder))
    yield "\n| files | milliseconds for each, median | range |"
    yield "|---|---|---|"
    for n, values in zip(SIZES, 1000 * times.T, strict=True):
        yield f"| {n:,} | {median_and_range(values / n)} |"
    slopes = [np.polyfit(np.log(SIZES), np.log(row), 1)[0] for row in times]
    low, middle, high = np.quantile(slopes, [0, 0.5, 1])
    yield f"\nTime grows as n to the power {middle:.3f} ({low:.3f} to {high:.3f})."


def tables():
    """Return the lines of the tables."""
    yield f"JPEG files of {SIDE} x {SIDE} pixels, smallnet\n"
    with TemporaryDirectory() as folder:
        write_images(Path(folder), MANY)
        yield from memory_table(folder)
        yield from time_table(folder)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print_peak(sys.argv[1], int(sys.argv[2]))
    elif len(sys.argv) == 2:
        print_times(sys.argv[1])
    else:
        for line in tables():
            print(line, flush=True)
