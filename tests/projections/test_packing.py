"""States come back from bytes as they were, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from immutables import Map
from structlog.testing import capture_logs

from mabeam.core.errors import CodecError
from mabeam.core.ports import Checkpoint
from mabeam.infra.memory import MemoryCheckpoints, MemoryStore
from mabeam.projections.packing import Packed
from mabeam.projections.projection import Projection
from mabeam.projections.resuming import resume
from mabeam.projections.runner import Live
from mabeam.projections.world import WORLD, World, fingerprint
from projections.test_folds import MESSAGES, SPACE, Message
from support.reading import read_all

WORLDS = Packed(World)


class Point(msgspec.Struct, frozen=True):
    x: Any
    y: Any = None


POINTS = Packed(Point)
POINTS_PROJECTION = Projection("points", 1, Point(0), lambda point, recorded: point)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner).map(Map)
        | st.builds(Point, inner, inner)
    ),
    max_leaves=20,
)


def shape(value: object) -> tuple[str, object]:
    """Return a value together with the types of all of its parts."""
    kind: type[object] = type(value)
    parts: object = value
    if isinstance(value, list | tuple):
        parts = [shape(part) for part in cast("list[object]", value)]
    elif isinstance(value, dict | Map):
        entries = cast("dict[str, object]", value).items()
        parts = sorted((key, repr(shape(part))) for key, part in entries)
    elif isinstance(value, Point):
        parts = [shape(value.x), shape(value.y)]
    return kind.__name__, parts


@given(VALUES)
def test_every_value_comes_back_with_its_type(value: object) -> None:
    found = POINTS.decode(POINTS.encode(Point(value)))
    assert repr(shape(found.x)) == repr(shape(value))
    assert found == Point(value)


@settings(max_examples=60)
@given(MESSAGES)
def test_a_world_comes_back_as_it_was(messages: list[Message]) -> None:
    async def check() -> None:
        store = MemoryStore(SPACE)
        for subject, body in messages:
            store.publish_raw(subject, body)
        world = WORLD.fold(await read_all(store))
        raw = WORLDS.encode(world)
        found = WORLDS.decode(raw)
        assert found == world
        assert fingerprint(found) == fingerprint(world)
        assert WORLDS.encode(found) == raw

    asyncio.run(check())


@settings(max_examples=40)
@given(MESSAGES, st.integers(0, 20), st.integers(0, 20))
def test_a_fold_from_a_checkpoint_is_the_fold_from_zero(
    messages: list[Message], cut: int, until: int
) -> None:
    """Also for a rewind to before the checkpoint, which must then not be used."""

    async def check() -> None:
        store, checkpoints = MemoryStore(SPACE, page_max=3), MemoryCheckpoints()
        for subject, body in messages[:cut]:
            store.publish_raw(subject, body)
        async with Live(WORLD, store, checkpoints=checkpoints, codec=WORLDS) as live:
            await live.caught_up()
        for subject, body in messages[cut:]:
            store.publish_raw(subject, body)
        position, world = await resume(WORLD, checkpoints, WORLDS, until=until)
        assert position <= until
        wanted = min(until, len(messages))
        for recorded in await read_all(store, after=position, until=wanted):
            world = WORLD.apply(world, recorded)
        assert world == WORLD.fold(await read_all(store, until=wanted))

    asyncio.run(check())


def other_fields(raw: bytes) -> bytes:
    """Return a state as a version of the class with another field would have written it."""
    other = msgspec.defstruct("Point", ["x", "y", "z"], module=__name__)
    assert raw
    return Packed(other).encode(other(1, 2, 3))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda raw: b"",
    "cut": lambda raw: raw[: len(raw) // 2],
    "one bit": lambda raw: raw[:20] + bytes([raw[20] ^ 1]) + raw[21:],
    "another checksum": lambda raw: bytes(16) + raw[16:],
    "other fields": other_fields,
    "another class": lambda raw: WORLDS.encode(World()),
    "an unknown class": lambda raw: Packed(object).encode(
        msgspec.defstruct("Absent", [], module=__name__)()
    ),
    "no struct": lambda raw: Packed(object).encode(
        msgspec.defstruct("VALUES", [], module=__name__)()
    ),
    "an unknown module": lambda raw: Packed(object).encode(
        msgspec.defstruct("Point", [], module="nowhere")()
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_or_foreign_state_is_ignored_with_a_line_in_the_log(
    damage: Callable[[bytes], bytes],
) -> None:
    raw = POINTS.encode(Point(1, (Decimal("0.1"), 2**70)))
    assert POINTS.decode(raw) == Point(1, (Decimal("0.1"), 2**70))
    with pytest.raises(CodecError):
        POINTS.decode(damage(raw))
    checkpoints = MemoryCheckpoints()
    await checkpoints.save(Checkpoint("points", 1, 3, raw))
    await checkpoints.save(Checkpoint("points", 1, 5, damage(raw)))
    with capture_logs() as lines:
        assert await resume(POINTS_PROJECTION, checkpoints, POINTS, until=9) == (
            3,
            POINTS.decode(raw),
        )
    assert [(line["event"], line["position"]) for line in lines] == [("checkpoint ignored", 5)]


async def test_where_no_state_can_be_read_the_fold_begins_at_zero() -> None:
    checkpoints = MemoryCheckpoints()
    await checkpoints.save(Checkpoint("points", 1, 5, b"garbage"))
    assert await resume(POINTS_PROJECTION, checkpoints, POINTS, until=9) == (0, Point(0))


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="set has no packed form"):
        POINTS.encode(Point({1}))
