"""A subject may have any bytes; one that is no text stops nobody."""

from __future__ import annotations

import pytest

from mabeam.core.envelope import Recorded
from mabeam.core.errors import MalformedEvent
from mabeam.infra.jetstream import Connection, JetStreamStore
from support.events import write
from support.reading import next_delivery, read_all, take

pytestmark = pytest.mark.jetstream


@pytest.fixture
async def littered(connection: Connection, store: JetStreamStore, space: str) -> JetStreamStore:
    """A log with such a message at position 1, and an event behind it."""
    reply, answer = connection.replies.expect("none", seconds=10)
    subject = f"mabeam.{space}.session.".encode() + b"\xff\xfe.said.ann"
    connection.wire.send(subject, reply, b"", b"{}")
    _ = await answer
    _ = await store.append(write())
    return store


def check(page: list[Recorded]) -> None:
    assert [recorded.position for recorded in page] == [1, 2]
    assert isinstance(page[0].problem, MalformedEvent)
    assert page[1].problem is None


async def test_it_is_read(littered: JetStreamStore) -> None:
    check(await read_all(littered))


async def test_it_is_followed(littered: JetStreamStore) -> None:
    async with littered.follow() as pages:
        check(await take(pages, 2))


async def test_it_is_consumed(littered: JetStreamStore) -> None:
    async with littered.consume("one") as deliveries:
        check([(await next_delivery(deliveries)).recorded for _ in range(2)])


async def test_it_is_among_the_latest(littered: JetStreamStore) -> None:
    check(list(await littered.latest()))
