"""A space is written to files and comes back as it was, or not at all."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mabeam.app.custody import archive, back_up, export, look_at, read_manifest, restore
from mabeam.app.custody.check import Check
from mabeam.core.errors import BackupDamaged, ConfigurationError, ReadOnly
from mabeam.core.ports import EventStore
from mabeam.infra.jetstream import Connection, connect, open_store
from mabeam.infra.jetstream.topology import stream_name
from support.events import append_each, write
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer
from support.reading import read_all
from support.worlds import fresh_space

pytestmark = pytest.mark.jetstream

Connect = Callable[[str], Awaitable[Connection]]


@pytest.fixture
def space() -> str:
    return fresh_space()


@pytest.fixture
async def on() -> AsyncGenerator[Connect]:
    """How to connect anywhere; what was connected is closed in the end."""
    connections: list[Connection] = []

    async def open_on(url: str) -> Connection:
        connections.append(await connect(url.split(","), name="test"))
        return connections[-1]

    yield open_on
    for one in connections:
        await one.close()


@pytest.fixture
async def here(nats_server: NatsServer, on: Connect) -> Connection:
    """Where the space is."""
    return await on(nats_server.url)


@pytest.fixture
async def there(breakable_server: NatsServer, on: Connect) -> Connection:
    """Where it is restored: a server that knows nothing of it."""
    return await on(breakable_server.url)


async def contents(store: EventStore) -> list[tuple[int, int, str, str, bytes]]:
    return [
        (one.position, one.recorded_ns, one.kind, one.entity, msgspec.json.encode(one.envelope))
        for one in await read_all(store)
    ]


async def filled(connection: Connection, space: str, replicas: int = 1) -> EventStore:
    store = await open_store(connection, space, replicas=replicas)
    await append_each(store, 3)
    _ = await store.append(write("session/2", 5))
    # Bytes that are no text, as any client may publish them.
    answer = await connection.ask(f"mabeam.{space}.a.b.c.d", b"\xff\x00 no text", seconds=5)
    assert b"error" not in answer
    await append_each(store, 3, "3")
    return store


def break_off(_position: int) -> None:
    raise InterruptedError


def sha256sum(folder: Path, *arguments: str) -> bytes:
    done = subprocess.run(("sha256sum", *arguments), cwd=folder, capture_output=True, check=True)
    return done.stdout


async def is_listed(connection: Connection, space: str) -> bool:
    return stream_name(space).encode() in await connection.ask("$JS.API.STREAM.NAMES", seconds=5)


async def test_a_restored_space_has_the_same_events_at_the_same_places_and_times(
    here: Connection, there: Connection, space: str, tmp_path: Path
) -> None:
    store = await filled(here, space)
    taken = await back_up(here, space, tmp_path / "backup")
    _, fingerprint = await restore(there, tmp_path / "backup")
    restored = await open_store(there, space)
    assert await contents(restored) == await contents(store)
    assert (taken.first, taken.last, taken.events) == (1, 12, 12)
    assert fingerprint == taken.fingerprint


async def test_a_restored_space_goes_on_where_the_old_one_stood(
    here: Connection, there: Connection, space: str, tmp_path: Path
) -> None:
    store = await filled(here, space)
    last = (await read_all(store))[-1].position
    _ = await back_up(here, space, tmp_path / "backup")
    _ = await restore(there, tmp_path / "backup")
    restored = await open_store(there, space, create=False)
    assert await restored.append(write("session/3", expect=last)) == last + 1


async def test_a_space_in_use_is_backed_up_as_of_one_position(
    here: Connection, there: Connection, space: str, tmp_path: Path
) -> None:
    store = await filled(here, space)
    writers = [asyncio.create_task(write_on(store, number)) for number in range(8)]
    try:
        for number in range(4):
            folder = tmp_path / str(number)
            taken = await back_up(here, space, folder)
            _, fingerprint = await restore(there, folder)
            assert fingerprint == taken.fingerprint
            restored = await open_store(there, space)
            expected = [one for one in await contents(store) if one[0] <= taken.last]
            assert await contents(restored) == expected
            # No append was cut in two.
            following = await read_all(store, after=taken.last - 1, until=taken.last + 1)
            assert len({one.envelope.commitid for one in following}) == len(following)
            _ = await there.ask(f"$JS.API.STREAM.DELETE.{stream_name(space)}", seconds=5)
    finally:
        for writer in writers:
            writer.cancel()
        _ = await asyncio.gather(*writers, return_exceptions=True)
    assert await store.head() > 12


async def write_on(store: EventStore, number: int) -> None:
    while True:
        _ = await store.append(write(f"session/w{number}", 1 + number % 3))


async def test_a_stranger_can_check_and_read_the_files(
    here: Connection, space: str, tmp_path: Path
) -> None:
    store = await filled(here, space)
    taken = await back_up(here, space, tmp_path / "backup")
    assert sha256sum(tmp_path / "backup", "--check", "SHA256SUMS").count(b": OK") == 3
    lines = (tmp_path / "backup" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["position"] for event in events] == list(range(1, 13))
    assert json.loads(events[0]["body"])["id"] == (await read_all(store))[0].id
    assert events[8]["body_base64"] == "/wAgbm8gdGV4dA=="
    assert read_manifest(tmp_path / "backup") == taken


async def test_an_export_is_the_transcript_of_a_backup(
    here: Connection, space: str, tmp_path: Path
) -> None:
    _ = await filled(here, space)
    taken = await back_up(here, space, tmp_path / "backup")
    total = await export(here, space, tmp_path / "events.jsonl")
    assert total.sha256 == taken.sha256
    exported = (tmp_path / "events.jsonl").read_bytes()
    assert exported == (tmp_path / "backup" / "events.jsonl").read_bytes()


async def test_an_empty_space_comes_back_empty(
    here: Connection, there: Connection, space: str, tmp_path: Path
) -> None:
    _ = await open_store(here, space)
    _ = await back_up(here, space, tmp_path / "backup")
    _ = await restore(there, tmp_path / "backup")
    restored = await open_store(there, space)
    assert await restored.head() == 0
    assert await restored.append(write(expect=0)) == 1


@pytest.mark.slow
async def test_a_space_on_three_servers_is_checked_and_archived_there(
    nats_cluster: NatsCluster, on: Connect, space: str
) -> None:
    cluster = await on(nats_cluster.url)
    store = await filled(cluster, space, replicas=3)
    before = await contents(store)
    copies = f"{space}: copies"
    found: dict[str, Check] = {}
    async with asyncio.timeout(60):
        # The copies follow on their own; that they do is seen when the last has caught up.
        while "3, all current" not in (found[copies].found if found else ""):
            found = {check.name: check async for check in look_at(cluster, space)}
    assert [check.name for check in found.values() if check.verdict != "ok"] == [f"{space}: events"]
    sealed = await archive(cluster, space)
    with pytest.raises(ReadOnly, match="sealed for ever"):
        _ = await store.append(write("session/9"))
    assert await contents(store) == before
    assert await archive(cluster, space) == sealed


@pytest.mark.slow
async def test_a_space_on_three_servers_comes_back_there_and_on_one(
    nats_cluster: NatsCluster, there: Connection, on: Connect, space: str, tmp_path: Path
) -> None:
    cluster = await on(nats_cluster.url)
    store = await filled(cluster, space, replicas=3)
    before = await contents(store)
    _ = await back_up(cluster, space, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="replicas"):
        _ = await restore(there, tmp_path / "backup")
    assert not await is_listed(there, space)
    _ = await restore(there, tmp_path / "backup", replicas=1)
    assert await contents(await open_store(there, space)) == before
    _ = await cluster.ask(f"$JS.API.STREAM.DELETE.{stream_name(space)}", seconds=10)
    _ = await restore(cluster, tmp_path / "backup")
    restored = await open_store(cluster, space)
    assert await contents(restored) == before
    assert await restored.append(write("session/9", expect=0)) == 13


async def test_nothing_is_written_over(
    here: Connection, there: Connection, space: str, tmp_path: Path
) -> None:
    store = await filled(here, space)
    _ = await back_up(here, space, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="exists already"):
        _ = await back_up(here, space, tmp_path / "backup")
    before = await contents(store)
    with pytest.raises(ConfigurationError, match=f"has a space '{space}' already"):
        _ = await restore(here, tmp_path / "backup")
    assert await contents(store) == before
    with pytest.raises(ConfigurationError, match="cannot be restored as 'other'"):
        _ = await restore(there, tmp_path / "backup", space="other")
    assert not await is_listed(there, space)


@pytest.mark.parametrize("name", ["events.jsonl", "stream.image", "manifest.json", "SHA256SUMS"])
async def test_a_file_that_was_cut_changed_or_lost_is_named_and_nothing_is_restored(
    here: Connection, there: Connection, space: str, tmp_path: Path, name: str
) -> None:
    _ = await filled(here, space)
    _ = await back_up(here, space, tmp_path / "backup")
    whole = (tmp_path / "backup" / name).read_bytes()
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for damaged in (whole[:middle], changed, None):
        folder = tmp_path / "damaged"
        _ = shutil.copytree(tmp_path / "backup", folder)
        if damaged is None:
            (folder / name).unlink()
        else:
            _ = (folder / name).write_bytes(damaged)
        with pytest.raises(BackupDamaged) as caught:
            _ = await restore(there, folder)
        assert str(folder) in str(caught.value)
        assert not await is_listed(there, space)
        shutil.rmtree(folder)


async def test_an_image_of_other_events_than_the_transcript_says_is_refused(
    here: Connection, there: Connection, space: str, tmp_path: Path
) -> None:
    store = await filled(here, space)
    _ = await back_up(here, space, tmp_path / "first")
    _ = await store.append(write("session/4"))
    _ = await back_up(here, space, tmp_path / "second")
    # Sums and all are forged, as a person would who has the first backup's image alone.
    forged = tmp_path / "second"
    _ = shutil.copyfile(tmp_path / "first" / "stream.image", forged / "stream.image")
    sums = sha256sum(forged, "events.jsonl", "stream.image", "manifest.json")
    _ = (forged / "SHA256SUMS").write_bytes(sums)
    with pytest.raises(BackupDamaged, match="holds 12 events up to position 12"):
        _ = await restore(there, forged)
    assert not await is_listed(there, space)


async def test_a_restore_that_was_broken_off_takes_no_events_and_is_done_again(
    here: Connection, there: Connection, space: str, tmp_path: Path
) -> None:
    store = await filled(here, space)
    _ = await back_up(here, space, tmp_path / "backup")

    with pytest.raises(InterruptedError):
        _ = await restore(there, tmp_path / "backup", reached=break_off)
    unfinished = await open_store(there, space, create=False)
    with pytest.raises(ReadOnly, match="being restored"):
        _ = await unfinished.append(write())
    with pytest.raises(ReadOnly, match="being restored"):
        _ = await open_store(there, space)
    _ = await restore(there, tmp_path / "backup")
    assert await contents(await open_store(there, space)) == await contents(store)
    # The store that was opened in between has learned that events are taken now.
    assert await unfinished.append(write("session/9")) == 13


async def test_a_restore_may_die_before_any_request_and_is_done_again(
    here: Connection,
    breakable_server: NatsServer,
    on: Connect,
    space: str,
    tmp_path: Path,
) -> None:
    store = await filled(here, space)
    taken = await back_up(here, space, tmp_path / "backup")
    deaths = 0
    while True:
        doomed = await on(breakable_server.url)
        die_after(doomed, deaths)
        try:
            _ = await restore(doomed, tmp_path / "backup")
        except InterruptedError:
            deaths += 1
        else:
            break
        fresh = await on(breakable_server.url)
        if await is_listed(fresh, space):
            left = await open_store(fresh, space, create=False)
            try:
                position = await left.append(write("session/9", expect=0))
            except ReadOnly:
                continue
            # It died behind its last change: all had been verified.
            assert position == taken.last + 1
            break
    assert deaths > 5
    restored = await open_store(await on(breakable_server.url), space)
    assert (await contents(restored))[: taken.last] == await contents(store)


def die_after(connection: Connection, requests: int) -> None:
    """Have a connection fail for ever when it has made so many requests."""
    ask, made = connection.ask, itertools.count()

    async def doomed(*arguments: Any, **options: Any) -> bytes:  # noqa: ANN401 - passed on
        if next(made) >= requests:
            raise InterruptedError
        return await ask(*arguments, **options)

    connection.__dict__["ask"] = doomed


async def test_an_upload_that_was_broken_off_does_not_stand_in_the_way_of_the_next(
    here: Connection,
    there: Connection,
    breakable_server: NatsServer,
    space: str,
    tmp_path: Path,
) -> None:
    store = await filled(here, space)
    taken = await back_up(here, space, tmp_path / "backup")
    doomed = await connect(breakable_server.url)
    request = {"config": taken.settings, "state": taken.state}
    answer = json.loads(
        await doomed.ask(
            f"$JS.API.STREAM.RESTORE.{stream_name(space)}", json.dumps(request).encode(), seconds=5
        )
    )
    _ = await doomed.ask(answer["deliver_subject"], b"half of it", seconds=5)
    await doomed.close()
    assert not await is_listed(there, space)
    _ = await restore(there, tmp_path / "backup")
    assert await contents(await open_store(there, space)) == await contents(store)


async def test_a_backup_that_was_broken_off_leaves_no_files(
    here: Connection, space: str, tmp_path: Path
) -> None:
    _ = await filled(here, space)
    with pytest.raises(InterruptedError):
        _ = await back_up(here, space, tmp_path / "backup", break_off)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - asks once
