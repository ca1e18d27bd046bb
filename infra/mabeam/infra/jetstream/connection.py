"""One connection to the server, which comes back by itself whatever happens to it.

Reconnects go on without end. Callbacks never raise, because an exception in one would
end the reading task of nats-py; a watchdog notices when that task, or the line, is dead.
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nats.errors
import structlog
from nats.aio.client import Server

from mabeam.core.errors import ConfigurationError, NotAuthorized, StoreError, StoreUnavailable
from mabeam.infra.jetstream.doubt import Doubt
from mabeam.infra.jetstream.replies import Collect, Replies, discard
from mabeam.infra.jetstream.wire import Disconnected, Wire

__all__ = ["Access", "Connection", "connect"]

WATCH_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 15.0
"""How long a request may be tried again before it fails; outlasts an election."""

DOUBT_SECONDS: Final = 5.0
"""How long a server may serve nobody before another one of several is tried. Most elections
take less, and what waits for one is then served without a change."""

_DENIED: Final = re.compile(
    r'permissions violation for (publish|subscription) to "([^"]*)"', re.IGNORECASE
)

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """How to be let in; all of it optional, and what it means is the server's affair.

    Attributes:
        user: Name of the user.
        password: Password of the user.
        token: Token instead of user and password.
        credentials: File with a JWT and its seed.
        nkey_seed: File with the seed of an nkey.
        tls: Context for an encrypted line.
        inbox_prefix: Where answers come in; a name of one's own keeps others from reading them.
    """

    user: str | None = None
    password: str | None = None
    token: str | None = None
    credentials: Path | None = None
    nkey_seed: Path | None = None
    tls: ssl.SSLContext | None = None
    inbox_prefix: str = "_INBOX"


async def connect(
    servers: str | Sequence[str],
    *,
    name: str = "mabeam",
    access: Access | None = None,
    deadline_seconds: float = 5.0,
    watch_seconds: float = WATCH_SECONDS,
) -> Connection:
    """Connect to the first of the servers that answers.

    Args:
        servers: Addresses of one server or cluster.
        name: What the server calls this client in its logs.
        access: How to be let in.
        deadline_seconds: How long to try.
        watch_seconds: How often to see whether the line is alive; a dead one is noticed
            after three times that.

    Raises:
        StoreUnavailable: None answered within the deadline. Start a server, or correct the address.
        NotAuthorized: The server does not know these credentials.
        ConfigurationError: An address or a file of credentials cannot be read.
    """
    connection = Connection(access or Access(), watch_seconds)
    addresses = [servers] if isinstance(servers, str) else list(servers)
    await connection.open(addresses, name, deadline_seconds)
    return connection


class Connection:
    """A connection that outlives its server. Made by `connect`.

    Attributes:
        appends: Whether the server takes any.
        requests: Whether it answers any to the management interface.
    """

    def __init__(self, access: Access, watch_seconds: float) -> None:
        self._access = access
        self._watch_seconds = watch_seconds
        self.appends = Doubt()
        self.requests = Doubt()
        # When each server was tried last, by the loop's clock.
        self._tried_at: dict[str, float] = {}
        self.wire = Wire()
        self.wire.complained = self._complained
        self._replies: Replies | None = None
        self._up = asyncio.Event()
        self._first_error: Exception | None = None
        self._turned_away = asyncio.Event()
        self._returns: list[Callable[[], None]] = []
        self._watchdog: asyncio.Task[None] | None = None

    async def open(self, servers: list[str], name: str, deadline_seconds: float) -> None:
        """Establish the connection; `connect` tells what may go wrong."""
        options = self._options()
        attempt = asyncio.create_task(self.wire.connect(servers, name=name, **options))
        turned_away = asyncio.create_task(self._turned_away.wait())
        try:
            await asyncio.wait(
                {attempt, turned_away},
                timeout=deadline_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not attempt.done() or self._turned_away.is_set():
                raise self._unreachable(servers) from self._first_error
            await attempt
        except ImportError as error:
            raise ConfigurationError(f"these credentials need a package: {error.name}") from error
        except nats.errors.Error as error:
            raise ConfigurationError(f"cannot connect to {', '.join(servers)}: {error}") from error
        finally:
            turned_away.cancel()
            if not self.wire.is_connected:
                attempt.cancel()
                await asyncio.gather(attempt, return_exceptions=True)
                await self.wire.abandon()
        self._replies = Replies(self.wire, self._access.inbox_prefix)
        self._tried_at[self._address] = asyncio.get_running_loop().time()
        self._up.set()
        self._watchdog = asyncio.create_task(self._watch(), name=f"{name} watchdog")

    async def close(self) -> None:
        """Send what is buffered, then close for good."""
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.cancel()
            # Gathered, so that a cancellation of our own is not taken for the watchdog's.
            await asyncio.gather(watchdog, return_exceptions=True)
        self.replies.close()
        self._up.clear()
        await self.wire.shut()

    @property
    def replies(self) -> Replies:
        """Who waits for which answer."""
        assert self._replies is not None, "not opened"
        return self._replies

    @property
    def is_up(self) -> bool:
        """Whether the server can be reached now, as far as known."""
        return self._up.is_set() and self.wire.is_connected

    @property
    def is_closed(self) -> bool:
        """Whether it was closed for good."""
        return self.wire.is_closed

    @property
    def body_bytes_max(self) -> int:
        """Bytes that the server takes in one message, headers and all."""
        return int(self.wire.max_payload)

    def on_return(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have a function called after each reconnect; return how to end that."""
        self._returns.append(callback)
        return lambda: self._returns.remove(callback)

    async def up(self, deadline: float) -> None:
        """Wait until there is a connection.

        Args:
            deadline: By the loop's clock.

        Raises:
            StoreUnavailable: There was none until the deadline.
        """
        while not self.is_up:
            if self.is_closed:
                raise StoreUnavailable("the connection is closed")
            try:
                async with asyncio.timeout_at(deadline):
                    await self._up.wait()
                    if not self.wire.is_connected:
                        # The loss was noticed, but not yet announced.
                        await asyncio.sleep(PAUSE_SECONDS)
            except TimeoutError as error:
                raise StoreUnavailable("no connection to the server") from error

    async def room(self, deadline: float) -> None:
        """Wait until one more message may be sent and its answer awaited.

        Raises:
            StoreUnavailable: Nothing moved until the deadline.
            Disconnected: The connection was lost meanwhile.
        """
        try:
            async with asyncio.timeout_at(deadline):
                if self.wire.is_crowded:
                    await self.wire.room()
                await self.replies.room()
        except TimeoutError as error:
            raise StoreUnavailable("the server takes nothing in time") from error

    async def ask(
        self,
        subject: str,
        payload: bytes = b"",
        *,
        seconds: float,
        collect: Collect | None = None,
    ) -> bytes:
        """Send one request, once, and return its answer.

        Raises:
            Lost: No answer came.
            Unserved: Nobody serves the subject now.
            Disconnected: There is no connection; nothing was sent.
            NotAuthorized: The server forbids the subject.
        """
        reply, answer = self.replies.expect(subject, seconds=seconds, collect=collect)
        try:
            self.wire.send(subject.encode(), reply, b"", payload)
        except Disconnected:
            discard(answer)
            raise
        return await answer

    def _options(self) -> dict[str, Any]:
        access = self._access
        for file in (access.credentials, access.nkey_seed):
            if file is not None and not file.is_file():
                raise ConfigurationError(f"there is no file {file} with credentials")
        options: dict[str, Any] = {
            "allow_reconnect": True,
            "max_reconnect_attempts": -1,
            # Between attempts to connect at first; afterwards `_choose` sets the pause.
            "reconnect_time_wait": 0.2,
            "reconnect_to_server_handler": self._choose,
            "connect_timeout": 2,
            "ping_interval": 5,
            "max_outstanding_pings": 2,
            "flush_timeout": 10,
            "error_cb": self._on_error,
            "disconnected_cb": self._on_disconnected,
            "reconnected_cb": self._on_reconnected,
            "closed_cb": self._on_closed,
            "inbox_prefix": access.inbox_prefix,
            "pending_size": 8 * 1024 * 1024,
            "user": access.user,
            "password": access.password,
            "token": access.token,
            "user_credentials": str(access.credentials) if access.credentials else None,
            "nkeys_seed": str(access.nkey_seed) if access.nkey_seed else None,
        }
        if access.tls is not None:
            options["tls"] = access.tls
        return options

    def _choose(self, servers: list[Server], _info: dict[str, Any]) -> tuple[Server | None, float]:
        """Take the server that was tried longest ago, after a pause that differs among clients.

        Of those that fail, one cannot be reached and another is alive and serves nobody. Going
        round, a client stays with neither, nor goes back and forth between them.
        """
        if not servers:
            return None, 1.0
        server = min(
            servers,
            key=lambda one: (self._tried_at.get(one.uri.netloc, 0.0), random.random()),  # noqa: S311 - no secret
        )
        self._tried_at[server.uri.netloc] = asyncio.get_running_loop().time()
        pause = random.uniform(0.0, 0.2) if server.reconnects == 0 else random.uniform(0.2, 1.0)  # noqa: S311 - no secret
        return server, pause

    def _unreachable(self, servers: list[str]) -> StoreError:
        if self._turned_away.is_set():
            return NotAuthorized("any subject")
        why = self._first_error or "no answer"
        return StoreUnavailable(f"no server answers at {', '.join(servers)}: {why}")

    async def _watch(self) -> None:
        """Begin to reconnect when nothing moves any more though it should."""
        silent = 0
        # Looked at each time, for the reconnect of nats-py can lose a cancellation.
        while self._watchdog is not None:
            await asyncio.sleep(self._watch_seconds)
            wire = self.wire
            if wire.is_wedged:
                _log.error("connection wedged; reconnecting")
                await wire.start_over()
                continue
            if not wire.is_connected:
                continue
            if self._is_in_vain:
                _log.warning("server serves nobody; going to another", left=self._address)
                await wire.start_over()
                continue
            heard = wire.messages_heard
            try:
                await wire.rtt(self._watch_seconds)
                silent = 0
            except nats.errors.Error:
                # One late answer may be the fault of a busy loop, not of the line.
                silent = silent + 1 if wire.messages_heard == heard else 0
            if silent > 1:
                silent = 0
                _log.error("server silent; reconnecting")
                await wire.start_over()

    @property
    def _is_in_vain(self) -> bool:
        """Whether another server may serve, and this one, though alive, does not.

        It may be cut off from the others: alone it elects nobody and records nothing.
        """
        doubt_seconds = max(self.appends.seconds, self.requests.seconds)
        return doubt_seconds > DOUBT_SECONDS and len(self.wire.servers) > 1

    @property
    def _address(self) -> str:
        url = self.wire.connected_url
        return url.netloc if url is not None else ""

    def _complained(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        found = _DENIED.search(text)
        if found is None:
            _log.warning("server complains", text=text)
            return
        kind, subject = found[1].lower(), found[2]
        _log.warning("server denies subject", kind=kind, subject=subject)
        if self._replies is not None:
            self._replies.refuse(kind, subject)

    async def _on_error(self, error: Exception) -> None:
        self._first_error = self._first_error or error
        if "authorization violation" in str(error).lower():
            self._turned_away.set()
        _log.debug("connection error", error=repr(error))

    async def _on_disconnected(self) -> None:
        self._up.clear()
        if self._replies is not None:
            self._replies.lose_all()
        if self._watchdog is not None:
            _log.warning("disconnected")

    async def _on_reconnected(self) -> None:
        self.appends.end()
        self.requests.end()
        self._up.set()
        _log.info("reconnected")
        for callback in list(self._returns):
            try:
                callback()
            except Exception:  # noqa: BLE001 - the others must still be called
                _log.exception("callback failed")

    async def _on_closed(self) -> None:
        self._up.clear()
        if self._replies is not None:
            self._replies.lose_all()
