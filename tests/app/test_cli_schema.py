"""The command that writes the schemas."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

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


def test_golden_files_are_written_once_and_then_complete(tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    missing = invoke("schema", "golden", str(folder), "--check")
    assert missing.code == Code.CHECK_FAILED
    assert not folder.exists()
    done = invoke("schema", "golden", str(folder))
    assert (done.code, done.lines) == (Code.OK, missing.lines)
    assert {str(path) for path in folder.iterdir()} == set(done.lines)
    again = invoke("schema", "golden", str(folder))
    assert (again.code, again.out) == (Code.OK, "")
    assert "is complete" in again.err
    assert invoke("schema", "golden", str(folder), "--json").json == []


def test_the_golden_files_of_this_repository_are_complete() -> None:
    assert invoke("schema", "golden", str(ROOT / "tests" / "golden"), "--check").code == Code.OK


def test_golden_files_that_can_be_read_no_more_fail_the_check(tmp_path: Path) -> None:
    file = tmp_path / "team.gone.v1.json"
    file.write_text("{}")
    found = invoke("schema", "check", str(ROOT / "schemas"), "--golden", str(tmp_path))
    assert found.code == Code.CHECK_FAILED
    assert found.lines[0].startswith("breaking  team.gone.v1: unreadable (team.gone.v1.json → ")
    file.unlink()
    empty = invoke("schema", "check", str(ROOT / "schemas"), "--golden", str(tmp_path))
    assert empty.code == Code.NOT_FOUND


@pytest.mark.parametrize("verb", [["export"], ["check"], ["golden"]])
def test_types_of_ones_own_come_from_modules_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    module = f"own_events_{verb[0]}"
    (tmp_path / f"{module}.py").write_text(
        "from mabeam.core.events import Event, event_type\n"
        f'@event_type("own.{verb[0]}ed.v1", kind="own")\n'
        "class Done(Event, frozen=True, kw_only=True):\n"
        '    """It is done."""\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path.copy())
    assert invoke("schema", "export", "schemas").code == Code.OK
    done = invoke("schema", *verb, "schemas", "--module", module, "--json")
    assert done.code == Code.OK
    assert f"own.{verb[0]}ed.v1" in done.out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "ModuleNotFoundError: No module named 'own_broken'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported_is_a_matter_of_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, why: str
) -> None:
    if text is not None:
        (tmp_path / "own_broken.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path.copy())
    done = invoke("schema", "check", str(ROOT / "schemas"), "--module", "own_broken")
    assert done.code == Code.USAGE
    assert f"cannot import own_broken: {why}" in done.err


def test_a_type_of_which_no_sample_can_be_made_up_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_secret.py").write_text(
        "from mabeam.core.events import Event, event_type\n"
        '@event_type("own.secret_told.v1", kind="own")\n'
        "class Told(Event, frozen=True, kw_only=True):\n"
        '    """A secret."""\n'
        "    key: bytes\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path.copy())
    done = invoke("schema", "golden", "golden", "--module", "own_secret")
    assert done.code == Code.USAGE
    assert "own.secret_told.v1: no sample of key can be made up" in done.err
    assert not (tmp_path / "golden").exists()
