"""A disk, or a server's share of it, that is full refuses clearly and spoils nothing."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mabeam.core.errors import OutcomeUnknown, StoreFull, StoreUnavailable
from mabeam.core.ports import ANY, Write
from mabeam.infra.jetstream import Connection, JetStreamStore, open_store
from support.events import said, write
from support.nats_server import NatsServer
from support.reading import ids, positions, read_all

pytestmark = pytest.mark.jetstream

Open = Callable[[str], Awaitable[Connection]]

DISK_BYTES = 8 * 1024 * 1024
# The server does not answer any more, so waiting for it would only take time.
PATIENCE_SECONDS = 0.5


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root may mount."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "mabeam-test", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small file system here")
    yield tmp_path
    _ = subprocess.run(["umount", str(tmp_path)], check=True)


async def fill(store: JetStreamStore) -> dict[int, str]:
    """Append until the log refuses; return what it acknowledged."""
    promised: dict[int, str] = {}
    with suppress(StoreFull, OutcomeUnknown):
        while True:
            append = Write((said(text="x" * 50_000),), ANY)
            promised[await store.append(append)] = append.events[0].id
    return promised


@pytest.mark.slow
async def test_on_a_full_disk_nothing_is_half_written_and_room_helps(
    on: Open, small_disk: Path, space: str
) -> None:
    with NatsServer(small_disk / "data") as server:
        connection = await on(server.url)
        store = await open_store(connection, space, patience_seconds=PATIENCE_SECONDS)
        # Taken away only now, for the server takes what is free at its start as its share.
        ballast = small_disk / "ballast"
        _ = ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 1_000_000))
        promised = await fill(store)
        assert len(promised) > 10
        unsettled = [Write((said(text="x" * 50_000),), ANY), write(count=3, expect=len(promised))]
        for append in unsettled:
            with pytest.raises((OutcomeUnknown, StoreUnavailable)) as raised:
                _ = await store.append(append)
            assert "disk" in str(raised.value.__notes__)
        ballast.unlink()
        await asyncio.to_thread(server.restart)
        store = await open_store(connection, space, create=False)
        recorded = await read_all(store)
        assert positions(recorded) == list(range(1, len(recorded) + 1))
        there = {one.position: one.id for one in recorded}
        assert {place: there.get(place) for place in promised} == promised
        assert len(set(ids(recorded))) == len(recorded)
        assert await store.append(write("session/2")) == len(recorded) + 1
        await connection.close()


async def test_a_server_whose_share_is_used_up_refuses_at_once(
    on: Open, small_share_url: str, space: str
) -> None:
    connection = await on(small_share_url)
    store = await open_store(connection, space, patience_seconds=60)
    promised = await fill(store)
    assert len(promised) > 5
    for append in (Write((said(text="x" * 500_000),), ANY), write(count=1_000)):
        with pytest.raises(StoreFull):
            _ = await store.append(append)
    assert await store.head() == len(promised)
    assert positions(await read_all(store)) == list(promised)
