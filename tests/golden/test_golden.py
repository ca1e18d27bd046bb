"""Bytes that some log may hold are read for ever, and written today as they were then.

A type, field or alternative that no file shows yet gets its file by
``mabeam schema golden tests/golden``. It writes what is missing and changes nothing else.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mabeam.app.schema import grow, missing, unreadable_changes
from mabeam.app.schema.entries import entries
from mabeam.app.schema.golden import read_golden
from mabeam.core.envelope import encode
from mabeam.core.errors import CodecError

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.json"))
SIZE_MAX = 1_000_000
TYPES = {entry.name: entry for entry in entries()}
BID = "mabeam.auction.bid_placed.v1"


def test_everything_an_event_can_show_is_shown_by_a_golden_file() -> None:
    assert sorted(missing(FOLDER)) == [], "run: mabeam schema golden tests/golden"


@pytest.mark.parametrize("name", sorted(TYPES))
def test_the_golden_files_of_a_type_show_every_field(name: str) -> None:
    """The same by another way: a field that is given is on the wire."""
    shown: set[str] = set()
    for file in FOLDER.glob(f"{name}*.json"):
        shown |= msgspec.json.decode(file.read_bytes())["data"].keys()
    assert shown == set(TYPES[name].struct.__struct_fields__)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_sample_is_read_for_ever(file: Path) -> None:
    recorded = read_golden(file)
    assert recorded.trouble is None
    assert recorded.type == file.stem.split("+")[0]
    assert type(recorded.data).__module__.startswith("mabeam.")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_sample_is_written_as_it_was_read(file: Path) -> None:
    body = file.read_bytes()
    recorded = read_golden(file)
    assert encode(recorded.envelope, SIZE_MAX) == body
    if recorded.type in TYPES:
        assert msgspec.json.encode(recorded.data) == bytes(recorded.envelope.data)  # type: ignore[arg-type]  # a sample has data


def test_a_new_folder_gets_a_file_for_each_type_and_for_each_alternative(tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    names = grow(folder)
    assert names == sorted(path.name for path in folder.iterdir())
    assert {name.removesuffix(".json").partition("+")[0] for name in names} == set(TYPES)
    assert f"{BID}.json" in names
    assert "mabeam.variable.declared.v1+type.CompositeType.json" in names
    assert grow(folder) == []
    assert unreadable_changes(folder) == []


def test_only_what_is_missing_is_written(tmp_path: Path) -> None:
    kept = (FOLDER / f"{BID}.json").read_bytes()
    (tmp_path / f"{BID}.json").write_bytes(kept)
    _ = grow(tmp_path)
    assert (tmp_path / f"{BID}.json").read_bytes() == kept
    assert not list(tmp_path.glob(f"{BID}+*.json"))


def test_a_field_that_no_file_shows_gets_a_file_beside_the_old_one(tmp_path: Path) -> None:
    """What a type looks like when it has grown by a field since its file was written."""
    event = msgspec.json.decode((FOLDER / f"{BID}.json").read_bytes())
    del event["data"]["note"]
    (tmp_path / f"{BID}.json").write_bytes(msgspec.json.encode(event))
    assert f"{BID}+note.json" in grow(tmp_path)
    assert read_golden(tmp_path / f"{BID}+note.json").trouble is None


def test_the_same_samples_are_made_up_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _ = grow(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"type": "mabeam.auction.bid_placed.v9"},
        {"data": {"amount": "120"}},
        {"data": {}},
        {"specversion": "2.0"},
        {"id": "two words"},
        {"subject": "planet"},
        None,
    ],
    ids=str,
)
def test_a_sample_that_nobody_can_read_any_more_is_noticed(
    change: dict[str, object] | None, tmp_path: Path
) -> None:
    """The control: bytes of a type that was taken away, or of another shape, do not pass."""
    body = (FOLDER / f"{BID}.json").read_bytes()
    attributes = msgspec.json.decode(body, type=dict[str, object]) | (change or {})
    file = tmp_path / f"{BID}.json"
    file.write_bytes(msgspec.json.encode(attributes) if change else b"{")
    with pytest.raises(CodecError):
        _ = read_golden(file).data
    (found,) = unreadable_changes(tmp_path)
    assert (found.type, found.change, found.is_breaking) == (BID, "unreadable", True)
