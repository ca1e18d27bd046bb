"""Saved states are held against the log: ahead of it, unreadable or other than a refold."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

import msgspec
import pytest

from mabeam.app.custody import look_at
from mabeam.app.custody.refold import Fold, checkpoints
from mabeam.app.replaying import folded
from mabeam.core.envelope import Recorded
from mabeam.core.errors import MalformedEvent
from mabeam.core.ports import Checkpoint
from mabeam.infra.jetstream import (
    Connection,
    JetStreamStore,
    connect,
    open_checkpoints,
    open_store,
)
from mabeam.projections.packing import Packed
from mabeam.projections.projection import Projection
from mabeam.projections.world import WORLD, World
from support.events import append_each
from support.nats_server import NatsServer
from support.worlds import fresh_space

pytestmark = pytest.mark.jetstream


def count(number: int, _recorded: Recorded) -> int:
    return number + 1


class Digits:
    """Writes a number in digits."""

    def encode(self, state: int) -> bytes:
        return str(state).encode()

    def decode(self, raw: bytes) -> int:
        if not raw.isdigit():
            raise MalformedEvent("no digits")
        return int(raw)


FOLDS: Final = (Fold(Projection("count", 1, 0, count), Digits()),)


@pytest.fixture
async def connection(nats_server: NatsServer) -> AsyncGenerator[Connection]:
    connection = await connect(nats_server.url, name="test")
    yield connection
    await connection.close()


@pytest.fixture
async def store(connection: Connection) -> JetStreamStore:
    """A log of three events."""
    store = await open_store(connection, fresh_space())
    await append_each(store, 3)
    return store


async def found(connection: Connection, store: JetStreamStore, *saved: Checkpoint) -> list[str]:
    """Save states and return what is found of them."""
    kept = await open_checkpoints(connection, store.space)
    for checkpoint in saved:
        await kept.save(checkpoint)
    checks = await checkpoints(connection, store, FOLDS)
    assert all(check.fix for check in checks if check.verdict != "ok")
    return [f"{check.verdict}: {check.found}" for check in checks]


async def test_without_checkpoints_there_is_nothing_to_find(
    connection: Connection, store: JetStreamStore
) -> None:
    assert await found(connection, store) == ["ok: none"]


async def test_a_state_that_is_what_the_log_folds_to_is_fine(
    connection: Connection, store: JetStreamStore
) -> None:
    saved = (Checkpoint("count", 1, 2, b"2"), Checkpoint("other", 1, 3, b"?"))
    assert await found(connection, store, *saved) == [
        "ok: 2, none ahead of the log, 1 the same as a refold"
    ]


async def test_a_state_that_the_log_does_not_fold_to_is_found(
    connection: Connection, store: JetStreamStore
) -> None:
    assert await found(connection, store, Checkpoint("count", 1, 2, b"3")) == [
        "fail: count 1 at 2 is not what the log folds to"
    ]


async def test_a_state_that_cannot_be_read_is_found(
    connection: Connection, store: JetStreamStore
) -> None:
    (said,) = await found(connection, store, Checkpoint("count", 1, 2, b"two"))
    assert said.startswith("warn: count 1 at 2 cannot be read")


async def test_a_checkpoint_ahead_of_the_log_is_found_whatever_its_projection(
    connection: Connection, store: JetStreamStore
) -> None:
    (said,) = await found(connection, store, Checkpoint("other", 7, 9, b"?"))
    assert said.startswith("fail: mabeam_checkpoint.")
    assert said.endswith("other.7 is at 9, and the log ends at 3")
    whole = [check async for check in look_at(connection, store.space)]
    assert [check.name for check in whole if check.verdict == "fail"] == [
        f"{store.space}: checkpoints"
    ]


async def test_what_is_no_checkpoint_is_found(
    connection: Connection, store: JetStreamStore
) -> None:
    _ = await open_checkpoints(connection, store.space)
    _ = await connection.ask(f"mabeam_checkpoint.{store.space}.count.1", b"none", seconds=5)
    (said,) = await found(connection, store)
    assert said.startswith("warn")
    assert said.endswith("count.1 holds none")


async def test_the_states_that_mabeam_saves_are_compared_too(
    connection: Connection, store: JetStreamStore
) -> None:
    kept = await open_checkpoints(connection, store.space)
    world = await folded(store)
    codec = Packed(World)
    good = Checkpoint(WORLD.name, WORLD.version, 3, codec.encode(world))
    await kept.save(good)
    assert [check.found for check in await checkpoints(connection, store)] == [
        "1, none ahead of the log, 1 the same as a refold"
    ]
    forged = codec.encode(msgspec.structs.replace(world, position=2))
    await kept.save(msgspec.structs.replace(good, state=forged))
    found = [check async for check in look_at(connection, store.space)]
    assert [check.found for check in found if check.verdict == "fail"] == [
        f"{WORLD.name} {WORLD.version} at 3 is not what the log folds to"
    ]
