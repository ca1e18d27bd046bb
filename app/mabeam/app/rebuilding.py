"""Replays of many spaces side by side, in processes of their own.

A fold keeps one core busy, and spaces have nothing to do with each other: each is folded by
one of a few workers. A worker is a process that gets a space as a line of JSON and answers
with what its history came to. One that dies fails its present space and no other.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from mabeam.app.composition import open_store
from mabeam.app.replaying import Replay, replay
from mabeam.core.errors import MabeamError, Rejected
from mabeam.infra.observability import quiet_log

__all__ = ["Rebuild", "replay_many"]

CONNECT_SECONDS: Final = 5.0
END_SECONDS_MAX: Final = 2.0
_COMMAND: Final = (sys.executable, "-m", "mabeam.app.rebuilding")


class Rebuild(msgspec.Struct, frozen=True):
    """What came of the replay of one space.

    Attributes:
        space: Name of the space.
        replay: What its history came to, or None.
        error: Why there is no replay, else empty.
    """

    space: str
    replay: Replay | None = None
    error: str = ""


class _Task(msgspec.Struct, frozen=True):
    space: str
    address: str


async def replay_many(
    spaces: Sequence[str],
    address: str,
    *,
    processes: int | None = None,
    on_done: Callable[[Rebuild], None] | None = None,
) -> list[Rebuild]:
    """Fold the histories of several spaces from their beginnings, at most so many at once.

    A space that cannot be read, or whose worker dies, fails alone and says why. A
    cancellation ends all workers before it goes on.

    Args:
        spaces: Names of the spaces.
        address: Address of the server; several separated by commas.
        processes: How many workers; as many as there are cores if None.
        on_done: Called with each result as it comes; it must not raise.

    Returns:
        A result for each space, in the order of ``spaces``.

    Raises:
        Rejected: There is to be less than one worker.
    """
    if processes is not None and processes < 1:
        raise Rejected(
            "rebuild.processes",
            "no such number of workers",
            field="processes",
            value=processes,
            allowed="1 or more",
        )
    tasks = iter([_Task(space, address) for space in spaces])
    found: dict[str, Rebuild] = {}

    def keep(rebuild: Rebuild) -> None:
        found[rebuild.space] = rebuild
        if on_done is not None:
            on_done(rebuild)

    workers = min(processes or os.cpu_count() or 1, len(spaces))
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(_work_off(tasks, keep))
    return [found[space] for space in spaces]


async def _work_off(tasks: Iterator[_Task], keep: Callable[[Rebuild], None]) -> None:
    """Have one worker after the other do tasks, until there are none."""
    worker: _Worker | None = None
    try:
        for task in tasks:
            try:
                worker = worker or await _Worker.start()
            except OSError as error:
                keep(Rebuild(task.space, error=f"no worker could be started: {error}"))
                continue
            answer = await worker.fold(task)
            if answer is None:
                died, worker = worker, None
                answer = Rebuild(task.space, error=f"the worker {await died.end()}")
            keep(answer)
    except asyncio.CancelledError:
        if worker is not None:
            worker.kill()
        raise
    finally:
        if worker is not None:
            await worker.end()


class _Worker:
    """A process that folds spaces one after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> _Worker:
        """Start a worker. Ctrl-C at the terminal reaches its parent alone, which ends it."""
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process)

    async def fold(self, task: _Task) -> Rebuild | None:
        """Return what a space came to, or None if the worker has died over it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(msgspec.json.encode(task) + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        except ConnectionError:
            return None
        return msgspec.json.decode(line, type=Rebuild) if line.endswith(b"\n") else None

    def kill(self) -> None:
        """Break it off. It only reads, so nothing is lost with it."""
        if self._process.returncode is None:
            self._process.kill()

    async def end(self) -> str:
        """Let it end for want of tasks, and say how it has ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS_MAX):
                code = await self._process.wait()
        except TimeoutError:
            self.kill()
            code = await self._process.wait()
        return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"


def _serve() -> None:
    """Fold the spaces that come in as lines, until there are no more."""
    quiet_log()
    for line in sys.stdin.buffer:
        answer = asyncio.run(_fold(msgspec.json.decode(line, type=_Task)))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


async def _fold(task: _Task) -> Rebuild:
    opened = open_store(task.space, task.address, create=False, deadline_seconds=CONNECT_SECONDS)
    try:
        async with opened as store:
            return Rebuild(task.space, await replay(store))
    except MabeamError as error:
        return Rebuild(task.space, error=str(error))


if __name__ == "__main__":
    _serve()
