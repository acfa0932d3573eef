"""Where tests find real data, which is not part of the repository."""

import os
from pathlib import Path

import pytest

_BESIDE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


def data_folder(name=""):
    """Return the path of the data called `name`, or skip the test.

    Looked for in the folder named by the environment variable SKTRANSFER_DATA, then
    in ``../shared/data`` beside the repository.
    """
    chosen = os.environ.get("SKTRANSFER_DATA")
    for root in [Path(chosen)] if chosen else [_BESIDE_REPOSITORY]:
        if (root / name).exists():
            return root / name
    pytest.skip(
        f"The real data {name!r} are not on this machine: set SKTRANSFER_DATA to the "
        "folder that holds them."
    )
