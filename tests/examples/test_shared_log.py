"""The bank and the team of the page about the library, run as its reader would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import ROOT, agrees, blocks_of, commands_of

PAGE = ROOT / "docs" / "how-to" / "use-eventsourcing.md"
EXAMPLE = ROOT / "examples" / "shared_log.py"


@pytest.mark.jetstream
@pytest.mark.slow
def test_a_bank_and_a_team_act_on_what_the_other_says(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    (shown,) = [
        command.shown
        for block in blocks_of(PAGE.read_text("utf-8"))
        if block.excuse
        for command in commands_of(block)
    ]
    assert "debited" in shown
    assert agrees(shown, done.stdout)
