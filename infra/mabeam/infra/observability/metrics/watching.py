"""How far the followers of a space are behind its log, looked up now and then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

import structlog

from mabeam.core.errors import MabeamError
from mabeam.core.ports import EventStore, ReadModel
from mabeam.core.telemetry import Follower
from mabeam.infra.observability.metrics.hand import Hand
from mabeam.infra.observability.metrics.meters import Meters
from mabeam.infra.observability.metrics.passage import Ending, Passage
from mabeam.infra.observability.metrics.tables import TablesWatch

__all__ = ["ANSWER_SECONDS", "LOOK_SECONDS", "SpaceWatch"]

LOOK_SECONDS: Final = 2.0
"""How often the log is asked for its head."""

ANSWER_SECONDS: Final = 2.0
"""How long it may take to answer before it counts as away."""

ResultT = TypeVar("ResultT")

_SECOND_NS: Final = 1_000_000_000
_log: Final = structlog.get_logger(__name__)


class SpaceWatch:
    """Watches one space for as long as somebody is connected to it.

    Args:
        space: Name of the space.
        meters: What is written to.
    """

    def __init__(self, space: str, meters: Meters) -> None:
        self._space: Final = space
        self._meters: Final = meters
        self.passage: Final = Passage(self._ended, meters.events_unreadable.labels(space).inc)
        self._tables: Final[list[TablesWatch]] = []
        self._looking = 0
        self._followers: Final[dict[str, list[Follower]]] = {}
        self._hands: Final[dict[str, tuple[Hand, int]]] = {}
        self._head = 0
        self._waiting: dict[str, tuple[int, int]] = {}
        self._asked_ns = (0, 0)

    @asynccontextmanager
    async def looking(self, store: EventStore) -> AsyncGenerator[None]:
        """Ask a log for its head, time and again, until the end."""
        self._looking += 1
        task = asyncio.create_task(self._look_on(store), name=f"watch-{self._space}")
        try:
            yield
        finally:
            _ = task.cancel()
            _ = await asyncio.wait({task})
            self._looking -= 1
            if not self._looking:
                # Nobody must take the last answer for the present.
                for gauge in (self._meters.log_head, self._meters.log_reachable):
                    gauge.remove(self._space)

    @contextmanager
    def following(self, name: str, follower: Follower) -> Generator[None]:
        """Show how far a follower is behind, until the end."""
        hindmost = self._followers.setdefault(name, [])
        hindmost.append(follower)
        meters, labels = self._meters, (self._space, name)
        meters.follower_position.labels(*labels).set_function(lambda: self._position(name))
        meters.follower_lag_events.labels(*labels).set_function(lambda: self._lag_events(name))
        meters.follower_lag_seconds.labels(*labels).set_function(lambda: self._lag_seconds(name))
        try:
            yield
        finally:
            hindmost.remove(follower)
            if not hindmost:
                del self._followers[name]
                _ = self._waiting.pop(name, None)
                meters.follower_position.remove(*labels)
                meters.follower_lag_events.remove(*labels)
                meters.follower_lag_seconds.remove(*labels)

    @contextmanager
    def consuming(self, name: str) -> Generator[Hand]:
        """Show what the consumers of one name have in hand here, until the end."""
        hand, consumers = self._hands.get(name, (Hand(), 0))
        self._hands[name] = hand, consumers + 1
        gauge, labels = self._meters.unsettled, (self._space, name)
        gauge.labels(*labels).set_function(hand.count)
        try:
            yield hand
        finally:
            hand, consumers = self._hands.pop(name)
            if consumers > 1:
                self._hands[name] = hand, consumers - 1
            else:
                gauge.remove(*labels)

    @contextmanager
    def keeping(self, model: ReadModel) -> Generator[None]:
        """Show how tables stand, until the end."""
        tables = TablesWatch(self._space, model, self._meters)
        self._tables.append(tables)
        try:
            with self.following(model.projection, tables):
                yield
        finally:
            self._tables.remove(tables)
            tables.forget()

    async def _look_on(self, store: EventStore) -> None:
        while True:
            # The tables first, so that none is ahead of the head.
            for tables in list(self._tables):
                tables.show(await self._answer(tables.ask()))
            reachable = await self._answer(self._look(store))
            self._meters.log_reachable.labels(self._space).set(reachable is not None)
            await asyncio.sleep(LOOK_SECONDS)

    async def _answer(self, asking: Awaitable[ResultT]) -> ResultT | None:
        """Return an answer, or None if there is none in time."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asking
        except (MabeamError, TimeoutError) as error:
            _log.info("metrics: no answer", space=self._space, error=repr(error))
        except Exception:  # noqa: BLE001 - who only looks on must not end in silence
            _log.exception("metrics: not asked", space=self._space)
        return None

    async def _look(self, store: EventStore) -> bool:
        self._head = await store.head()
        self._meters.log_head.labels(self._space).set(self._head)
        waiting: dict[str, tuple[int, int]] = {}
        for name in list(self._followers):
            position = self._position(name)
            if position < self._head:
                async for page in store.read(after=position, until=position + 1):
                    waiting[name] = (page[0].position, page[0].recorded_ns)
        if waiting:
            self._asked_ns = (await store.now_ns(), time.monotonic_ns())
        self._waiting = waiting
        return True

    # A scrape comes in a thread of its own: it must take what it finds, and ask for nothing.

    def _position(self, name: str) -> int:
        positions = [follower.position for follower in list(self._followers.get(name, ()))]
        return min(positions, default=self._head)

    def _lag_events(self, name: str) -> int:
        return max(0, self._head - self._position(name))

    def _lag_seconds(self, name: str) -> float:
        position, recorded_ns = self._waiting.get(name, (0, 0))
        if self._position(name) >= position:
            return 0.0
        log_ns, then_ns = self._asked_ns
        return max(0, log_ns + time.monotonic_ns() - then_ns - recorded_ns) / _SECOND_NS

    def _ended(self, ending: Ending) -> None:
        meters, protocol = self._meters, ending.protocol
        meters.sessions_ended.labels(self._space, protocol, ending.outcome).inc()
        for since, seconds in (
            ("opening", ending.since_opening_seconds),
            ("last_speech", ending.since_speech_seconds),
        ):
            if seconds is not None:
                meters.decision_seconds.labels(self._space, protocol, since).observe(seconds)
