"""Published cases with known results, which are kept beside the repository and not in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["cases"]

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"


def cases(folder: str) -> Path:
    """Return the folder of the cases of one field; skip the test where they are absent.

    The environment variable ``MABEAM_CASES`` names the folder that holds them all.
    """
    found = Path(os.environ.get("MABEAM_CASES") or _BESIDE) / folder
    if not found.is_dir():
        pytest.skip(f"the published cases are not at {found}")
    return found
