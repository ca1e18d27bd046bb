"""Random histories of a space, and a model so simple that it is plainly right.

The model keeps a list and looks through all of it for every question.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Literal

from hypothesis import strategies as st

from mabeam.core.envelope import Envelope
from mabeam.core.errors import Conflict
from mabeam.core.ports import ANY, NEW, EventStore, Page, Write
from mabeam.core.subjects import Filter, escape
from support.events import fresh_id, said
from support.reading import read_all, take
from support.worlds import World

__all__ = ["History", "histories", "play"]

BOUNDARIES: Final = ["session/1", "session/10", "session/*", "vari.able/a b", "variable/1"]
TYPES: Final = ["test.said.v1", "test.said.v2", "note"]
EVENTS: Final = {"test.said.v1": "said", "test.said.v2": "said", "note": "note"}
ACTORS: Final = ["ann", "b.ob", ">"]


@dataclass(frozen=True, slots=True)
class Part:
    """Events of one boundary; what they expect is worked out when it is their turn."""

    boundary: str
    spoken: tuple[tuple[str, str], ...]
    expect: Literal["any", "new", "tail", "stale", "beyond"]


@dataclass(frozen=True, slots=True)
class Append:
    """One append of one or several writes."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Send one of the former appends again, refused ones too."""

    which: int


@dataclass(frozen=True, slots=True)
class Garbage:
    """A message that is no event, on the subject of one or on that of none."""

    boundary: str
    spoken: tuple[str, str]
    on_a_subject: bool


@dataclass(frozen=True, slots=True)
class Read:
    """Read between two positions."""

    wanted: Filter
    after: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Latest:
    """Ask for the last words as of a position."""

    wanted: Filter
    at: int | None


@dataclass(frozen=True, slots=True)
class Follow:
    """Follow from here on; what was seen is compared in the end."""

    wanted: Filter
    after: int


Step = Append | Repeat | Garbage | Read | Latest | Follow
History = list[Step]

_spoken = st.tuples(st.sampled_from(TYPES), st.sampled_from(ACTORS))
_boundaries = st.sampled_from(BOUNDARIES)
_parts = st.builds(
    Part,
    _boundaries,
    st.lists(_spoken, min_size=1, max_size=3).map(tuple),
    st.sampled_from(["any", "new", "tail", "tail", "stale", "beyond"]),
)
_positions = st.integers(0, 15)
_kinds = st.sampled_from(["session", "vari.able", "variable", "*"])
_entities = st.sampled_from(["1", "10", "*", "a b"])
_events = st.sampled_from(["said", "note"])
_actors = st.sampled_from(ACTORS)
_filters = st.one_of(
    st.just(Filter()),
    st.builds(Filter, kind=_kinds),
    st.builds(Filter, entity=_entities),
    st.builds(Filter, event=_events),
    st.builds(Filter, actor=_actors),
    st.builds(
        Filter, st.none() | _kinds, st.none() | _entities, st.none() | _events, st.none() | _actors
    ),
)
_appends = st.builds(
    Append,
    st.lists(_parts, min_size=1, max_size=3, unique_by=lambda one: one.boundary).map(tuple),
)
_steps: st.SearchStrategy[Step] = st.one_of(
    _appends,
    _appends,
    st.builds(Repeat, st.integers(0, 10)),
    st.builds(Garbage, _boundaries, _spoken, st.booleans()),
    st.builds(Read, _filters, st.just(0) | _positions, st.none() | _positions),
    st.builds(Read, st.just(Filter()), st.integers(0, 5), st.integers(2, 12)),
    st.builds(Latest, _filters, st.none() | _positions),
    st.builds(Follow, _filters, st.just(0) | _positions),
)
histories: st.SearchStrategy[History] = st.lists(_steps, min_size=8, max_size=30)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the model's log; garbage has no id."""

    position: int
    id: str
    boundary: str
    event: str
    actor: str
    on_a_subject: bool = True

    def fits(self, wanted: Filter) -> bool:
        """Tell whether a reader wants it."""
        if not self.on_a_subject:
            return wanted == Filter()
        kind, _, entity = self.boundary.partition("/")
        return wanted.matches(kind, entity, self.event, self.actor)


