"""Metrics of the spaces that a process is connected to, for Prometheus to fetch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Final, Self

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from mabeam.core.envelope import Recorded
from mabeam.core.errors import ConfigurationError
from mabeam.core.ports import EventStore, ReadModel
from mabeam.core.telemetry import Follower, Handling, Role
from mabeam.infra.observability.metrics.measured import MeasuredStore
from mabeam.infra.observability.metrics.meters import Meters
from mabeam.infra.observability.metrics.watching import SpaceWatch

__all__ = ["Metrics"]


class Metrics:
    """Measures spaces. Give it to ``connect``, and have its figures fetched.

    Attributes:
        registry: Where the figures are; any exporter for Prometheus takes them from there.

    Args:
        registry: The registry to use, such as that of a service which has one already. Each
            takes mabeam's metrics once. A new one, with figures of the process, if None.

    Raises:
        ConfigurationError: The registry has them already. Use the same metrics for all spaces.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        if registry is None:
            registry = CollectorRegistry()
            _ = ProcessCollector(registry=registry)
        self.registry: Final = registry
        try:
            self._meters: Final = Meters(registry)
        except ValueError as error:
            raise ConfigurationError("the registry has mabeam's metrics already") from error
        self._watches: Final[dict[str, SpaceWatch]] = {}

    @contextmanager
    def served(self, host: str, port: int) -> Generator[str]:
        """Serve the figures by HTTP in a thread of its own; return their address.

        Args:
            host: Name or address to listen on; ``127.0.0.1`` lets nobody else in.
            port: Port to listen on; 0 for any that is free.

        Raises:
            ConfigurationError: The address cannot be listened on. Choose another.
        """
        try:
            server, thread = start_http_server(port, host, self.registry)
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"metrics cannot be served on {host}:{port}: {error}; choose another address"
            ) from error
        try:
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{server.server_port}/metrics"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    @asynccontextmanager
    async def observing(self, store: EventStore) -> AsyncGenerator[EventStore]:
        """Return the same log, measured."""
        watch = self._watch(store.space)
        async with watch.looking(store):
            yield MeasuredStore(store, self._meters, watch)

    def following(
        self, space: str, name: str, follower: Follower
    ) -> AbstractContextManager[object]:
        """Show how far a follower is behind the head of the log, until the end."""
        return self._watch(space).following(name, follower)

    def keeping(self, space: str, model: ReadModel) -> AbstractContextManager[object]:
        """Show how the tables of a projection stand and how far they are behind, until the end."""
        return self._watch(space).keeping(model)

    def handling(
        self,
        space: str,
        role: Role,
        recorded: Recorded | None,  # noqa: ARG002 - every event is measured alike
    ) -> Handling:
        """Measure how long the handling of an event takes."""
        return _Timed(self._meters, space, role)

    def reconnected(self, space: str) -> None:
        """Count it."""
        self._meters.reconnects.labels(space).inc()

    def _watch(self, space: str) -> SpaceWatch:
        found = self._watches.get(space)
        if found is None:
            found = self._watches[space] = SpaceWatch(space, self._meters)
        return found


class _Timed:
    def __init__(self, meters: Meters, space: str, role: str) -> None:
        self._meters = meters
        self._labels = (space, role)
        self._outcome = "done"
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            # What is cut off by the end of the process says nothing about handling.
            if isinstance(error, asyncio.CancelledError):
                return
            self.failed(error)
        seconds = time.perf_counter() - self._began
        self._meters.handling_seconds.labels(*self._labels, self._outcome).observe(seconds)

    def failed(self, error: BaseException) -> None:
        del error
        self._outcome = "failed"
