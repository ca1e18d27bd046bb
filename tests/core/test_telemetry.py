"""Who looks on at a space: nobody, one, or several as one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self, cast

import pytest

from mabeam.core.envelope import Recorded
from mabeam.core.ports import EventStore
from mabeam.core.telemetry import SILENCE, Follower, Handling, Role, Telemetry, together
from mabeam.infra.memory import MemoryStore


class Shown:
    """A log that somebody looks at."""

    def __init__(self, store: EventStore, by: str) -> None:
        self.store = store
        self.by = by


class Spy:
    """Writes down what it is told."""

    def __init__(self, name: str, told: list[str]) -> None:
        self.name = name
        self.told = told

    def tell(self, what: str) -> None:
        self.told.append(f"{self.name} {what}")

    @asynccontextmanager
    async def observing(self, store: EventStore) -> AsyncGenerator[EventStore]:
        yield cast("EventStore", Shown(store, self.name))
        self.tell("looks away")

    @contextmanager
    def following(self, space: str, name: str, follower: Follower) -> Generator[None]:
        self.tell(f"follows {space} {name} {follower.position}")
        yield
        self.tell("follows no more")

    def handling(self, space: str, role: Role, recorded: Recorded | None) -> Handling:
        self.tell(f"{role} in {space} handles {recorded}")
        return SpyHandling(self)

    def reconnected(self, space: str) -> None:
        self.tell(f"reconnected {space}")


class SpyHandling:
    def __init__(self, spy: Spy) -> None:
        self.spy = spy

    def __enter__(self) -> Self:
        self.spy.tell("begins")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.spy.tell(f"ends with {error}")

    def failed(self, error: BaseException) -> None:
        self.spy.tell(f"fails with {error}")


class At:
    position = 7


def fail_twice(telemetry: Telemetry) -> None:
    with telemetry.handling("team", "agent", None) as handling:
        handling.failed(ValueError("early"))
        raise ValueError("late")


async def test_nobody_changes_nothing_and_holds_back_no_error() -> None:
    store = MemoryStore("team")
    async with SILENCE.observing(store) as observed:
        assert observed is store
    with SILENCE.following("team", "world", At()):
        SILENCE.reconnected("team")
    with pytest.raises(ValueError, match="late"):
        fail_twice(SILENCE)


def test_none_are_silence_and_one_is_itself() -> None:
    one = Spy("a", [])
    assert together([]) is SILENCE
    assert together([one]) is one


async def test_several_are_told_everything_and_each_sees_the_log_through_the_former() -> None:
    told: list[str] = []
    both = together([Spy("a", told), Spy("b", told)])
    store = MemoryStore("team")
    async with both.observing(store) as observed:
        assert isinstance(observed, Shown)
        assert (observed.by, cast("Shown", observed.store).by) == ("b", "a")
    with both.following("team", "world", At()):
        both.reconnected("team")
    assert told == [
        *("b looks away", "a looks away"),
        *("a follows team world 7", "b follows team world 7"),
        *("a reconnected team", "b reconnected team"),
        *("b follows no more", "a follows no more"),
    ]


def test_several_see_a_handling_from_its_beginning_to_its_end() -> None:
    told: list[str] = []
    both = together([Spy("a", told), Spy("b", told)])
    with pytest.raises(ValueError, match="late"):
        fail_twice(both)
    assert told == [
        *("a agent in team handles None", "b agent in team handles None"),
        *("a begins", "b begins", "a fails with early", "b fails with early"),
        *("b ends with late", "a ends with late"),
    ]
