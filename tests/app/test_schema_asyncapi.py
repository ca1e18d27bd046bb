"""The AsyncAPI document: its structure, and that it tells the truth about subjects and stream.

The structure is judged here by rules written out by hand from the specification of 3.0.0:
which fields each kind of object must and may have, and that every reference leads to the
right kind of thing. Not judged: the forms of urls and e-mail addresses, and all parts of
the specification that the document makes no use of, such as security schemes and traits.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import pytest
from jsonschema import Draft7Validator
from jsonschema.protocols import Validator

from mabeam.app.composition import open_store
from mabeam.app.schema import files
from mabeam.app.schema.entries import entries
from mabeam.core.subjects import Boundary, boundary_filter, subject_of
from support.nats_server import NatsServer
from support.raw_client import RawClient
from support.worlds import fresh_space

Document = dict[str, Any]

ENTRIES = {entry.name: entry for entry in entries()}
KEY = re.compile(r"[A-Za-z0-9.\-_]+")


class Kind(NamedTuple):
    """The fields that an object of the specification must have, and those it may have."""

    must: set[str]
    may: set[str]


ROOT = Kind(
    {"asyncapi", "info"},
    {"id", "servers", "defaultContentType", "channels", "operations", "components"},
)
INFO = Kind(
    {"title", "version"},
    {"description", "termsOfService", "contact", "license", "tags", "externalDocs"},
)
SERVER = Kind(
    {"host", "protocol"},
    {"protocolVersion", "pathname", "description", "title", "summary", "variables", "security"}
    | {"tags", "externalDocs", "bindings"},
)
CHANNEL = Kind(
    {"address", "messages"},
    {"title", "summary", "description", "servers", "parameters", "tags", "externalDocs"}
    | {"bindings"},
)
OPERATION = Kind(
    {"action", "channel"},
    {"title", "summary", "description", "security", "tags", "externalDocs", "bindings", "traits"}
    | {"messages", "reply"},
)
MESSAGE = Kind(
    {"name", "payload"},
    {"headers", "correlationId", "contentType", "title", "summary", "description", "tags"}
    | {"externalDocs", "bindings", "examples", "traits"},
)
PARAMETER = Kind(set(), {"enum", "default", "description", "examples", "location"})
REPLY = Kind({"channel"}, {"address", "messages"})
TAG = Kind({"name"}, {"description", "externalDocs"})
COMPONENTS = Kind(set(), {"schemas", "messages", "parameters"})


def the_document() -> Document:
    loaded: Document = json.loads(files()["asyncapi.json"])
    return loaded


def validator(schema: Mapping[str, Any]) -> Validator:
    return Draft7Validator(schema)


def faults(document: Document) -> list[str]:
    """Say where a document breaks the specification."""
    try:
        return list(_faults(document))
    except KeyError as error:
        return [f"{error} is missing"]


def _faults(document: Document) -> Iterator[str]:
    if document.get("asyncapi") != "3.0.0":
        yield "asyncapi is not 3.0.0"
    yield from _shape("document", document, ROOT)
    yield from _shape("info", document["info"], INFO)
    for name, server in document["servers"].items():
        yield from _shape(f"server {name}", server, SERVER)
    yield from _shape("components", document["components"], COMPONENTS)
    for section, objects in document["components"].items():
        yield from (f"{section} {name}" for name in objects if not KEY.fullmatch(name))
    yield from _references(document, document)
    for name, channel in document["channels"].items():
        yield from _channel_faults(document, f"channel {name}", channel)
    for name, operation in document["operations"].items():
        yield from _operation_faults(document, f"operation {name}", operation)
    for name, message in document["components"]["messages"].items():
        yield from _message_faults(f"message {name}", message)
    for name, parameter in document["components"]["parameters"].items():
        yield from _shape(f"parameter {name}", parameter, PARAMETER)
    for name, schema in document["components"]["schemas"].items():
        if not validator(Draft7Validator.META_SCHEMA).is_valid(schema):
            yield f"schema {name} is none"


def _shape(what: str, found: Document, kind: Kind) -> Iterator[str]:
    fields = {field for field in found if not field.startswith("x-")}
    yield from (f"{what} lacks {field}" for field in kind.must - fields)
    yield from (f"{what} has a field {field}" for field in fields - kind.must - kind.may)


def _channel_faults(document: Document, what: str, channel: Document) -> Iterator[str]:
    yield from _shape(what, channel, CHANNEL)
    address = channel.get("address") or ""
    if set(re.findall(r"\{(\w+)\}", address)) != set(channel.get("parameters", ())):
        yield f"{what} has other parameters than its address"
    for message in channel["messages"].values():
        yield from _leads(what, message, "#/components/messages/")
    for parameter in channel.get("parameters", {}).values():
        yield from _leads(what, parameter, "#/components/parameters/")
    same = [other for other in document["channels"].values() if other["address"] == address]
    if address and len(same) != 1:
        yield f"{what} has the address of another one"


def _operation_faults(document: Document, what: str, operation: Document) -> Iterator[str]:
    yield from _shape(what, operation, OPERATION)
    if operation.get("action") not in {"send", "receive"}:
        yield f"{what} neither sends nor receives"
    for tag in operation["tags"]:
        yield from _shape(what, tag, TAG)
    yield from _its_messages(what, operation)
    for protocol, binding in operation["bindings"].items():
        # All that version 0.1.0 of the NATS binding knows.
        if protocol != "nats" or binding.keys() - {"queue", "bindingVersion"}:
            yield f"{what} is bound to {protocol} with {sorted(binding)}"
    if "reply" in operation:
        yield from _shape(what, operation["reply"], REPLY)
        yield from _its_messages(f"{what} reply", operation["reply"])


def _its_messages(what: str, holder: Document) -> Iterator[str]:
    yield from _leads(what, holder["channel"], "#/channels/")
    for message in holder["messages"]:
        yield from _leads(what, message, f"{holder['channel']['$ref']}/messages/")


def _message_faults(what: str, message: Document) -> Iterator[str]:
    yield from _shape(what, message, MESSAGE)
    for part in ("payload", "headers"):
        if part in message:
            yield from _leads(what, message[part], "#/components/schemas/")
    location = message.get("correlationId", {}).get("location", "$message.payload#/x")
    if not re.fullmatch(r"\$message\.(header|payload)#(/\w+)+", location):
        yield f"{what} has its correlation id nowhere"


def _leads(what: str, reference: Document, where: str) -> Iterator[str]:
    if set(reference) != {"$ref"} or not reference["$ref"].startswith(where):
        yield f"{what} has {reference}, which does not lead to {where}"


def _references(document: Document, node: object) -> Iterator[str]:
    """Name the references that lead nowhere."""
    if isinstance(node, dict):
        for key, value in cast("Document", node).items():
            if key == "$ref" and not _resolves(document, str(value)):
                yield f"{value} leads nowhere"
            yield from _references(document, value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            yield from _references(document, value)


def _resolves(document: Document, reference: str) -> bool:
    found: Any = document
    for word in reference.removeprefix("#/").split("/"):
        if not isinstance(found, dict) or word not in found:
            return False
        found = cast("Document", found)[word]
    return True


def test_the_document_keeps_to_the_specification() -> None:
    assert faults(the_document()) == []


def spoilt(change: Callable[[Document], object]) -> Document:
    document = copy.deepcopy(the_document())
    _ = change(document)
    return document


BID = "session.bid_placed"
SPOILS: list[Callable[[Document], object]] = [
    lambda d: d.update(asyncapi="2.6.0"),
    lambda d: d.pop("info"),
    lambda d: d["info"].pop("version"),
    lambda d: d["servers"]["local"].update(url="nats://x"),
    lambda d: d["channels"][BID].update(subscribe={}),
    lambda d: d["channels"][BID]["parameters"].pop("actor"),
    lambda d: d["channels"][BID].update(address="mabeam.{space}.session.{entity}.{who}"),
    lambda d: d["channels"][BID].update(address=d["channels"]["session.opened"]["address"]),
    lambda d: d["operations"][f"send.{BID}"].update(action="publish"),
    lambda d: d["operations"][f"send.{BID}"].update(channel={"$ref": "#/channels/nowhere"}),
    lambda d: d["operations"][f"send.{BID}"]["bindings"]["nats"].update(stream="x"),
    lambda d: d["operations"][f"send.{BID}"].update(
        messages=[{"$ref": "#/channels/session.opened/messages/mabeam.auction.opened.v1"}]
    ),
    lambda d: d["operations"][f"send.{BID}"]["reply"].pop("channel"),
    lambda d: d["components"]["messages"]["ack"].pop("payload"),
    lambda d: d["components"]["messages"]["ack"].update(correlationId={"location": "body"}),
    lambda d: d["components"]["schemas"].pop("BidPlaced"),
    lambda d: d["components"]["schemas"]["BidPlaced"].update(required="amount"),
    lambda d: d["components"]["schemas"].update({"a name": {}}),
]


@pytest.mark.parametrize("change", SPOILS, ids=map(str, range(len(SPOILS))))
def test_a_document_that_breaks_the_specification_is_found_out(
    change: Callable[[Document], object],
) -> None:
    assert faults(spoilt(change))


def test_every_event_has_one_message_and_it_stands_in_the_channel_of_its_subject() -> None:
    document = the_document()
    seen = [
        (name, channel)
        for channel in document["channels"].values()
        for name in channel["messages"]
        if channel["address"] is not None
    ]
    assert sorted(name for name, _ in seen) == sorted(ENTRIES)
    for name, channel in seen:
        entry = ENTRIES[name]
        boundary = Boundary(entry.kind, "lot-7")
        actor = "coordinator" if entry.protocol_only else "coder"
        parameters = {"space": "team", "entity": "lot-7", "actor": actor}
        subject = channel["address"].format_map(parameters)
        assert subject == subject_of("team", boundary, entry.token, actor)
        compared = channel["x-jetstream"]["boundary"].format_map(parameters)
        assert compared == boundary_filter("team", boundary)
        assert channel["x-jetstream"]["stream"] == document["x-jetstream"]["stream"]


def test_a_service_sends_what_agents_say_and_receives_everything() -> None:
    operations = the_document()["operations"].values()
    said: dict[str, set[str]] = {"send": set(), "receive": set()}
    for operation in operations:
        names = {message["$ref"].rpartition("/")[2] for message in operation["messages"]}
        said[operation["action"]] |= names
    assert said["receive"] == ENTRIES.keys()
    assert said["send"] == {name for name, entry in ENTRIES.items() if not entry.protocol_only}


def test_tags_say_who_is_heard() -> None:
    for name, message in the_document()["components"]["messages"].items():
        if name in ENTRIES:
            tag = "coordinators" if ENTRIES[name].protocol_only else "agents"
            assert [tag] == [found["name"] for found in message["tags"]]


@pytest.mark.jetstream
async def test_what_is_said_of_the_stream_is_so_on_the_server(nats_server: NatsServer) -> None:
    space = fresh_space()
    said = the_document()["x-jetstream"]
    acknowledgement = validator(the_document()["components"]["schemas"]["Ack"])
    async with open_store(space, nats_server.url):
        with RawClient(nats_server.url) as client:
            name = said["stream"].format(space=space)
            config = client.request(f"$JS.API.STREAM.INFO.{name}")["config"]
            recorded = client.request(f"mabeam.{space}.session.1.note.ann", "{}")
    assert config["subjects"] == [subject.format(space=space) for subject in said["subjects"]]
    for field in ("storage", "retention", "discard"):
        assert said[field] == config[field]
    assert said["maxAgeSeconds"] == config["max_age"] == 0
    assert said["maxMsgSizeBytes"] == config["max_msg_size"]
    assert said["duplicateWindowSeconds"] == config["duplicate_window"] // 10**9
    assert said["allowDirect"] == config["allow_direct"]
    assert said["allowAtomicPublish"] == config["allow_atomic"]
    assert said["denyDelete"] == config["deny_delete"]
    assert said["denyPurge"] == config["deny_purge"]
    acknowledgement.validate(recorded)
    assert recorded["seq"] == 1
    acknowledgement.validate({"error": {"code": 400, "err_code": 10071}, "seq": 0, "stream": ""})
    assert not acknowledgement.is_valid({"stream": name})
