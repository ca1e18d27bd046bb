"""What the schemas accept and refuse, judged by the code that writes and reads events.

Two promises: everything the library writes meets the schemas, and what meets the schemas
can be read. Between them lies only what the reader takes out of kindness.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator

from mabeam.app.schema import files
from mabeam.app.schema.entries import Entry, entries
from mabeam.core.actors import COORDINATOR_SOURCE
from mabeam.core.envelope import Envelope, decode, encode, envelope_of, wire_subject
from mabeam.core.errors import CodecError, Rejected
from mabeam.core.events import decode_data
from mabeam.core.subjects import Boundary
from support.payloads import payloads

SIZE_MAX = 2**30
SAMPLES = sorted((Path(__file__).parents[1] / "golden").glob("*.json"))
ENTRIES = entries()
every_type = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
thorough = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
once = settings(max_examples=1, deadline=None)

# One of each kind of JSON value; hardly any field takes more than two of them.
JUNK: list[Any] = [None, True, 7, 1.5, "\n", [], [None], {}, {"?": None}]


@cache
def written() -> dict[str, str]:
    # Made anew for each of some two hundred documents, they would take minutes.
    return dict(files())


@cache
def document(path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(written()[path])
    return loaded


@cache
def payload_schema(entry: Entry) -> Validator:
    return Draft202012Validator(document(f"payloads/{entry.name}.json"))


@cache
def event_schema(entry: Entry) -> Validator:
    return Draft202012Validator(document(f"events/{entry.name}.json"))


@cache
def envelope_schema() -> Validator:
    return Draft202012Validator(document("envelope.json"))


@cache
def message_schema(entry: Entry) -> Validator:
    components = document("asyncapi.json")["components"]
    reference = components["messages"][entry.name]["payload"]
    return Draft7Validator(reference | {"components": components})


def an_event(entry: Entry, data: st.DataObject) -> Envelope:
    actors = st.sampled_from(["/agents/coder", "/services/Zoë's billing", "tester"])
    return envelope_of(
        data.draw(payloads(entry.struct)),
        Boundary(entry.kind, data.draw(st.sampled_from(["temperature", "lot 7", "01J.x/y"]))),
        source=COORDINATOR_SOURCE if entry.protocol_only else data.draw(actors),
        id=data.draw(st.sampled_from(["018f-1", "x" * 128])),
        time=data.draw(st.sampled_from(["", "2026-01-02T03:04:05.678Z"])),
        correlation_id=data.draw(st.sampled_from(["", "run-1"])),
        causation_id=data.draw(st.sampled_from(["", "018f-0"])),
        commit_id="018f-1",
    )


def is_readable(entry: Entry, payload: object) -> bool:
    try:
        _ = decode_data(entry.name, msgspec.Raw(json.dumps(payload).encode()))
    except CodecError:
        return False
    return True


@pytest.mark.parametrize("path", [path for path in files() if path != "asyncapi.json"])
def test_a_schema_is_one(path: str) -> None:
    Draft202012Validator.check_schema(document(path))


def test_no_two_schemas_have_the_same_id() -> None:
    ids = [json.loads(text).get("$id", path) for path, text in files().items()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_stored_event_meets_its_schemas_and_no_other_types(sample: Path) -> None:
    event = json.loads(sample.read_bytes())
    for entry in ENTRIES:
        fits = entry.name == event["type"]
        assert event_schema(entry).is_valid(event) == fits
        assert message_schema(entry).is_valid(event) == fits
    envelope_schema().validate(event)


@every_type
@thorough
@given(data=st.data())
def test_what_the_library_writes_meets_the_schemas(entry: Entry, data: st.DataObject) -> None:
    event = an_event(entry, data)
    body = json.loads(encode(event, SIZE_MAX))
    for schema in (event_schema(entry), message_schema(entry), envelope_schema()):
        schema.validate(body)
    payload_schema(entry).validate(body["data"])


@every_type
@thorough
@given(data=st.data())
def test_what_meets_a_schema_can_be_read(entry: Entry, data: st.DataObject) -> None:
    payload = json.loads(msgspec.json.encode(data.draw(payloads(entry.struct))))
    places = list(_places(payload))
    holder, key = data.draw(st.sampled_from(places)) if places else (payload, "?")
    holder[key] = data.draw(st.sampled_from(JUNK))
    accepted = payload_schema(entry).is_valid(payload)
    assert is_readable(entry, payload) or not accepted
    assert message_schema(entry).is_valid(_around(entry, payload)) == accepted


@every_type
@once
@given(data=st.data())
def test_a_field_refuses_what_it_cannot_hold(entry: Entry, data: st.DataObject) -> None:
    payload = json.loads(msgspec.json.encode(data.draw(payloads(entry.struct))))
    properties = document(f"payloads/{entry.name}.json")["properties"]
    for field in msgspec.structs.fields(entry.struct):
        refused = 0
        for junk in JUNK:
            spoilt = payload | {field.name: junk}
            accepted, readable = payload_schema(entry).is_valid(spoilt), is_readable(entry, spoilt)
            # Readers take a decimal from a number too, but then it was no decimal before.
            kind = "format" in json.dumps(properties[field.name]) and isinstance(junk, int | float)
            assert accepted == readable or (readable and kind), (field.name, junk)
            refused += not accepted
        assert refused
        if field.required:
            missing = {name: value for name, value in payload.items() if name != field.name}
            assert not payload_schema(entry).is_valid(missing)
            assert not is_readable(entry, missing)


@every_type
@once
@given(data=st.data())
def test_a_whole_event_refuses_what_contradicts_its_type(entry: Entry, data: st.DataObject) -> None:
    event = json.loads(encode(an_event(entry, data), SIZE_MAX))
    wrong: list[dict[str, Any]] = [
        {"type": "mabeam.agent.unheard_of.v1"},
        {"subject": "planet/mars"},
        {"subject": entry.kind},
        {"specversion": "0.3"},
        {"data": 1},
    ]
    if entry.protocol_only:
        wrong.append({"source": "/agents/impostor"})
    for change in wrong:
        assert not event_schema(entry).is_valid(event | change), change
        assert not message_schema(entry).is_valid(event | change), change
    without_data = {name: value for name, value in event.items() if name != "data"}
    assert event_schema(entry).is_valid(without_data) == (not entry.needs_data)
    assert event_schema(entry).is_valid(event | {"sequence": "42", "partitionkey": "eu"})


@pytest.mark.parametrize(
    ("attribute", "value", "legal"),
    [
        ("id", "018f-1", True),
        ("id", "", False),
        ("id", "two words", False),
        ("id", "x" * 128, True),
        ("id", "x" * 129, False),
        ("id", "naïve", False),
        ("type", "note", True),
        ("type", "com.example.note.v3", True),
        ("type", "com..note", False),
        ("type", "com.example.", False),
        ("type", "com.example.bid placed", False),
        ("source", "coder", True),
        ("source", "/agents/coder", True),
        ("source", "/agents/", False),
        ("source", "", False),
        ("subject", "session/a/b", True),
        ("subject", "session", False),
        ("subject", "session/", False),
        ("subject", "/lot", False),
    ],
)
def test_the_envelope_refuses_what_has_no_place_in_a_subject(
    attribute: str, value: str, *, legal: bool
) -> None:
    event = {
        "specversion": "1.0",
        "id": "018f-1",
        "source": "/agents/coder",
        "type": "com.example.note",
        "subject": "session/lot-7",
    } | {attribute: value}
    assert envelope_schema().is_valid(event) == legal
    if legal:
        assert wire_subject("team", msgspec.convert(event, Envelope))
    else:
        with pytest.raises((Rejected, msgspec.ValidationError)):
            wire_subject("team", msgspec.convert(event, Envelope))


def test_the_envelope_knows_every_attribute_and_demands_what_readers_demand() -> None:
    schema = document("envelope.json")
    fields = msgspec.structs.fields(Envelope)
    assert list(schema["properties"]) == [field.name for field in fields]
    event = {"specversion": "1.0", "id": "1", "source": "/agents/ann", "type": "test.said.v1"}
    wire = "mabeam.team.session.1.said.ann"
    assert envelope_schema().is_valid(event)
    assert decode(1, 0, wire, json.dumps(event).encode()).problem is None
    for name in event:
        lacking = {key: value for key, value in event.items() if key != name}
        assert not envelope_schema().is_valid(lacking)
        assert decode(1, 0, wire, json.dumps(lacking).encode()).problem is not None


def test_readers_are_stricter_than_any_schema_can_be_about_whole_numbers() -> None:
    # JSON Schema counts 12.0 as an integer. The documents therefore tell writers in words.
    bid = next(entry for entry in ENTRIES if entry.name == "mabeam.auction.bid_placed.v1")
    assert payload_schema(bid).is_valid({"amount": 12.0})
    assert not is_readable(bid, {"amount": 12.0})


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    """Yield holder and key of everything inside a JSON value."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        for name, part in fields.items():
            yield fields, name
            yield from _places(part)
    elif isinstance(value, list):
        items = cast("list[object]", value)
        for index, part in enumerate(items):
            yield items, index
            yield from _places(part)


def _around(entry: Entry, payload: object) -> dict[str, Any]:
    source = COORDINATOR_SOURCE if entry.protocol_only else "/agents/ann"
    return {
        "specversion": "1.0",
        "id": "1",
        "source": source,
        "type": entry.name,
        "subject": f"{entry.kind}/1",
        "data": payload,
    }
