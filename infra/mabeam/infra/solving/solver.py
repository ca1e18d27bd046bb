"""The port `Solver`: a process for what takes long, started when first needed."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import msgspec
import structlog

from mabeam.core.errors import ConfigurationError
from mabeam.infra.solving.frames import Answer, Task, framed, packed, read_answer, unpacked
from mabeam.infra.solving.registry import Way, name_of, way_for

__all__ = ["WorkerSolver"]

START_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 2.0
_COMMAND: Final = (sys.executable, "-m", "mabeam.infra.solving.worker")
_log: Final = structlog.get_logger(__name__)


class WorkerSolver:
    """Solves one problem at a time in a process of its own. Use it as a context manager.

    The process is started for the first problem that needs it and serves all later ones. When it
    takes longer than a problem allows, it is killed; when that, or a crash, or a lack of memory
    ends it, the best solution that came before counts, or a greedy one; the next problem gets a
    new process.

    Args:
        grace_seconds: How long it may be late before it is killed.
    """

    def __init__(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._grace_seconds: Final = grace_seconds
        self._process: Process | None = None
        self._lock: Final = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Do nothing yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        await self._end()

    @property
    def pid(self) -> int | None:
        """The process, if one runs."""
        return None if self._process is None else self._process.pid

    async def solve(self, problem: msgspec.Struct) -> msgspec.Struct:
        """Return the solution that belongs to a problem, the best one found in its time.

        Raises:
            ConfigurationError: No way to solve problems of this class is known here.
        """
        way = way_for(type(problem))
        small = await asyncio.to_thread(way.at_once, problem)
        if small is not None:
            return small
        async with self._lock:
            best = await self._best(way, problem)
        return await asyncio.to_thread(way.finish, problem, best)

    async def _best(self, way: Way, problem: msgspec.Struct) -> msgspec.Struct | None:
        """Return the last solution that comes in time, or None; leave no process that is late."""
        limit_ms = way.limit_ms(problem)
        task = Task(name_of(way.problem), packed(problem), limit_ms)
        best: msgspec.Struct | None = None
        is_at_rest = False
        try:
            process = await self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(framed(task))
            async with asyncio.timeout(limit_ms / 1000 + self._grace_seconds):
                await process.stdin.drain()
                answer = await read_answer(process.stdout)
                while answer.kind == "better":
                    best = unpacked(answer.body, way.solution)
                    answer = await read_answer(process.stdout)
            is_at_rest = True
            self._note(answer)
        except TimeoutError:
            _log.warning("the solver is late and is killed", problem=type(problem).__name__)
        except (asyncio.IncompleteReadError, OSError) as error:
            _log.warning("the solver has ended by itself", error=str(error))
        finally:
            if not is_at_rest:
                await self._end()
        return best

    @staticmethod
    def _note(answer: Answer) -> None:
        if answer.kind == "failed":
            _log.warning("the solver failed", error=answer.error)

    async def _started(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        # One thread each: what several find depends on chance, and the cores are others' too.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=os.environ | threads
        )
        self._process = process
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                answer = await read_answer(process.stdout)
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            raise ConfigurationError(
                f"the solver process does not start: {' '.join(_COMMAND)}"
            ) from error
        assert answer.kind == "ready"
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        # A process that is killed ends.
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
