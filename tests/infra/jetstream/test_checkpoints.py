"""Checkpoints on a server that also holds what is none."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from mabeam.core.ports import Checkpoint
from mabeam.infra.jetstream import Connection, open_checkpoints
from mabeam.infra.jetstream.topology import checkpoint_subject

pytestmark = pytest.mark.jetstream


async def publish_raw(connection: Connection, subject: str, body: bytes) -> None:
    _ = await connection.ask(subject, body, seconds=5)


async def test_what_is_no_checkpoint_is_passed_over_with_a_line_in_the_log(
    connection: Connection, space: str
) -> None:
    checkpoints = await open_checkpoints(connection, space)
    subject = f"{checkpoint_subject(space)}.agents.1"
    await checkpoints.save(Checkpoint("agents", 1, 3, b"three"))
    await publish_raw(connection, subject, b"\xc1garbage")
    await checkpoints.save(Checkpoint("agents", 1, 5, b"five"))
    await publish_raw(connection, subject, b"")
    with capture_logs() as lines:
        assert await checkpoints.load("agents", 1) == Checkpoint("agents", 1, 5, b"five")
        assert await checkpoints.load("agents", 1, until=4) == Checkpoint("agents", 1, 3, b"three")
    assert {line["subject"] for line in lines} == {subject}


async def test_where_everything_is_garbage_there_is_no_checkpoint(
    connection: Connection, space: str
) -> None:
    checkpoints = await open_checkpoints(connection, space)
    subject = f"{checkpoint_subject(space)}.agents.1"
    await publish_raw(connection, subject, b"garbage")
    assert await checkpoints.load("agents", 1) is None
