"""The one thread of a process in which its connections live, and the way there and back.

The library calls and waits; mabeam's log is asynchronous. A call is carried out on the loop
of this thread while the caller sleeps. Who runs an event loop may not sleep, so a call from
a running loop is refused: from this one it could never return, and from any other it would
halt all tasks there for as long as the log takes, through an election up to 15 seconds.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, ParamSpec, TypeVar

from eventsourcing.persistence import ProgrammingError

from mabeam.core.errors import MabeamError
from mabeam.infra.eventsourcing.errors import translation
from mabeam.infra.eventsourcing.settings import Address
from mabeam.infra.jetstream import Access, Connection, connect
from mabeam.infra.observability import quiet_log

__all__ = ["Bridge"]

_STOP_SECONDS: Final = 5.0

P = ParamSpec("P")
T = TypeVar("T")


class Bridge:
    """A thread with an event loop and one connection for each address in use."""

    _present: Bridge | None = None
    _creation = threading.Lock()

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._connecting = asyncio.Lock()
        self._connections: dict[Address, tuple[Connection, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        quiet_log()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="mabeam eventsourcing", daemon=True
        )
        self._thread.start()
        atexit.register(self.close)

    @classmethod
    def present(cls) -> Bridge:
        """Return that of this process, which is made at first use."""
        with cls._creation:
            bridge = cls._present
            if bridge is None or not bridge.is_open:
                bridge = cls._present = Bridge()
            return bridge

    @property
    def is_open(self) -> bool:
        """Whether its thread runs in this process; none survives a fork."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def submit(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Begin some work on the loop.

        Raises:
            ProgrammingError: The caller must not wait here, or the bridge is gone.
        """
        self.check()
        return asyncio.run_coroutine_threadsafe(work(*args, **kwargs), self._loop)

    def call(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Have some work done on the loop, and return what comes of it.

        Raises:
            PersistenceError: What mabeam raised, in the library's words.
        """
        return self.outcome(self.submit(work, *args, **kwargs))

    def outcome(self, future: Future[T]) -> T:
        """Wait for some work; give it up if the wait is interrupted."""
        try:
            return future.result()
        except MabeamError as error:
            raise translation(error) from error
        except BaseException:
            future.cancel()
            raise

    def post(self, callback: Callable[..., object], *args: object) -> None:
        """Have a callback called on the loop, if there still is one."""
        if self.is_open:
            self._loop.call_soon_threadsafe(callback, *args)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin what goes on until it is cancelled, at the latest when the bridge closes.

        Only for what runs on the loop.
        """
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def check(self) -> None:
        """Refuse a caller who must not wait.

        Raises:
            ProgrammingError: An event loop runs here, or the process was forked.
        """
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            if not self.is_open:
                raise ProgrammingError(
                    "the connection stayed behind in another process, or was closed: "
                    "construct the application after the fork"
                ) from None
            return
        if running is self._loop:
            raise ProgrammingError(
                "called from the thread that carries out such calls, where it could never "
                "return: use the asynchronous API of mabeam there"
            )
        raise ProgrammingError(
            "called where an event loop runs, which would halt all of its tasks: "
            "use `await asyncio.to_thread(...)`, or the asynchronous API of mabeam"
        )

    async def connection(self, address: Address, seconds: float) -> Connection:
        """Return the connection to an address, and count one user more."""
        async with self._connecting:
            known = self._connections.get(address)
            if known is None:
                access = Access(credentials=address.credentials)
                connection = await connect(
                    address.servers,
                    name="mabeam eventsourcing",
                    access=access,
                    deadline_seconds=seconds,
                )
                known = connection, 0
            connection, users = known
            self._connections[address] = connection, users + 1
            return connection

    async def release(self, address: Address) -> None:
        """Count one user less, and close the connection after the last one."""
        async with self._connecting:
            connection, users = self._connections.pop(address)
            if users > 1:
                self._connections[address] = connection, users - 1
                return
            await connection.close()

    def close(self) -> None:
        """Close all connections and end the thread, at the end of the process."""
        if not self.is_open:
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).add_done_callback(
            lambda _: self._loop.call_soon_threadsafe(self._loop.stop)
        )
        self._thread.join(_STOP_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection, _ in self._connections.values():
            await connection.close()
