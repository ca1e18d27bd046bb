"""Many spaces replayed by workers: the same as one by one, and each failure stays alone."""

from __future__ import annotations

import asyncio
import os
import signal

import psutil
import pytest

from mabeam.app.cli.codes import Code
from mabeam.app.composition import open_store
from mabeam.app.rebuilding import Rebuild, replay_many
from mabeam.app.replaying import replay
from mabeam.core.errors import Rejected
from support.command import invoke, start
from support.events import append_each
from support.nats_server import NatsServer
from support.processes import await_end
from support.waiting import until
from support.worlds import fresh_space

pytestmark = pytest.mark.jetstream


async def fill(url: str, *sizes: int) -> list[str]:
    """Make a space of each size and return their names."""
    spaces = [fresh_space() for _ in sizes]
    for space, size in zip(spaces, sizes, strict=True):
        async with open_store(space, url) as store:
            await append_each(store, size)
    return spaces


def workers(parent: int | None = None) -> list[int]:
    """Return the processes that fold for a process, this one if none is given."""
    found = psutil.Process(parent).children()
    return [one.pid for one in found if "mabeam.app.rebuilding" in one.cmdline()]


async def test_many_spaces_come_to_what_each_comes_to_alone(nats_server: NatsServer) -> None:
    spaces = await fill(nats_server.url, 3, 1, 2)
    seen: list[Rebuild] = []
    found = await replay_many(spaces, nats_server.url, processes=2, on_done=seen.append)
    assert [one.space for one in found] == spaces
    assert sorted(one.space for one in seen) == sorted(spaces)
    for space, one in zip(spaces, found, strict=True):
        async with open_store(space, nats_server.url) as store:
            alone = await replay(store)
        assert one.replay is not None, one.error
        assert one.replay.position == alone.position
        assert one.replay.fingerprint == alone.fingerprint
    assert workers() == []


async def test_a_space_that_cannot_be_read_fails_alone(nats_server: NatsServer) -> None:
    (there,) = await fill(nats_server.url, 2)
    missing, found = await replay_many(["absent", there], nats_server.url, processes=1)
    assert (missing.replay, "absent" in missing.error) == (None, True)
    assert found.replay is not None
    assert found.replay.position == 2


async def test_a_worker_that_is_killed_is_reported_and_replaced(
    breakable_server: NatsServer,
) -> None:
    spaces = await fill(breakable_server.url, 1, 2)
    breakable_server.freeze()
    folding = asyncio.create_task(replay_many(spaces, breakable_server.url, processes=1))
    await until(lambda: bool(workers()))
    os.kill(workers()[0], signal.SIGKILL)
    breakable_server.thaw()
    killed, replaced = await folding
    assert killed == Rebuild(spaces[0], error="the worker was killed by signal 9")
    assert replaced.replay is not None
    assert replaced.replay.position == 2


async def test_a_cancelled_replay_leaves_no_worker_behind(breakable_server: NatsServer) -> None:
    spaces = await fill(breakable_server.url, 1, 1)
    breakable_server.freeze()
    folding = asyncio.create_task(replay_many(spaces, breakable_server.url, processes=2))
    await until(lambda: len(workers()) == 2)
    folding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await folding
    assert workers() == []


async def test_less_than_one_worker_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        await replay_many(["team"], "nats://127.0.0.1:1", processes=0)
    assert (caught.value.field, caught.value.allowed) == ("processes", "1 or more")


async def test_no_spaces_need_no_worker() -> None:
    assert await replay_many([], "nats://127.0.0.1:1") == []


class TestCommand:
    def test_it_replays_several_spaces_or_all(self, breakable_server: NatsServer) -> None:
        spaces = asyncio.run(fill(breakable_server.url, 3, 1))
        server = ("--server", breakable_server.url)
        named = invoke("replay", *spaces, "--json", "--processes", "2", *server)
        assert named.code == Code.OK, named.err
        assert [one["replay"]["position"] for one in named.json] == [3, 1]
        every = invoke("replay", "--all", *server)
        assert every.code == Code.OK
        shown = {line.split()[0]: line.split()[-1] for line in every.lines[1:]}
        assert shown == {one["space"]: one["replay"]["fingerprint"] for one in named.json}

    def test_one_failure_is_told_and_makes_the_command_fail(self, nats_server: NatsServer) -> None:
        (there,) = asyncio.run(fill(nats_server.url, 1))
        done = invoke("replay", there, "absent", "--server", nats_server.url)
        assert done.code == Code.CHECK_FAILED
        assert "absent: " in done.err
        assert any(line.split() == ["absent", "failed"] for line in done.lines)

    def test_a_server_without_spaces_has_nothing_to_replay(
        self, breakable_server: NatsServer
    ) -> None:
        done = invoke("replay", "--all", "--server", breakable_server.url)
        assert (done.code, done.out) == (Code.OK, "")
        assert "no spaces" in done.err

    @pytest.mark.parametrize(
        "arguments", [["--all", "team"], ["a", "b", "--verify"], ["--all", "--at", "3"]]
    )
    def test_what_cannot_be_combined_is_refused(self, arguments: list[str]) -> None:
        assert invoke("replay", *arguments).code == Code.USAGE

    def test_ctrl_c_ends_its_workers(self, breakable_server: NatsServer) -> None:
        spaces = asyncio.run(fill(breakable_server.url, 1, 1))
        breakable_server.freeze()
        with start("replay", *spaces, "--server", breakable_server.url) as running:
            pid = running.process.pid
            asyncio.run(until(lambda: bool(workers(pid))))
            folding = workers(pid)
            assert running.end(signal.SIGINT).code == Code.INTERRUPTED
        for worker in folding:
            await_end(worker)
