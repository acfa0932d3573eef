"""Run the benchmarks of speed and write their tables to docs/benchmarks.md.

Run ``python benchmarks/report.py``, or ``make bench``: about a quarter of an hour. Each
benchmark runs in a process of its own, so that none warms another up; those on real
images need SKTRANSFER_DATA.
"""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parent / "docs" / "benchmarks.md"
TITLES = {
    "features": "Features of a frozen backbone",
    "search": "A grid search over a pretrained network",
    "training": "Training",
    "probe": "The convex head of a linear probe",
    "memory": "Memory and time by the number of images",
    "imports": "Imports and construction",
}
HEAD = """# Benchmarks

Ratios to rivals that were timed in the same run, interleaved; `make bench` writes this
page. A ratio below one means that ours takes less.
"""


def machine():
    """Return one line on where and with what the tables were made."""
    packages = ("torch", "torchvision", "scikit-learn", "skorch")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    today = datetime.now(UTC).date()
    return f"{today}: {processor()}, {os.cpu_count()} cores; {versions}."


def processor():
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def output_of(name):
    """Return what the benchmark `name` prints, or that it failed."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, HERE / f"{name}.py"], text=True, stdout=subprocess.PIPE
    )
    if done.returncode:
        return f"The benchmark failed with exit status {done.returncode}."
    return done.stdout.strip()


def main():
    """Write the page."""
    parts = [HEAD, machine()]
    for name, title in TITLES.items():
        parts.append(f"## {title}\n\n{output_of(name)}")
    TARGET.write_text("\n\n".join(part.strip() for part in parts) + "\n")
    print(TARGET.read_text())


if __name__ == "__main__":
    main()
