"""What modules declare is so: seen by importing all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from architecture.tidy import ROOT

SURVEY = Path(__file__).with_name("survey.py")


def survey(*roots: Path) -> dict[str, list[str]]:
    """Run the survey with further source roots."""
    unmeasured = {name: text for name, text in os.environ.items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, SURVEY],
        env=unmeasured | {"PYTHONPATH": os.pathsep.join(map(str, roots))},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stderr)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_every_declared_name_exists_and_every_error_is_in_the_tree() -> None:
    found = survey()
    assert {"mabeam.core.errors", "mabeam.app", "mabeam.agents"} <= set(found["modules"])
    assert found["complaints"] == []


def test_the_survey_notices_planted_faults(tmp_path: Path) -> None:
    package = tmp_path / "mabeam" / "planted"
    adapter = package / "adapter"
    adapter.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from mabeam.core.errors import MabeamError\n"
        "__all__ = ['absent']\n"
        "class Beside(Exception): 'Outside of the tree.'\n"
        "class Misplaced(MabeamError): 'In the tree, but not where it is drawn.'\n"
        "class _Private(Exception): 'Seen by nobody.'\n"
    )
    (adapter / "__init__.py").write_text("from mabeam.planted.adapter.signals import Shown\n")
    (adapter / "signals.py").write_text(
        "class Hidden(Exception): 'Between the modules of the adapter.'\n"
        "class Shown(Exception): 'Offered by the adapter.'\n"
        "class Unexplained(Exception): pass\n"
    )
    (adapter / "user.py").write_text("from mabeam.planted.adapter.signals import Hidden\n")
    complaints = survey(tmp_path)["complaints"]
    assert [text.split()[0] for text in complaints if "planted" in text] == [
        "mabeam.planted.__all__",
        "mabeam.planted.Beside",
        "mabeam.planted.Misplaced",
        "mabeam.planted.adapter.Shown",
        "mabeam.planted.adapter.signals.Unexplained",
    ]
