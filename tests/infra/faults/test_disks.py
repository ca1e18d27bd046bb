"""Disks fail, fill up or are slow, of one server of three or of the only one there is."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from mabeam.core.errors import OutcomeUnknown, StoreFull, StoreUnavailable
from mabeam.core.ports import ANY
from mabeam.infra.jetstream import JetStreamStore, connect, open_store
from support.disk import Disk
from support.events import write
from support.injection import injected
from support.nats_cluster import SIZE, NatsCluster, Place
from support.nats_server import NatsServer
from support.reading import ids, read_all
from support.trial import Trial

pytestmark = [
    pytest.mark.jetstream,
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.root,
    pytest.mark.timeout(240),
]

Open = Callable[[str | list[str]], Awaitable[JetStreamStore]]
DISK_BYTES = 64 * 1024 * 1024
ROOM_BYTES = 16 * 1024
# The only server does not answer any more, so waiting for it would only take time.
PATIENCE_SECONDS = 0.5


@pytest.fixture
def trial(faulty_cluster: NatsCluster, space: str, open_space: Open) -> Trial:
    return Trial(faulty_cluster, space, open_space)


@pytest.fixture
def small_disk_cluster(scratch_folder: Path, tmp_path: Path) -> Iterator[tuple[NatsCluster, Disk]]:
    """Three servers, of which the first has a small disk."""
    with Disk(tmp_path, DISK_BYTES) as disk:
        small = Place(within=disk.within, store=disk.path / "store")
        places = [small, *[Place()] * (SIZE - 1)]
        folder = Path(tempfile.mkdtemp(dir=scratch_folder))
        with NatsCluster(folder, places=places) as cluster:
            yield cluster, disk


@pytest.mark.parametrize("whose", ["leader", "follower"])
async def test_a_disk_that_fails_under_one_of_three_loses_nothing(
    trial: Trial, tmp_path: Path, whose: str
) -> None:
    """The server stops writing to the stream whose write failed, and must be started again."""
    calls = tmp_path / "calls"

    def restart(leader: NatsServer, follower: NatsServer) -> None:
        faults.close()
        (leader if whose == "leader" else follower).restart()

    def fail(leader: NatsServer, follower: NatsServer) -> None:
        victim = leader if whose == "leader" else follower
        faults.enter_context(injected(victim.pid, "fsync:error=EIO", calls))

    with ExitStack() as faults:
        await trial.of(f"disk of the {whose} fails", fail, restart, looking=False)
    assert "EIO" in calls.read_text()


@pytest.mark.parametrize("whose", ["leader", "follower"])
async def test_a_disk_that_is_slow_under_one_of_three_stops_nothing(
    trial: Trial, tmp_path: Path, whose: str
) -> None:
    calls = tmp_path / "calls"

    def slow(leader: NatsServer, follower: NatsServer) -> None:
        victim = leader if whose == "leader" else follower
        faults.enter_context(injected(victim.pid, "fsync:delay_exit=100ms", calls))

    with ExitStack() as faults:
        await trial.of(f"disk of the {whose} is slow", slow, lambda _, __: faults.close())
    assert "DELAYED" in calls.read_text()


async def test_a_disk_that_is_full_under_one_of_three_stops_nothing(
    small_disk_cluster: tuple[NatsCluster, Disk], space: str, open_space: Open
) -> None:
    cluster, disk = small_disk_cluster
    small = cluster.servers[0]

    def make_room(*_: NatsServer) -> None:
        assert "no space left" in small.log
        disk.empty()
        small.restart()

    trial = Trial(cluster, space, open_space)
    await trial.of(
        "disk of one is full", lambda _, __: disk.fill(ROOM_BYTES), make_room, looking=False
    )


async def promise(store: JetStreamStore) -> dict[int, str]:
    """Append until the log takes no more; return what it acknowledged."""
    promised: dict[int, str] = {}
    with suppress(StoreFull, StoreUnavailable, OutcomeUnknown):
        while len(promised) < 2_000:
            append = write(expect=ANY)
            promised[await store.append(append)] = append.events[0].id
    return promised


async def expect_kept(server: NatsServer, space: str, promised: dict[int, str]) -> None:
    """Let all that was acknowledged be there, and the log go on."""
    connection = await connect(server.url)
    store = await open_store(connection, space, create=False)
    recorded = await read_all(store)
    there = {one.position: one.id for one in recorded}
    assert {position: there.get(position) for position in promised} == promised
    assert len(set(ids(recorded))) == len(recorded)
    assert await store.append(write("session/2")) == len(recorded) + 1
    await connection.close()


async def test_a_disk_that_is_full_under_the_only_server_takes_nothing_back(
    tmp_path: Path, space: str
) -> None:
    with Disk(tmp_path, DISK_BYTES) as disk:
        store_dir = {"store_dir": str(disk.path / "store"), "sync_interval": "always"}
        settings = {"jetstream": store_dir}
        with NatsServer(tmp_path / "n", within=disk.within, settings=settings) as server:
            connection = await connect(server.url)
            store = await open_store(connection, space, patience_seconds=PATIENCE_SECONDS)
            disk.fill(ROOM_BYTES)
            promised = await promise(store)
            assert 0 < len(promised) < 2_000
            disk.empty()
            await asyncio.to_thread(server.restart)
            await expect_kept(server, space, promised)
            await connection.close()


async def test_a_disk_that_fails_under_the_only_server_takes_nothing_back(
    tmp_path: Path, space: str
) -> None:
    with NatsServer(tmp_path / "n", sync_interval="always") as server:
        connection = await connect(server.url)
        store = await open_store(connection, space, patience_seconds=PATIENCE_SECONDS)
        promised = {await store.append(one): one.events[0].id for one in [write(), write()]}
        with injected(server.pid, "fsync:error=EIO:when=3+", tmp_path / "calls"):
            promised |= await promise(store)
        assert len(promised) < 2_000
        await asyncio.to_thread(server.restart)
        await expect_kept(server, space, promised)
        await connection.close()
