"""A file is recorded once, wherever its import is broken off and however often it is tried."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.app.cli.codes import Code
from mabeam.app.cli.envelopes import cloud_event
from mabeam.app.composition import open_store
from mabeam.app.importing import Imported, import_file, progress_file
from mabeam.core.envelope import encode, wire_subject
from mabeam.core.errors import ConfigurationError, OutcomeUnknown, Rejected, StoreUnavailable
from mabeam.core.ports import Guard, Write
from mabeam.infra.memory import MemoryStore
from support.command import invoke, start
from support.events import said
from support.nats_server import NatsServer
from support.reading import read_all
from support.worlds import fresh_space


def lines(count: int, entities: int = 3) -> list[bytes]:
    events = (said(f"note/{number % entities}", str(number)) for number in range(count))
    return [encode(event, 1_000_000) + b"\n" for event in events]


def written(folder: Path, content: Sequence[bytes]) -> Path:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(content))
    return path


class Forgetful(MemoryStore):
    """A log that never knows an event again, and goes away after so many of them.

    Attributes:
        left: How many events it still records. The last one is recorded without an answer.
    """

    left = 0

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        assert not guards
        await asyncio.sleep(0)
        (event,) = writes[0].events
        if self.left <= 0:
            raise StoreUnavailable("gone")
        self.left -= 1
        position = self.publish_raw(wire_subject(self.space, event), encode(event, 1_000_000))
        if self.left == 0:
            raise OutcomeUnknown(event.subject, event.commitid)
        return position


async def import_stubbornly(
    store: Forgetful, path: Path, lives: Sequence[int], chunk_events: int
) -> Imported:
    """Import a file on a log that goes away after so many events each time, then stays."""
    for life in lives:
        store.left = life
        try:
            return await import_file(store, path, cloud_event, chunk_events=chunk_events)
        except (StoreUnavailable, OutcomeUnknown):
            continue
    store.left = 10_000
    return await import_file(store, path, cloud_event, chunk_events=chunk_events)


@settings(max_examples=50)
@given(st.integers(0, 40), st.lists(st.integers(0, 25), max_size=4), st.integers(1, 12))
def test_an_import_that_is_broken_off_anywhere_goes_on_exactly(
    count: int, lives: list[int], chunk_events: int
) -> None:
    async def check(folder: Path) -> None:
        content = lines(count)
        store, path = Forgetful("team"), written(folder, content)
        foreign = said("note/9")
        store.publish_raw(wire_subject("team", foreign), encode(foreign, 1_000_000))
        done = await import_stubbornly(store, path, lives, chunk_events)
        assert done.recorded + done.present == done.events == count
        found = [one.id for one in await read_all(store)]
        wanted = [cloud_event(line).id for line in content]
        assert Counter(found) == Counter([foreign.id, *wanted])
        for entity in ("0", "1", "2"):
            there = [one.id for one in await read_all(store) if one.entity == entity]
            assert there == wanted[int(entity) :: 3]
        again = await import_file(store, path, cloud_event)
        assert again == Imported(count, 0, count)

    with TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))


async def test_without_its_progress_file_it_would_be_recorded_twice(tmp_path: Path) -> None:
    store, path = Forgetful("team"), written(tmp_path, lines(5))
    await import_stubbornly(store, path, [], 10)
    progress_file(path, "team").unlink()
    await import_stubbornly(store, path, [], 10)
    assert len(await read_all(store)) == 10


async def test_a_file_may_grow_between_two_imports(tmp_path: Path) -> None:
    store, content = MemoryStore("team"), lines(6)
    await import_file(store, written(tmp_path, content[:4]), cloud_event)
    done = await import_file(store, written(tmp_path, content), cloud_event)
    assert done == Imported(6, 2, 4)
    assert len(await read_all(store)) == 6


@pytest.mark.parametrize("bad", [b"\n", b"{\n", b'{"specversion":"1.0"}\n'])
async def test_a_bad_line_is_named_and_nothing_is_recorded(tmp_path: Path, bad: bytes) -> None:
    content = lines(5)
    store, path = MemoryStore("team"), written(tmp_path, [*content[:3], bad, *content[3:]])
    with pytest.raises(Rejected) as caught:
        await import_file(store, path, cloud_event)
    assert (caught.value.field, caught.value.value) == ("line 4", bad.decode().strip())
    assert await store.head() == 0
    assert not progress_file(path, "team").exists()


async def test_another_file_under_the_same_name_is_refused(tmp_path: Path) -> None:
    store = MemoryStore("team")
    await import_file(store, written(tmp_path, lines(4)), cloud_event)
    path = written(tmp_path, lines(4))
    with pytest.raises(ConfigurationError, match="first 4 lines differ"):
        await import_file(store, path, cloud_event)
    assert await store.head() == 4


async def test_a_progress_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, lines(1))
    progress_file(path, "team").write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match="remove it"):
        await import_file(MemoryStore("team"), path, cloud_event)


async def test_two_imports_of_one_file_at_once_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, lines(1))
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="another process imports"):
            await import_file(MemoryStore("team"), path, cloud_event)


@pytest.mark.jetstream
class TestCommand:
    def test_it_records_a_file_and_does_so_once(
        self, nats_server: NatsServer, tmp_path: Path
    ) -> None:
        space, path = fresh_space(), written(tmp_path, lines(20))
        command = ("import", space, str(path), "--server", nats_server.url)
        assert invoke(*command).out == "20 of 20 events recorded\n"
        assert invoke(*command).out == "0 of 20 events recorded, 20 were recorded before\n"
        assert invoke(*command, "--json").json == {"events": 20, "recorded": 0, "present": 20}

    def test_what_tail_writes_can_be_imported(
        self, nats_server: NatsServer, tmp_path: Path
    ) -> None:
        server, (old, new) = ("--server", nats_server.url), (fresh_space(), fresh_space())
        first = written(tmp_path, lines(9))
        assert invoke("import", old, str(first), *server).code == Code.OK
        shown = invoke("tail", old, "--no-follow", "--json", *server).out
        second = tmp_path / "shown.jsonl"
        second.write_text(shown)
        assert invoke("import", new, str(second), *server).out == "9 of 9 events recorded\n"

    def test_a_type_that_mabeam_does_not_have_is_refused_with_its_line(
        self, nats_server: NatsServer, tmp_path: Path
    ) -> None:
        wrong = encode(said(event="mabeam.auction.bid_place.v1"), 1_000_000) + b"\n"
        path = written(tmp_path, [*lines(1), wrong])
        done = invoke("import", fresh_space(), str(path), "--server", nats_server.url)
        assert done.code == Code.INVALID_DATA
        assert "line 2" in done.err
        assert "bid_placed" in done.err

    @pytest.mark.slow
    def test_an_import_that_is_killed_goes_on_when_it_is_started_again(
        self, nats_server: NatsServer, tmp_path: Path
    ) -> None:
        space, content = fresh_space(), lines(20_000, 500)
        path = written(tmp_path, content)
        command = ("import", space, str(path), "--server", nats_server.url)

        async def head() -> int:
            async with open_store(space, nats_server.url) as store:
                return await store.head()

        for part in (1, 12_000):
            with start(*command) as running:
                while asyncio.run(head()) < part and running.process.poll() is None:
                    os.sched_yield()
                assert running.end(signal.SIGKILL).code == -signal.SIGKILL
        done = invoke(*command)
        assert done.code == Code.OK, done.err

        async def ids() -> list[str]:
            async with open_store(space, nats_server.url) as store:
                return [one.id for one in await read_all(store)]

        assert sorted(asyncio.run(ids())) == sorted(cloud_event(line).id for line in content)
