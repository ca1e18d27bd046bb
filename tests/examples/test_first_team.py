"""The example of ten lines, run as its reader would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "first_team.py"


@pytest.mark.jetstream
@pytest.mark.slow
def test_the_first_team_agrees_and_trades(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "temperature is 0.4\ncoder gets the parser and pays 9\n"
    assert (done.stderr, done.returncode) == ("", 0)