@dataclass(slots=True)
class Model:
    """The log as a list."""

    entries: list[Entry] = field(default_factory=list[Entry])
    appends: list[tuple[Write, ...]] = field(default_factory=list[tuple[Write, ...]])

    def tail(self, boundary: str) -> int:
        """Return the last position of a boundary."""
        return max((one.position for one in self.entries if one.boundary == boundary), default=0)

    def append(self, writes: tuple[Write, ...]) -> int:
        """Record the writes and return the last position; 0 stands for a conflict."""
        events = [event for write in writes for event in write.events]
        known = [one.position for one in self.entries if one.id == events[-1].id]
        if known:
            return known[0]
        for write in writes:
            if write.expect is not ANY and write.expect != self.tail(write.events[0].subject):
                return 0
        for event in events:
            self._add(event)
        return len(self.entries)

    def _add(self, event: Envelope) -> None:
        actor = event.source.removeprefix("/agents/")
        self.entries.append(
            Entry(len(self.entries) + 1, event.id, event.subject, EVENTS[event.type], actor)
        )

    def read(self, step: Read) -> list[tuple[int, str]]:
        """Return positions and ids of what a read should give."""
        last = len(self.entries) if step.until is None else step.until
        return [
            (one.position, one.id)
            for one in self.entries
            if step.after < one.position <= last and one.fits(step.wanted)
        ]

    def latest(self, step: Latest) -> list[tuple[int, str]]:
        """Return positions and ids of the last words."""
        last: dict[object, tuple[int, str]] = {}
        for one in self.entries:
            if one.fits(step.wanted) and (step.at is None or one.position <= step.at):
                key = (one.boundary, one.event, one.actor, one.on_a_subject)
                last[key] = (one.position, one.id)
        return sorted(last.values())


async def play(world: World, history: History) -> None:
    """Play a history on a store and on the model, and compare what both answer."""
    store, model = await world.open(), Model()
    async with AsyncExitStack() as stack:
        followers = await live(world, store, model, history, stack)
        for pages, step in followers:
            expected = model.read(Read(step.wanted, step.after, None))
            assert told(await take(pages, len(expected))) == expected
    assert told(await read_all(store)) == [(one.position, one.id) for one in model.entries]


async def live(
    world: World, store: EventStore, model: Model, history: History, stack: AsyncExitStack
) -> list[tuple[AsyncIterator[Page], Follow]]:
    """Take the steps one by one; return the followers that were begun."""
    followers: list[tuple[AsyncIterator[Page], Follow]] = []
    for step in history:
        match step:
            case Append(parts):
                writes = writes_of(model, parts)
                model.appends.append(writes)
                await compare_append(store, model, writes)
            case Repeat(which) if model.appends:
                await compare_append(store, model, model.appends[which % len(model.appends)])
            case Repeat():
                continue
            case Garbage():
                await litter(world, model, step)
            case Read(wanted, after, until):
                assert told(await read_all(store, wanted, after=after, until=until)) == model.read(
                    step
                )
            case Latest(wanted, at):
                assert told(await store.latest(wanted, at=at)) == model.latest(step)
            case Follow(wanted, after):
                pages = await stack.enter_async_context(store.follow(wanted, after=after))
                followers.append((pages, step))
        assert await store.head() == len(model.entries)
    return followers


def writes_of(model: Model, parts: tuple[Part, ...]) -> tuple[Write, ...]:
    """Make the events of an append, and expectations that are right or wrong as wished."""
    commit = fresh_id()
    return tuple(
        Write(
            tuple(
                said(part.boundary, event=event, actor=actor, commit=commit)
                for event, actor in part.spoken
            ),
            {
                "any": ANY,
                "new": NEW,
                "tail": model.tail(part.boundary),
                "stale": max(0, model.tail(part.boundary) - 1),
                "beyond": len(model.entries) + 1,
            }[part.expect],
        )
        for part in parts
    )


async def compare_append(store: EventStore, model: Model, writes: tuple[Write, ...]) -> None:
    """Append to both."""
    try:
        position = await store.append(*writes)
    except Conflict:
        position = 0
    assert position == model.append(writes)


async def litter(world: World, model: Model, step: Garbage) -> None:
    """Publish what is no event."""
    kind, _, entity = step.boundary.partition("/")
    type_, actor = step.spoken
    event = EVENTS[type_]
    subject = f"mabeam.{world.space}.{escape(kind)}.{escape(entity)}.{event}.{escape(actor)}"
    if not step.on_a_subject:
        subject += ".more"
    position = await world.publish_raw(subject, b"garbage")
    model.entries.append(Entry(position, "", step.boundary, event, actor, step.on_a_subject))


def told(events: Page) -> list[tuple[int, str]]:
    """Return what is compared: where which event stands."""
    return [(one.position, one.id) for one in events]
