"""How a read model stands: how far behind its log it is, in events and in time."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mabeam.core.ports import Build, EventStore, ReadModel

__all__ = ["BuildStatus", "Status", "status"]

_NANO = 1_000_000_000

Condition: TypeAlias = Literal["active", "idle", "paused", "failed", "retired"]


class BuildStatus(msgspec.Struct, frozen=True):
    """How one build stands.

    Attributes:
        build: The build as its store has it.
        condition: ``active`` while a process applies events; ``idle`` when none does,
            ``failed`` when the last one stopped on its own, ``paused`` by order.
        lag: How many events it is behind the head of the log; 0 when it is retired.
        age_seconds: How long ago the oldest event was recorded that is not applied yet; 0
            when there is none.
        seconds_left: How long until it has caught up, at its rate so far; None if it has
            none.
    """

    build: Build
    condition: Condition
    lag: int
    age_seconds: float
    seconds_left: float | None


class Status(msgspec.Struct, frozen=True):
    """How a read model stands.

    Attributes:
        space: The space.
        projection: Name of the projection.
        head: Position of the last event of the log.
        builds: All builds that exist, the oldest first.
    """

    space: str
    projection: str
    head: int
    builds: tuple[BuildStatus, ...]

    @property
    def serving(self) -> BuildStatus | None:
        """The build that readers see, or None before the first is complete."""
        return next((one for one in self.builds if one.build.state == "serving"), None)


async def status(store: EventStore, model: ReadModel) -> Status:
    """Look how a read model stands. Nothing is changed.

    Raises:
        StoreUnavailable: Log or tables cannot be reached.
    """
    # The builds first, so that none is ever ahead of the head.
    builds = await model.builds()
    head = await store.head()
    found = [await _status(store, build, head) for build in builds]
    return Status(store.space, model.projection, head, tuple(found))


async def _status(store: EventStore, build: Build, head: int) -> BuildStatus:
    # Nobody waits for a retired build.
    lag = 0 if build.state == "retired" else max(0, head - build.position)
    rate = build.events_per_second
    return BuildStatus(
        build,
        _condition(build),
        lag,
        await _age_seconds(store, build.position) if lag else 0.0,
        lag / rate if rate and build.holder else (None if lag else 0.0),
    )


async def _age_seconds(store: EventStore, position: int) -> float:
    async for page in store.read(after=position, until=position + 1):
        return max(0.0, (await store.now_ns() - page[0].recorded_ns) / _NANO)
    return 0.0


def _condition(build: Build) -> Condition:
    if build.state == "retired":
        return "retired"
    if build.is_paused:
        return "paused"
    if build.holder:
        return "active"
    return "failed" if build.failure else "idle"
