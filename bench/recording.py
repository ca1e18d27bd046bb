"""The library `eventsourcing` over a space, against its own recorders for SQLite and in memory.

All three do the same work with the same application in the same run. SQLite writes to a file
of its own in write-ahead mode, as the library sets it up, and commits each call; the space is
on the embedded server. What is in memory keeps nothing and shows what the library costs.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Notification, StoredEvent

from bench.figures import Figure, alternate
from bench.sizes import Sizes
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.system import SystemIds

__all__ = ["measure_recording"]

Work = Callable[[Application[UUID], Sizes], float]
"""Does something with an application, and returns how many events it was in a second."""

_SQLITE: Final = "the library's SQLite recorder, in a file"
_MEMORY: Final = "the library's recorder of plain Python objects"
_EVENTS_OF_ONE: Final = 100
_IDS: Final = SystemIds()


class Account(Aggregate):
    """An aggregate with an event such as services have."""

    class Opened(Aggregate.Created):
        """The first event."""

        TOPIC = "bench.account_opened.v1"
        owner: str

    class Credited(Aggregate.Event):
        """All the others."""

        TOPIC = "bench.account_credited.v1"
        cents: int

    @event(Opened)
    def __init__(self, owner: str) -> None:
        """Open it."""
        self.owner = owner
        self.cents = 0

    @event(Credited)
    def credit(self, cents: int) -> None:
        """Add to it."""
        self.cents += cents


async def measure_recording(sizes: Sizes) -> list[Figure]:
    """Save, insert and read again, with each of the three."""
    figures: list[Figure] = []
    async with EmbeddedServer() as server:
        with TemporaryDirectory() as folder:
            # Whoever waits for the log must not do so where an event loop runs.
            apps = await asyncio.to_thread(_applications, server.url, Path(folder))
            for name, work, ratio_min in _WORKS:
                runs = [_turn(work, app, sizes) for app in apps]
                ours, *raws = await alternate(sizes.repetitions, *runs)
                figures += [
                    Figure(
                        name=name,
                        unit="events/s",
                        ours=ours,
                        raw=raw,
                        against=against,
                        ratio_min=ratio_min if against == _SQLITE else None,
                    )
                    for against, raw in zip((_SQLITE, _MEMORY), raws, strict=True)
                ]
            for app in apps:
                await asyncio.to_thread(app.close)
    return sorted(figures, key=lambda figure: figure.against == _MEMORY)


def _applications(url: str, folder: Path) -> list[Application[UUID]]:
    """Return one application over each kind of recorder; ours, then SQLite, then in memory."""
    ours = {
        "PERSISTENCE_MODULE": "mabeam.infra.eventsourcing",
        "MABEAM_NATS_URL": url,
        "MABEAM_SPACE": "bench",
    }
    sqlite = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(folder / "bench.db"),
    }
    return [Application[UUID](env=env) for env in (ours, sqlite, {})]


def _turn(work: Work, app: Application[UUID], sizes: Sizes) -> Callable[[], Awaitable[float]]:
    async def turn() -> float:
        return await asyncio.to_thread(work, app, sizes)

    return turn


def _save(app: Application[UUID], sizes: Sizes) -> float:
    return _saving(app, sizes.one_by_one, 1)


def _save_ten(app: Application[UUID], sizes: Sizes) -> float:
    return _saving(app, sizes.one_by_one // 10 * 10, 10)


def _saving(app: Application[UUID], events: int, size: int) -> float:
    gc.collect()
    began = time.perf_counter()
    for _ in range(events // size):
        _ = app.save(_account(size))
    return events / (time.perf_counter() - began)


def _insert(app: Application[UUID], sizes: Sizes) -> float:
    events = [
        StoredEvent(UUID(_IDS.new_id()), 1, "bench.noted.v1", b'{"number":%d}' % number)
        for number in range(sizes.one_by_one)
    ]
    gc.collect()
    began = time.perf_counter()
    for stored in events:
        _ = app.recorder.insert_events([stored])
    return len(events) / (time.perf_counter() - began)


def _replay(app: Application[UUID], sizes: Sizes) -> float:
    """Read what is there and decode it, as a projection that starts late.

    A recorder that cannot push, SQLite's, is asked for pages of 500, which is how the library
    itself reads for those of its subscriptions that are only notified.
    """
    accounts = _history(sizes)
    first = app.recorder.max_notification_id() or 0
    for account in accounts:
        _ = app.save(account)
    count = len(accounts) * _EVENTS_OF_ONE
    gc.collect()
    began = time.perf_counter()
    for notification in islice(_behind(app, first), count):
        _ = app.mapper.to_domain_event(notification)
    return count / (time.perf_counter() - began)


def _behind(app: Application[UUID], last: int) -> Iterator[Notification]:
    try:
        subscription = app.recorder.subscribe(gt=last)
    except NotImplementedError:
        while page := app.recorder.select_notifications(last, 500, inclusive_of_start=False):
            yield from page
            last = page[-1].id
        return
    with subscription:
        yield from subscription


def _get(app: Application[UUID], sizes: Sizes) -> float:
    """Rebuild aggregates from their events."""
    accounts = _history(sizes)
    for account in accounts:
        _ = app.save(account)
    gc.collect()
    began = time.perf_counter()
    for account in accounts:
        _ = app.repository.get(account.id)
    return len(accounts) * _EVENTS_OF_ONE / (time.perf_counter() - began)


def _history(sizes: Sizes) -> list[Account]:
    return [_account(_EVENTS_OF_ONE) for _ in range(max(1, sizes.recorded // _EVENTS_OF_ONE))]


def _account(events: int) -> Account:
    account = Account("Ada")
    for cents in range(events - 1):
        account.credit(cents)
    return account


_WORKS: Final[tuple[tuple[str, Work, float | None], ...]] = (
    ("app.save of 1 event", _save, 1.0),
    ("app.save of 10 events", _save_ten, None),
    ("recorder.insert_events of 1 event", _insert, None),
    ("catching up, decoded", _replay, 1.0),
    ("repository.get of 100 events", _get, None),
)
