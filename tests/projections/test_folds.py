"""A fold that goes on, page by page and process by process, is the fold from the beginning."""

from __future__ import annotations

import asyncio
import pickle
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.envelope import decode, encode, envelope_of, wire_subject
from mabeam.core.events import Event, registered
from mabeam.core.ports import Page
from mabeam.core.subjects import Boundary
from mabeam.infra.memory import MemoryCheckpoints, MemoryStore
from mabeam.projections.conflicts import CONFLICTS
from mabeam.projections.projection import Projection
from mabeam.projections.registry import AGENTS, CONSTRAINTS, SESSIONS, VARIABLES
from mabeam.projections.runner import Live
from mabeam.projections.world import WORLD, World, fingerprint
from support.events import fresh_id
from support.payloads import payloads

SPACE = "folds"
STRUCTS = [known.struct for known in registered() if known.struct.__module__.startswith("mabeam.")]
KINDS = {known.struct: known.kind for known in registered()}
ACTORS = st.sampled_from(["coordinator", "ann", "eve"])
EVENTS = st.tuples(st.sampled_from(STRUCTS).flatmap(payloads), ACTORS, st.sampled_from("xy"))
GARBAGE = st.tuples(
    st.sampled_from(["session.x.said.ann", "variable.x.said", "agent.y.a.b.c", "nothing"]),
    st.binary(max_size=4),
)
Message = tuple[str, bytes]


def message(event: Event, actor: str, entity: str) -> Message:
    """Return a subject and the bytes on it."""
    boundary = Boundary(KINDS[type(event)], entity)
    envelope = envelope_of(event, boundary, source=f"/any/{actor}", id=fresh_id())
    return wire_subject(SPACE, envelope), encode(envelope, 1_000_000)


MESSAGES = st.lists(
    EVENTS.map(lambda drawn: message(*drawn))
    | GARBAGE.map(lambda drawn: (f"mabeam.{SPACE}.{drawn[0]}", drawn[1])),
    max_size=20,
)


class Still:
    """A clock that stands still."""

    def now_ns(self) -> int:
        return 1


class Pickled:
    """The codec of any state, good enough for a test."""

    def encode(self, state: World) -> bytes:
        return pickle.dumps(state)

    def decode(self, raw: bytes) -> World:
        state: World = pickle.loads(raw)  # noqa: S301 - these bytes are our own
        return state


async def fold_in_pieces(
    store: MemoryStore, messages: list[Message], cuts: list[int], every: int
) -> tuple[World, list[Page]]:
    """Let one process after the other take over where the last one has left off."""
    checkpoints = MemoryCheckpoints()
    pages: list[Page] = []
    state = WORLD.initial
    for begin, end in zip([0, *cuts], [*cuts, len(messages)], strict=True):
        for subject, body in messages[begin:end]:
            store.publish_raw(subject, body)
        live = Live(
            WORLD,
            store,
            checkpoints=checkpoints,
            codec=Pickled(),
            checkpoint_every=every,
            on_page=lambda page, _: pages.append(page),
        )
        async with live:
            state = await live.caught_up()
            assert state.position == live.position == end
    return state, pages


@settings(max_examples=60)
@given(
    MESSAGES,
    st.integers(1, 7),
    st.lists(st.integers(0, 20), max_size=3),
    st.integers(1, 10),
    st.integers(0, 20),
)
def test_a_fold_in_pieces_is_the_fold_from_the_beginning(
    messages: list[Message], page_max: int, cuts: list[int], every: int, at: int
) -> None:
    async def check() -> None:
        store = MemoryStore(SPACE, page_max=page_max)
        inside = sorted(min(cut, len(messages)) for cut in cuts)
        live, pages = await fold_in_pieces(store, messages, inside, every)
        log = [one async for page in store.read() for one in page]
        assert fingerprint(WORLD.fold(log)) == fingerprint(live)
        assert WORLD.fold(log) == live
        positions = [one.position for page in pages for one in page]
        assert positions == list(range(1, len(messages) + 1)), "each was seen once, in order"
        half = WORLD.fold(log[:at])
        for one in log[at:]:
            half = WORLD.apply(half, one)
        assert fingerprint(half) == fingerprint(live)

    asyncio.run(check())


FOLDS: list[Projection[Any]] = [AGENTS, VARIABLES, CONSTRAINTS, SESSIONS, CONFLICTS, WORLD]


@given(MESSAGES, st.lists(st.integers(0, 20), max_size=4))
def test_folding_whole_pages_is_folding_event_by_event(
    messages: list[Message], cuts: list[int]
) -> None:
    log = [
        decode(position, 1_000 * position, subject, body)
        for position, (subject, body) in enumerate(messages, start=1)
    ]
    edges = sorted({0, len(log), *(min(cut, len(log)) for cut in cuts)})
    pages = [log[begin:end] for begin, end in pairwise(edges)]
    for fold in FOLDS:
        one_by_one = in_pages = fold.initial
        for one in log:
            one_by_one = fold.apply(one_by_one, one)
        for page in pages:
            before, shown = in_pages, fingerprint(in_pages)
            in_pages = fold.advance(in_pages, page)
            assert fingerprint(before) == shown, "the state before a page is still what it was"
        assert in_pages == one_by_one == fold.fold(log)
        assert fingerprint(in_pages) == fingerprint(one_by_one)


@given(MESSAGES)
def test_what_nobody_can_read_is_counted_and_changes_no_state(messages: list[Message]) -> None:
    async def log_of(kept: list[Message]) -> World:
        store = MemoryStore(SPACE, clock=Still())
        for subject, body in kept:
            store.publish_raw(subject, body)
        return WORLD.fold([one async for page in store.read() for one in page])

    async def check() -> None:
        store = MemoryStore(SPACE, clock=Still())
        readable: list[Message] = []
        for subject, body in messages:
            store.publish_raw(subject, body)
        log = [one async for page in store.read() for one in page]
        for one, sent in zip(log, messages, strict=True):
            # What cannot be read keeps its place, as something that belongs to no entity.
            readable.append(sent if one.trouble is None else (f"mabeam.{SPACE}.nothing", b""))
        all_, clean = WORLD.fold(log), await log_of(readable)
        assert all_.unreadable.count == clean.unreadable.count == len(all_.unreadable.latest)
        for kind in ("agents", "variables", "constraints", "sessions"):
            states = {name: one.state for name, one in getattr(clean, kind).items()}
            found = {name: one.state for name, one in getattr(all_, kind).items()}
            assert states == {name: found[name] for name in states}
        assert all_.conflicts == clean.conflicts

    asyncio.run(check())
