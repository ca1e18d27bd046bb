"""What an operator wants to know of a server and of the spaces on it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

from mabeam.core.errors import ConfigurationError
from mabeam.core.subjects import ROOT
from mabeam.infra.jetstream.answers import Answer, Keepers, Origin, StreamConfig, instant_ns
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.connection import Connection
from mabeam.infra.jetstream.mirror import Source, mirror_stream
from mabeam.infra.jetstream.standing import closed_because, describe
from mabeam.infra.jetstream.topology import deviations, stream_name

__all__ = ["ConsumerReport", "SpaceReport", "inspect_space", "server_version", "spaces"]

PATIENCE_SECONDS: Final = 3.0
_PAGES_MAX: Final = 1_000
_PREFIX: Final = stream_name("x").removesuffix("x")

AnswerT = TypeVar("AnswerT", bound=Answer)


class ConsumerReport(msgspec.Struct, frozen=True):
    """Work that processes share under one name.

    Attributes:
        name: That name.
        waiting: Events that nobody has been given yet.
        unsettled: Events that were handed out and are not settled.
        is_attended: Whether a process asks for events at this moment.
        settled_up_to: Position up to which everything is settled.
        again: Events that were handed out more than once and are not settled yet.
    """

    name: str
    waiting: int
    unsettled: int
    is_attended: bool
    settled_up_to: int = 0
    again: int = 0


class SpaceReport(msgspec.Struct, frozen=True):
    """The log of a space as its server has it.

    Attributes:
        events: How many events it has.
        first: Position of the first one; 0, or the place of the first to come, if there is none.
        head: Position of the last one.
        size_bytes: Bytes they take.
        clock_ns: The server's clock, nanoseconds since 1970 UTC.
        deviations: What of its settings is not as it should be.
        consumers: Who shares its events.
        closed: Why it takes no events; empty if it takes them.
        keepers: The servers that keep it.
        origin: Where its events come from, if it is a mirror.
    """

    events: int
    first: int
    head: int
    size_bytes: int
    clock_ns: int
    deviations: tuple[str, ...]
    consumers: tuple[ConsumerReport, ...]
    closed: str
    keepers: Keepers
    origin: Origin | None


class _Stream(msgspec.Struct):
    config: StreamConfig


class _Streams(Answer):
    total: int = 0
    streams: list[_Stream] | None = None


class _Floor(msgspec.Struct, frozen=True):
    stream_seq: int = 0


class _Consumer(msgspec.Struct):
    name: str
    ack_floor: _Floor = _Floor()
    num_redelivered: int = 0
    num_pending: int = 0
    num_ack_pending: int = 0
    num_waiting: int = 0


class _Consumers(Answer):
    total: int = 0
    consumers: list[_Consumer] | None = None


def server_version(connection: Connection) -> str:
    """Return the version of the server that a connection has found."""
    version = connection.wire.connected_server_version
    return f"{version.major}.{version.minor}.{version.patch}"


async def spaces(connection: Connection) -> tuple[str, ...]:
    """Return the names of the spaces whose log a server has, sorted.

    Raises:
        StoreUnavailable: The server did not answer in time, or has no JetStream.
    """
    api = Api(connection, PATIENCE_SECONDS)
    found: list[StreamConfig] = []
    for _ in range(_PAGES_MAX):
        page = await _ask(api, "STREAM.LIST", {"offset": len(found)}, _Streams)
        found += [stream.config for stream in page.streams or ()]
        if not page.streams or len(found) >= page.total:
            break
    return tuple(sorted(one.name.removeprefix(_PREFIX) for one in found if _is_log(one)))


def _is_log(config: StreamConfig) -> bool:
    """Tell whether a stream is the log of a space: its own, a mirror, or one being restored."""
    if not config.name.startswith(_PREFIX):
        return False
    listens = any(subject.startswith(f"{ROOT}.") for subject in config.subjects)
    return listens or bool(closed_because(config))


async def inspect_space(connection: Connection, space: str) -> SpaceReport:
    """Return what the server says of the log of a space.

    Raises:
        NotFound: It has none of that name.
        StoreUnavailable: The server did not answer in time.
    """
    api = Api(connection, PATIENCE_SECONDS)
    stream = stream_name(space)
    answer = await describe(api, stream)
    consumers = await _consumers(api, stream)
    return SpaceReport(
        events=answer.state.messages,
        first=answer.state.first_seq,
        head=answer.state.last_seq,
        size_bytes=answer.state.bytes,
        clock_ns=instant_ns(answer.ts),
        deviations=tuple(_deviations(space, answer.config)),
        consumers=tuple(
            ConsumerReport(
                name=one.name,
                waiting=one.num_pending,
                unsettled=one.num_ack_pending,
                is_attended=one.num_waiting > 0,
                settled_up_to=one.ack_floor.stream_seq,
                again=one.num_redelivered,
            )
            for one in consumers
        ),
        closed=closed_because(answer.config),
        keepers=answer.cluster or Keepers(),
        origin=answer.mirror,
    )


async def _consumers(api: Api, stream: str) -> list[_Consumer]:
    found: list[_Consumer] = []
    for _ in range(_PAGES_MAX):
        page = await _ask(api, f"CONSUMER.LIST.{stream}", {"offset": len(found)}, _Consumers)
        found += page.consumers or []
        if not page.consumers or len(found) >= page.total:
            break
    return found


def _deviations(space: str, present: StreamConfig) -> Iterator[str]:
    if present.mirror is not None:
        wanted = mirror_stream(space, Source.of(present.mirror), replicas=present.num_replicas)
        for field in ("deny_delete", "deny_purge", "allow_direct", "max_age"):
            value = getattr(present, field)
            if value != getattr(wanted, field):
                yield f"{field} {value!r} instead of {getattr(wanted, field)!r}"
    else:
        yield from deviations(space, msgspec.structs.replace(present, sealed=False))


async def _ask(api: Api, operation: str, body: dict[str, Any], answer: type[AnswerT]) -> AnswerT:
    found = await api.request(operation, body, answer)
    if found.error is not None:
        raise ConfigurationError(f"the server refuses {operation}: {found.error}")
    return found
