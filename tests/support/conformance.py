"""Runs the conformance suite against a server that is not this process's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["run_conformance"]

_ROOT: Final = Path(__file__).parents[2]


def run_conformance(url: str, replicas: int = 1) -> None:
    """Let the suite judge the store on a server, and fail with what it prints if it fails."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "tests/conformance"),
            *("-q", "--maxfail=3", "-p", "no:cacheprovider"),
        ],
        cwd=_ROOT,
        env={
            **os.environ,
            "MABEAM_CONFORMANCE_URL": url,
            "MABEAM_CONFORMANCE_REPLICAS": str(replicas),
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2_000:]
