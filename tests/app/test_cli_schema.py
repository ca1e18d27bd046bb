"""The command that writes the schemas."""

from __future__ import annotations

import json
from pathlib import Path

from mabeam.app.cli.codes import Code
from support.command import invoke

ROOT = Path(__file__).resolve().parents[2]


def test_schemas_are_written_and_then_current(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    missing = invoke("schema", "export", str(folder), "--check")
    assert missing.code == Code.CHECK_FAILED
    assert not folder.exists()
    done = invoke("schema", "export", str(folder))
    assert done.code == Code.OK
    assert done.lines == missing.lines
    assert all(json.loads(Path(line).read_text("utf-8")) for line in done.lines)
    again = invoke("schema", "export", str(folder))
    assert (again.code, again.out) == (Code.OK, "")
    assert "is current" in again.err


def test_a_file_that_is_not_current_fails_the_check_and_is_mended(tmp_path: Path) -> None:
    assert invoke("schema", "export", str(tmp_path)).code == Code.OK
    file = tmp_path / "envelope.json"
    file.write_text("{}")
    found = invoke("schema", "export", str(tmp_path), "--check")
    assert (found.code, found.lines) == (Code.CHECK_FAILED, [str(file)])
    assert file.read_text() == "{}"
    assert invoke("schema", "export", str(tmp_path), "--json").json == [str(file)]
    assert invoke("schema", "export", str(tmp_path), "--check").code == Code.OK


def test_the_schemas_of_this_repository_are_current() -> None:
    assert invoke("schema", "export", str(ROOT / "schemas"), "--check").code == Code.OK


def test_a_folder_that_cannot_be_made_is_a_matter_of_usage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = invoke("schema", "export", str(tmp_path / "file" / "below"))
    assert done.code == Code.USAGE
    assert done.err.startswith("mabeam: ")
