"""Checkpoints: the latest few of each projection and version, whole or not at all."""

from __future__ import annotations

import pytest

from mabeam.core.errors import EventTooLarge
from mabeam.core.ports import Checkpoint, CheckpointStore
from support.worlds import Kind, World

EVERY_BYTE = bytes(range(256))


@pytest.fixture
async def checkpoints(world: World) -> CheckpointStore:
    return await world.checkpoints()


class TestCheckpoints:
    async def test_before_the_first_there_is_none(self, checkpoints: CheckpointStore) -> None:
        assert await checkpoints.load("agents", 1) is None

    @pytest.mark.parametrize("state", [b"", b"x", EVERY_BYTE, b"\x00" * 500_000])
    async def test_it_comes_back_as_it_was_saved(
        self, checkpoints: CheckpointStore, state: bytes
    ) -> None:
        saved = Checkpoint("agents", 1, 2**53 + 1, state)
        await checkpoints.save(saved)
        assert await checkpoints.load("agents", 1) == saved

    async def test_the_one_saved_last_counts(self, checkpoints: CheckpointStore) -> None:
        for position in (3, 9, 5):
            await checkpoints.save(Checkpoint("agents", 1, position, b"%d" % position))
        assert await checkpoints.load("agents", 1) == Checkpoint("agents", 1, 5, b"5")

    async def test_the_one_saved_last_up_to_a_position_is_found(
        self, checkpoints: CheckpointStore
    ) -> None:
        for position in (3, 9, 20):
            await checkpoints.save(Checkpoint("agents", 1, position, b"%d" % position))
        for until, wanted in ((None, 20), (20, 20), (19, 9), (9, 9), (8, 3), (3, 3)):
            found = await checkpoints.load("agents", 1, until=until)
            assert found == Checkpoint("agents", 1, wanted, b"%d" % wanted)
        assert await checkpoints.load("agents", 1, until=2) is None

    async def test_only_the_latest_few_are_kept(self, checkpoints: CheckpointStore) -> None:
        for position in range(1, 10):
            await checkpoints.save(Checkpoint("agents", 1, position, b""))
        await checkpoints.save(Checkpoint("agents", 2, 1, b""))
        kept = [await checkpoints.load("agents", 1, until=position) for position in range(1, 10)]
        assert [one.position for one in kept if one is not None] == [6, 7, 8, 9]

    async def test_projections_and_versions_do_not_meet(self, checkpoints: CheckpointStore) -> None:
        keys = [
            ("agents", 1),
            ("agents", 2),
            ("agents", 11),
            ("agents.1", 1),
            ("agents-1", 1),
            ("agents_1", 1),
            ("agents 1", 1),
            ("agents*", 1),
            ("größe", 1),
            ("variables", 1),
        ]
        for position, (projection, version) in enumerate(keys):
            await checkpoints.save(Checkpoint(projection, version, position, b""))
        for position, (projection, version) in enumerate(keys):
            loaded = await checkpoints.load(projection, version)
            assert loaded == Checkpoint(projection, version, position, b"")

    async def test_they_outlast_the_processes(self, world: World) -> None:
        saved = Checkpoint("agents", 1, 7, b"state")
        await (await world.checkpoints()).save(saved)
        assert await (await world.checkpoints()).load("agents", 1) == saved
        await world.restart()
        assert await (await world.checkpoints()).load("agents", 1) == saved

    async def test_a_state_that_is_too_large_leaves_the_former_in_place(
        self, checkpoints: CheckpointStore
    ) -> None:
        former = Checkpoint("agents", 1, 7, b"state")
        await checkpoints.save(former)
        with pytest.raises(EventTooLarge) as raised:
            await checkpoints.save(Checkpoint("agents", 1, 8, bytes(80_000_000)))
        assert raised.value.size > raised.value.limit > 0
        assert await checkpoints.load("agents", 1) == former

    async def test_spaces_keep_theirs_apart(self, kind: Kind, checkpoints: CheckpointStore) -> None:
        await checkpoints.save(Checkpoint("agents", 1, 7, b"state"))
        async with kind.world() as elsewhere:
            assert await (await elsewhere.checkpoints()).load("agents", 1) is None
