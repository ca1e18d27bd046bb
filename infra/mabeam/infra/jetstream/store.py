"""The log of a space on JetStream, behind the port `mabeam.core.ports.EventStore`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from mabeam.core.errors import ReadOnly
from mabeam.core.ports import Delivery, Guard, Page, Write
from mabeam.core.subjects import EVERYTHING, Filter, subject_filter
from mabeam.infra.jetstream.answers import StreamAnswer, StreamConfig, instant_ns
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.append import Appender
from mabeam.infra.jetstream.checkpoints import JetStreamCheckpoints
from mabeam.infra.jetstream.connection import PATIENCE_SECONDS, Connection
from mabeam.infra.jetstream.consuming import consume
from mabeam.infra.jetstream.gets import Gets
from mabeam.infra.jetstream.publisher import Publisher
from mabeam.infra.jetstream.reading import Reader
from mabeam.infra.jetstream.settlement import Settlement
from mabeam.infra.jetstream.standing import closed_because, describe
from mabeam.infra.jetstream.topology import (
    Storage,
    apply,
    checkpoint_stream,
    event_stream,
    stream_name,
)

__all__ = ["JetStreamStore", "open_checkpoints", "open_store"]

INSTANT_NS_MAX: Final = 2**63 - 1
"""The last instant that the server can name; a later one would mean the distant past to it."""

HEADER_BYTES_MAX: Final = 1_024
"""Kept free in each message for its headers, which count as a part of it."""


async def open_store(  # noqa: PLR0913 - a server, a space and how it is kept
    connection: Connection,
    space: str,
    *,
    replicas: int | None = None,
    max_bytes: int | None = None,
    storage: Storage = "file",
    create: bool = True,
    patience_seconds: float = PATIENCE_SECONDS,
) -> JetStreamStore:
    """Open a space, and create it where it does not exist.

    Args:
        connection: The connection; many spaces may share it.
        space: Name of the space.
        replicas: On how many servers each event is kept. None leaves an existing space as
            it is, and means one for a new one.
        max_bytes: Size at which the log refuses more, -1 for the size of the disk. None
            leaves an existing space as it is, and means -1 for a new one.
        storage: Where the servers keep it; a space that exists elsewhere is refused. What is
            kept in memory ends with the last server that has it.
        create: Create the stream or bring its settings up to date; credentials that may
            not do so pass False.
        patience_seconds: How long an operation is tried again before it fails.

    Raises:
        Rejected: The name of the space is illegal.
        NotFound: There is no such space, and none is to be created.
        ConfigurationError: The stream is not what a log must be.
        ReadOnly: It is an archive, a mirror or being restored: pass ``create=False`` to read it.
        StoreUnavailable: The server did not answer in time.
        NotAuthorized: These credentials may not open the space.
    """
    api = Api(connection, patience_seconds)
    if create:
        wanted = event_stream(
            space, replicas=replicas or 1, max_bytes=max_bytes or -1, storage=storage
        )
        unsaid = {"num_replicas": replicas, "max_bytes": max_bytes}
        keep = [field for field, said in unsaid.items() if said is None]
        config = await apply(api, wanted, keep=keep)
    else:
        config = (await describe(api, stream_name(space))).config
    return JetStreamStore(api, space, config)


async def open_checkpoints(  # noqa: PLR0913 - as for `open_store`
    connection: Connection,
    space: str,
    *,
    replicas: int | None = None,
    storage: Storage = "file",
    create: bool = True,
    patience_seconds: float = PATIENCE_SECONDS,
) -> JetStreamCheckpoints:
    """Open the checkpoints of a space; otherwise like `open_store`."""
    api = Api(connection, patience_seconds)
    wanted = checkpoint_stream(space, replicas=replicas or 1, storage=storage)
    if create:
        config = await apply(api, wanted, keep=["num_replicas"] if replicas is None else [])
    else:
        config = (await describe(api, wanted.name)).config
    return JetStreamCheckpoints(api, space, config.name, _body_limit(api, config))


class JetStreamStore:
    """The log of one space. Made by `open_store`.

    Args:
        api: The management interface.
        space: Name of the space.
        config: What the server says of its stream.
    """

    def __init__(self, api: Api, space: str, config: StreamConfig) -> None:
        self._api = api
        self._space = space
        self._stream = config.name
        self._closed = closed_because(config)
        self._gets = Gets(api, self._stream)
        self._reader = Reader(api, space, self._stream)
        self._appender = Appender(
            space,
            Publisher(api.connection),
            Settlement(
                self._gets,
                self._reader.behind,
                self.now_ns,
                self._is_led,
                replicated=config.num_replicas > 1,
            ),
            _body_limit(api, config),
        )

    @property
    def space(self) -> str:
        """Name of the space."""
        return self._space

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        """Record all events of all writes or none; return the position of the last one.

        Speech (`ANY`) that is sent again is recognised for ten minutes, an append with an
        expectation for ever.

        Raises:
            Fenced: A guard has moved; nothing was recorded.
            Conflict: A boundary is not where a write expects it; nothing was recorded.
            OutcomeUnknown: The log did not answer, and could not be asked what became of it.
            Rejected: An event has illegal names, or the writes are not one append.
            EventTooLarge: An event has more bytes than the log takes.
            StoreFull: The log has no room left; nothing was recorded.
            ReadOnly: It is an archive, a mirror or being restored; nothing was recorded.
            NotAuthorized: The server forbids a subject to these credentials.
            StoreUnavailable: The log could not be reached in time; nothing was recorded.
        """
        if self._closed:
            await self._refuse_while_closed()
        return await self._appender.append(writes, guards, self._api.deadline())

    def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncIterator[Page]:
        """Read what is recorded now, in order, page by page; then end.

        Raises:
            LogGap: Positions are missing, even after reading again.
            StoreUnavailable: The log could not be reached in time.
        """
        return self._reader.read(wanted, after, until)

    def follow(
        self, wanted: Filter = EVERYTHING, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Page]]:
        """Read what is recorded and then what comes, without end.

        Once begun, it outlasts any absence of the server.

        Raises:
            LogGap: Positions are missing, even after reading again.
            StoreUnavailable: The log could not be reached in time to begin.
        """
        return self._reader.follow(wanted, after)

    def consume(
        self, name: str, wanted: Filter = EVERYTHING, *, ack_wait_seconds: float = 5.0
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Share the events among all processes that consume under the same name.

        Raises:
            ConfigurationError: Another filter is consumed under this name.
            StoreUnavailable: The log could not be reached in time to begin.
        """
        subjects = subject_filter(self._space, wanted)
        return consume(self._api, self._stream, subjects, name, ack_wait_seconds)

    async def latest(self, wanted: Filter = EVERYTHING, *, at: int | None = None) -> Page:
        """Return the last event of each entity, event name and actor, as of a position."""
        return await self._reader.latest(wanted, at)

    async def head(self) -> int:
        """Return the position of the last event recorded, 0 when there is none."""
        return (await self._describe()).state.last_seq

    async def position_at(self, instant_ns: int) -> int:
        """Return the position of the last event recorded before an instant."""
        if instant_ns > INSTANT_NS_MAX:
            return await self.head()
        first = await self._gets.since(subject_filter(self._space), max(instant_ns, 0))
        return await self.head() if first is None else first.seq - 1

    async def now_ns(self) -> int:
        """Return the log's own clock, the one that gives events their record time."""
        return instant_ns((await self._describe()).ts)

    async def checkpoints(self) -> JetStreamCheckpoints:
        """Open the checkpoints of the space, on the same connection and as many servers.

        Raises:
            ConfigurationError: Their stream is not what it must be.
            StoreUnavailable: The server did not answer in time.
            NotAuthorized: These credentials may not manage streams.
        """
        replicas = (await self._describe()).config.num_replicas
        return await open_checkpoints(self._api.connection, self._space, replicas=replicas)

    async def _refuse_while_closed(self) -> None:
        # Asked again each time, since a mirror may have been promoted.
        self._closed = closed_because((await self._describe()).config)
        if self._closed:
            raise ReadOnly(self._closed)

    async def _is_led(self) -> bool:
        is_led = (await self._describe()).is_led
        if not is_led:
            # It refuses appends instead of leaving them unanswered; neither gets them recorded.
            self._api.connection.appends.grow()
        return is_led

    async def _describe(self) -> StreamAnswer:
        return await describe(self._api, self._stream)


def _body_limit(api: Api, config: StreamConfig) -> int:
    limit = api.connection.body_bytes_max
    if config.max_msg_size > 0:
        limit = min(limit, config.max_msg_size)
    return limit - HEADER_BYTES_MAX
