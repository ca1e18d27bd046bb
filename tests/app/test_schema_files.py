"""The writing of schemas, and that those in the repository are current."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mabeam.app.schema import check, export, files, reference, tables_reference
from mabeam.core.events import Event, event_type, registered

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python -m mabeam.app.schema"
BID = "payloads/mabeam.auction.bid_placed.v1.json"


def test_the_schemas_in_the_repository_are_current() -> None:
    stale = check(ROOT / "schemas")
    assert stale == [], f"run: mabeam schema export schemas (or {COMMAND})"


def test_the_reference_of_events_is_current() -> None:
    page = (ROOT / "docs" / "reference" / "events.md").read_text("utf-8")
    assert page == reference(), f"run: {COMMAND}"


def test_the_reference_of_tables_is_current() -> None:
    page = (ROOT / "docs" / "reference" / "sql-tables.md").read_text("utf-8")
    assert page == tables_reference(), f"run: {COMMAND}"


def test_an_export_writes_every_file_and_a_second_one_none(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "schemas"
    assert check(folder) == sorted(files())
    assert export(folder) == sorted(files())
    assert check(folder) == []
    assert export(folder) == []
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.json")}
    assert found == files().keys()


def test_an_export_mends_what_is_stale_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    _ = export(tmp_path)
    strangers = [tmp_path / "README.md", tmp_path / "mine.json"]
    for stranger in strangers:
        _ = stranger.write_text("mine")
    _ = (tmp_path / BID).write_text("{}")
    (tmp_path / "envelope.json").unlink()
    gone = "events/mabeam.auction.bid_placed.v0.json"
    _ = (tmp_path / gone).write_text("{}")
    untouched = (tmp_path / "asyncapi.json").stat().st_mtime_ns

    assert check(tmp_path) == ["envelope.json", gone, BID]
    assert export(tmp_path) == ["envelope.json", gone, BID]

    assert check(tmp_path) == []
    assert not (tmp_path / gone).exists()
    assert (tmp_path / "asyncapi.json").stat().st_mtime_ns == untouched
    assert [stranger.read_text() for stranger in strangers] == ["mine", "mine"]


def test_types_of_ones_own_are_left_to_their_owner() -> None:
    before = files()

    @event_type("test.of_my_own.v1", kind="session")
    class _OfMyOwn(Event, frozen=True, kw_only=True):
        """Something that only my team says."""

    assert "test.of_my_own.v1" in {known.name for known in registered()}
    assert files() == before
    assert "Something that only my team says." not in reference()


def test_every_process_writes_the_same_bytes(tmp_path: Path) -> None:
    # Names are hashed with another seed in each process, so a set would come in another order.
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        _ = subprocess.run(
            [sys.executable, *COMMAND.split()[1:]],
            cwd=folder,
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
        )
        assert check(folder / "schemas") == []
        assert (folder / "docs" / "reference" / "events.md").read_text("utf-8") == reference()
