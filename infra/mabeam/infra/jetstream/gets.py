"""Single stored messages, read from the leader, and small groups, read directly.

The leader's answer is as current as the log itself; a direct get may be served by a
follower that lags, so what was found there is held against what the leader said.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mabeam.core.envelope import Recorded, decode
from mabeam.core.errors import StoreError, StoreUnavailable
from mabeam.infra.jetstream.answers import (
    NOT_FOUND,
    StoredAnswer,
    StoredMessage,
    instant_ns,
    instant_text,
)
from mabeam.infra.jetstream.api import ATTEMPT_SECONDS, Api
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.replies import Lost, Unserved
from mabeam.infra.jetstream.wire import Disconnected

__all__ = ["Gets", "TooMany"]

GROUP_BYTES_MAX: Final = 4 * 1024 * 1024
_STATUS: Final = slice(9, 12)
_END: Final = b"204"
_NONE: Final = b"404"
_TOO_MANY: Final = b"413"


class TooMany(Exception):
    """More subjects match than one direct get may return."""


class Gets:
    """Reads of single messages of one stream."""

    def __init__(self, api: Api, stream: str) -> None:
        self._api = api
        self._stream = stream

    async def at(self, position: int, deadline: float | None = None) -> StoredMessage | None:
        """Return the message at a position, as the leader has it."""
        return await self._leader({"seq": position}, deadline)

    async def last(self, subjects: str, deadline: float | None = None) -> StoredMessage | None:
        """Return the last message that matches a filter, as the leader has it."""
        return await self._leader({"last_by_subj": subjects}, deadline)

    async def next(
        self, subjects: str, after: int, deadline: float | None = None
    ) -> StoredMessage | None:
        """Return the first message behind a position that matches, as the leader has it."""
        return await self._leader({"seq": after + 1, "next_by_subj": subjects}, deadline)

    async def since(
        self, subjects: str, instant: int, deadline: float | None = None
    ) -> StoredMessage | None:
        """Return the first message recorded at an instant or later, as the leader has it."""
        start = instant_text(instant)
        return await self._leader({"start_time": start, "next_by_subj": subjects}, deadline)

    async def latest(self, subjects: str, until: int) -> list[Recorded]:
        """Return the last message of each matching subject up to a position.

        Raises:
            TooMany: More than the server gives in one answer.
        """
        return await self._group({"multi_last": [subjects], "up_to_seq": until})

    async def group(self, subjects: str, after: int, count: int) -> list[Recorded]:
        """Return up to so many matching messages behind a position."""
        query = {"seq": after + 1, "next_by_subj": subjects, "batch": count}
        return await self._group(query | {"max_bytes": GROUP_BYTES_MAX})

    async def _leader(self, query: dict[str, Any], deadline: float | None) -> StoredMessage | None:
        operation = f"STREAM.MSG.GET.{self._stream}"
        answer = await self._api.request(operation, query, StoredAnswer, deadline=deadline)
        if answer.error is not None and answer.error.err_code != NOT_FOUND:
            raise StoreUnavailable(f"{self._stream} cannot be read: {answer.error}")
        return answer.message

    async def _group(self, query: dict[str, Any]) -> list[Recorded]:
        connection = self._api.connection
        subject = f"$JS.API.DIRECT.GET.{self._stream}"
        payload = msgspec.json.encode(query)
        deadline = self._api.deadline()
        patience = Patience(deadline)
        while True:
            found: list[Recorded] = []
            await connection.up(deadline)
            try:
                await connection.ask(
                    subject, payload, seconds=ATTEMPT_SECONDS * 2, collect=_Collector(found)
                )
            except (Lost, Unserved, Disconnected) as error:
                if not await patience.pause():
                    raise StoreUnavailable(f"{self._stream} cannot be read in time") from error
            else:
                return found


class _Collector:
    """Turns the parts of a direct get's answer into events."""

    def __init__(self, found: list[Recorded]) -> None:
        self._found = found

    def __call__(self, headers: bytes, payload: bytes) -> bool:
        status = headers[_STATUS]
        if status in (_END, _NONE):
            return True
        if status == _TOO_MANY:
            raise TooMany
        if status.strip().isdigit():
            raise StoreError(headers.decode("utf-8", "replace"))
        position = int(_header(headers, b"Nats-Sequence"))
        recorded_ns = instant_ns(_header(headers, b"Nats-Time-Stamp").decode())
        subject = _header(headers, b"Nats-Subject").decode(errors="replace")
        self._found.append(decode(position, recorded_ns, subject, payload))
        return False


def _header(block: bytes, name: bytes) -> bytes:
    # The server's own headers stand last, so a publisher cannot forge them.
    start = block.rindex(b"\r\n" + name + b": ") + len(name) + 4
    return block[start : block.index(b"\r\n", start)]
