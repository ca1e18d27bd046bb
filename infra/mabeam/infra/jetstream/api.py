"""Requests to the management interface of JetStream, tried again until a deadline."""

from __future__ import annotations

import asyncio
from typing import Any, Final, TypeVar

import msgspec

from mabeam.core.errors import StoreUnavailable
from mabeam.infra.jetstream.answers import Answer
from mabeam.infra.jetstream.connection import PATIENCE_SECONDS, Connection
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.replies import Lost, Unserved
from mabeam.infra.jetstream.wire import Disconnected

__all__ = ["Api"]

ATTEMPT_SECONDS: Final = 1.0
ATTEMPT_SECONDS_MIN: Final = 0.2
_BUSY_CODE: Final = 503

AnswerT = TypeVar("AnswerT", bound=Answer)


class Api:
    """The management interface as one connection reaches it.

    Args:
        connection: The connection.
        patience_seconds: How long a request is tried again before it fails.
    """

    def __init__(self, connection: Connection, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.connection = connection
        self.patience_seconds = patience_seconds
        self._loop = asyncio.get_running_loop()

    def deadline(self) -> float:
        """Return when a request that starts now has failed, by the loop's clock."""
        return self._loop.time() + self.patience_seconds

    async def request(
        self,
        operation: str,
        body: dict[str, Any] | None,
        answer: type[AnswerT],
        *,
        deadline: float | None = None,
        prefix: str = "$JS.API",
    ) -> AnswerT:
        """Ask until there is an answer; an error of JetStream is an answer too.

        Only for requests that may be carried out twice.

        Args:
            operation: What to do.
            body: With what.
            answer: The shape of the answer.
            deadline: When to give up, by the loop's clock; None for after one's patience.
            prefix: Where the interface is, if it is that of another domain or account.

        Raises:
            StoreUnavailable: There was none until the deadline.
            NotAuthorized: The server forbids the request.
        """
        limit = self.deadline() if deadline is None else deadline
        subject = f"{prefix}.{operation}"
        payload = b"" if body is None else msgspec.json.encode(body)
        patience = Patience(limit)
        while True:
            await self.connection.up(limit)
            cause: Exception
            try:
                seconds = min(ATTEMPT_SECONDS, max(limit - self._loop.time(), ATTEMPT_SECONDS_MIN))
                raw = await self.connection.ask(subject, payload, seconds=seconds)
            except (Lost, Unserved, Disconnected) as error:
                cause = error
            else:
                result = msgspec.json.decode(raw, type=answer)
                if result.error is None or result.error.code != _BUSY_CODE:
                    self.connection.requests.end()
                    return result
                cause = RuntimeError(str(result.error))
            self.connection.requests.grow()
            if not await patience.pause():
                raise StoreUnavailable(f"no answer to {operation} in time") from cause
