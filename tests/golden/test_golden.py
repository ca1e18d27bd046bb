"""Bytes that some log may hold are read for ever, and written today as they were then.

To add an event type, add a sample of it to ``tests/golden/samples.py`` and run
``PYTHONPATH=tests python -m golden``. It writes what is missing and changes nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from golden.samples import FOLDER, SAMPLES, SIZE_MAX, file_of, our_types, wire_bytes, write_missing
from mabeam.core.envelope import Envelope, Recorded, decode, encode, wire_subject
from mabeam.core.errors import CodecError

FILES = sorted(FOLDER.glob("*.json"))
INSTRUCTIONS = "add a sample to tests/golden/samples.py and run: PYTHONPATH=tests python -m golden"


def read(body: bytes) -> Recorded:
    envelope = msgspec.json.decode(body, type=Envelope)
    return decode(7, 8, wire_subject("golden", envelope), body)


def every_field(value: object) -> set[str]:
    """Return which fields of a payload are given on the wire."""
    return set(msgspec.json.decode(msgspec.json.encode(value), type=dict[str, object]))


@pytest.mark.parametrize("name", sorted(our_types()))
def test_every_event_type_has_a_golden_sample(name: str) -> None:
    assert file_of(name).exists(), f"{name} has no golden sample: {INSTRUCTIONS}"


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_every_sample_is_written_down(sample: str) -> None:
    assert file_of(sample).exists(), f"{sample} is not written down: {INSTRUCTIONS}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_sample_is_read_for_ever(file: Path) -> None:
    recorded = read(file.read_bytes())
    assert recorded.problem is None
    assert recorded.type == file.stem.split("+")[0]
    assert type(recorded.data).__module__.startswith("mabeam.")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_sample_is_written_as_it_was_read(file: Path) -> None:
    body = file.read_bytes()
    recorded = read(body)
    assert encode(recorded.envelope, SIZE_MAX) == body
    if recorded.type in our_types():
        assert msgspec.json.encode(recorded.data) == bytes(recorded.envelope.data)  # type: ignore[arg-type]  # a sample has data


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_a_sample_is_written_today_as_it_was_then(sample: str) -> None:
    assert wire_bytes(sample) == file_of(sample).read_bytes()


@pytest.mark.parametrize("name", sorted(our_types()))
def test_the_sample_of_a_type_shows_every_field(name: str) -> None:
    event = SAMPLES[name][1]
    assert every_field(event) == set(event.__struct_fields__)


def test_only_what_is_missing_is_written(tmp_path: Path) -> None:
    kept, *_ = names = sorted(SAMPLES)
    file_of(kept, tmp_path).write_bytes(b"as it was")
    assert write_missing(tmp_path) == names[1:]
    assert file_of(kept, tmp_path).read_bytes() == b"as it was"
    assert file_of(names[1], tmp_path).read_bytes() == wire_bytes(names[1])
    assert write_missing(tmp_path) == []


def test_the_command_for_it_runs() -> None:
    environment = os.environ | {"PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "golden"], env=environment, capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize(
    "change",
    [
        {"type": "mabeam.auction.bid_placed.v9"},
        {"data": {"amount": "120"}},
        {"data": {}},
        {"specversion": "2.0"},
    ],
    ids=str,
)
def test_a_sample_that_nobody_can_read_any_more_is_noticed(change: dict[str, object]) -> None:
    """The control: bytes of a type that was taken away, or of another shape, do not pass."""
    body = file_of("mabeam.auction.bid_placed.v1").read_bytes()
    attributes = msgspec.json.decode(body, type=dict[str, object]) | change
    with pytest.raises((CodecError, msgspec.ValidationError)):
        _ = read(msgspec.json.encode(attributes)).data
