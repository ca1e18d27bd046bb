"""Whatever was ever written goes through every projection, is verified, and told in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mabeam.app.console.style import PLAIN
from mabeam.app.narration import Narrator
from mabeam.app.scenario import Chapter
from mabeam.app.telling import asides, tell
from mabeam.core.actors import COORDINATOR
from mabeam.core.envelope import Envelope, Recorded, actor_of, decode, encode, wire_subject
from mabeam.core.ports import Write
from mabeam.core.subjects import Boundary
from mabeam.infra.memory import MemoryStore
from mabeam.projections.conflicts import CONFLICTS
from mabeam.projections.projection import Projection
from mabeam.projections.registry import AGENTS, CONSTRAINTS, SESSIONS, VARIABLES
from mabeam.projections.verification import verify
from mabeam.projections.world import WORLD, plain
from support.old_types import CLOSED_AND_DECIDED, ENDED, OFFERED, PINGED, STATED, old_event

SIZE_MAX = 1_000_000
PROJECTIONS: list[Projection[Any]] = [WORLD, AGENTS, VARIABLES, CONSTRAINTS, SESSIONS, CONFLICTS]
IT = Boundary("session", "golden")


def golden(name: str) -> Envelope:
    return msgspec.json.decode((Path(__file__).parent / f"{name}.json").read_bytes(), type=Envelope)


def old_forms() -> list[Envelope]:
    """Return events of types that have no struct any more."""
    decided = golden("mabeam.auction.decided.v1").data
    assert isinstance(decided, msgspec.Raw)
    decision = msgspec.json.decode(decided, type=dict[str, Any])
    paid = decision | {"paid": decision.pop("price")}
    return [
        old_event(STATED, {"cents": 700}, IT, "ann", "e"),
        old_event(OFFERED, {"amounts": [3, 5]}, IT, "ann", "e"),
        old_event(PINGED, {"at": "noon"}, IT, "ann", "e"),
        old_event(ENDED, paid, IT, COORDINATOR, "e"),
        old_event(
            CLOSED_AND_DECIDED, decision | {"price": 1, "reason": "complete"}, IT, COORDINATOR, "e"
        ),
    ]


CORPUS = [
    *(golden(path.stem) for path in sorted(Path(__file__).parent.glob("*.json"))),
    *old_forms(),
]
ORDERS: list[Callable[[Sequence[Envelope]], Sequence[Envelope]]] = [list, lambda all_: all_[::-1]]


def log_of(events: Sequence[Envelope]) -> list[Recorded]:
    """Return events as a log would hold them, one after the other, each under its own id."""
    named = [msgspec.structs.replace(event, id=f"e-{n}") for n, event in enumerate(events)]
    return [
        decode(n, n, wire_subject("golden", event), encode(event, SIZE_MAX))
        for n, event in enumerate(named, 1)
    ]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
@pytest.mark.parametrize("order", ORDERS, ids=["in order", "in reverse"])
def test_every_event_goes_through_every_projection(
    projection: Projection[Any], order: Callable[[Sequence[Envelope]], Sequence[Envelope]]
) -> None:
    """After events that make its entity known, and after others that do not."""
    state = projection.initial
    for recorded in log_of(order(CORPUS)):
        state = projection.apply(state, recorded)
        assert plain(projection.apply(projection.initial, recorded)) is not None
    assert plain(state) is not None
    if projection is WORLD:
        assert (state.position, state.unreadable.count) == (len(CORPUS), 0)


def test_an_event_that_nobody_can_read_is_counted() -> None:
    """The control: the corpus would not pass with one of these in it."""
    broken = old_event(OFFERED, {"amount": 3}, IT, "ann", "e")
    unknown = old_event("old.never.v1", {}, IT, "ann", "e")
    world = WORLD.initial
    for recorded in log_of([broken, unknown]):
        world = WORLD.apply(world, recorded)
    assert (world.position, world.unreadable.count) == (2, 1)
    ((position, reason),) = world.unreadable.latest
    assert position == 1
    assert reason == (
        "'old.offered.v1' at position 1 could not be brought to the present version: "
        "KeyError: 'amounts'"
    )


async def test_the_whole_corpus_is_verified_and_narrated() -> None:
    store = MemoryStore("golden")
    for number, event in enumerate(CORPUS):
        named = msgspec.structs.replace(event, id=f"e-{number}", commitid=f"e-{number}")
        await store.append(Write((named,)))
    report = await verify(store)
    by_protocol = [event for event in CORPUS if actor_of(event.source) == COORDINATOR]
    assert (report.events, report.unreadable) == (len(CORPUS), 0)
    assert report.decided == len(by_protocol)
    # Nothing of it follows from what stands before; it is said of each event, and of no other.
    assert {found.position for found in report.divergences} <= {
        number for number, event in enumerate(CORPUS, 1) if event in by_protocol
    }
    lines = await Narrator(store, PLAIN).tell(Chapter("", "", 0, len(CORPUS)))
    told = {int(line[:4]) for line in lines if line[:4].strip().isdigit()}
    assert told == set(range(1, len(CORPUS) + 1))


@pytest.mark.parametrize("recorded", log_of(CORPUS), ids=lambda one: f"{one.position} {one.type}")
def test_every_event_is_told_in_words(recorded: Recorded) -> None:
    words = tell(recorded)
    assert words
    assert "nobody can read" not in words
    assert all(isinstance(text, str) for text in asides(recorded))


def test_the_parts_of_a_split_event_are_told_one_after_the_other() -> None:
    offered, pinged = log_of(
        [
            old_event(OFFERED, {"amounts": [3, 5]}, IT, "ann", "e"),
            old_event(PINGED, {}, IT, "ann", "e"),
        ]
    )
    assert tell(offered) == "bids 3; bids 5"
    assert tell(pinged) == "says what counts no more"
