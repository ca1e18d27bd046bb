"""Clients that are killed in the middle of anything leave a log that is right and whole."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mabeam.core.testing import (
    Attempt,
    boundaries_are_linearizable,
    log_is_complete,
    read_journal,
)
from mabeam.infra.jetstream import JetStreamStore
from support import doomed_clients
from support.nats_cluster import NatsCluster
from support.reading import read_all
from support.waiting import until

pytestmark = [pytest.mark.jetstream, pytest.mark.slow, pytest.mark.faults]

Open = Callable[[str | list[str]], Awaitable[JetStreamStore]]
LIVES = 3
EVENTS_PER_LIFE = 300


async def test_clients_killed_and_started_again_leave_nothing_half_done(
    faulty_cluster: NatsCluster, space: str, open_space: Open, tmp_path: Path
) -> None:
    store = await open_space(faulty_cluster.urls)
    files = [tmp_path / str(life) for life in range(LIVES)]
    for life, file in enumerate(files):
        goal = await store.head() + EVENTS_PER_LIFE

        async def has_grown(goal: int = goal) -> bool:
            return await store.head() >= goal

        process = await asyncio.create_subprocess_exec(
            *(sys.executable, doomed_clients.__file__),
            *(faulty_cluster.url, space, f"life-{life}", str(file)),
        )
        await until(has_grown)
        process.kill()
        _ = await process.wait()
    lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
    entries = read_journal(lines)
    unknown = [one for one in entries if isinstance(one, Attempt) and one.ended is None]
    assert unknown, "nobody was killed in the middle of an append"
    log_is_complete(entries, await read_all(store))
    boundaries_are_linearizable(entries)
