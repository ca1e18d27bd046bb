"""What the server itself does when writers race, on which the rules of `append` rest.

These tests speak to the server without the store. When one of them fails after an upgrade,
the server has changed, and the rule named in the test can be looked at again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator

import pytest

from mabeam.infra.jetstream.answers import PublishAnswer
from mabeam.infra.jetstream.publisher import Message, Publisher
from support.events import fresh_id
from support.jetstream_worlds import JetStreamKind, JetStreamWorld
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

ROUNDS = 300
_PATIENCE_SECONDS = 10.0
_CONFLICTS = {10071, 10164}


@pytest.fixture
async def single(nats_server: NatsServer) -> AsyncGenerator[JetStreamWorld]:
    async with JetStreamKind(nats_server.url).world() as world:
        yield world


@pytest.fixture
async def replicated(nats_cluster: NatsCluster) -> AsyncGenerator[JetStreamWorld]:
    async with JetStreamKind(nats_cluster.url, replicas=3).world() as world:
        yield world


class Writers:
    """Two clients that publish at the same moment, each with a condition of its own."""

    def __init__(self, world: JetStreamWorld) -> None:
        self._world = world
        self._publishers: list[Publisher] = []
        self.codes: Counter[int] = Counter()

    async def race(self, *conditions: tuple[str, str]) -> int:
        """Publish once for each condition; return how many were accepted.

        Args:
            conditions: The subject written to and the filter that must still be empty, both
                without the beginning that all subjects of the space share.
        """
        while len(self._publishers) < len(conditions):
            # A store that was opened has made the stream.
            _ = await self._world.open()
            self._publishers.append(Publisher(await self._world.connect()))
        answers = await asyncio.gather(
            *(
                self._publish(publisher, *condition)
                for publisher, condition in zip(self._publishers, conditions, strict=True)
            )
        )
        refusals = [answer.error.err_code for answer in answers if answer.error is not None]
        assert set(refusals) <= _CONFLICTS
        self.codes.update(refusals)
        return len(answers) - len(refusals)

    async def _publish(self, publisher: Publisher, subject: str, empty: str) -> PublishAnswer:
        start = f"mabeam.{self._world.space}"
        fields = (
            "Nats-Expected-Last-Subject-Sequence: 0\r\n"
            f"Nats-Expected-Last-Subject-Sequence-Subject: {start}.{empty}\r\n"
            f"Nats-Msg-Id: {fresh_id()}\r\n"
        )
        message = Message(f"{start}.{subject}", fields.encode(), b"{}")
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        return await publisher.publish(message, deadline)


async def accepted_twice(world: JetStreamWorld, first: str, second: str) -> tuple[int, Writers]:
    """Race on fresh entities; return how often both writers were accepted."""
    writers = Writers(world)
    doubles = 0
    for number in range(ROUNDS):
        doubles += (
            await writers.race(
                (f"session.{number}.said.ann", first.format(number)),
                (f"session.{number}.said.bob", second.format(number)),
            )
            > 1
        )
    return doubles, writers


class TestOneFilter:
    async def test_one_server_admits_one_writer_and_refuses_with_one_code(
        self, single: JetStreamWorld
    ) -> None:
        doubles, writers = await accepted_twice(single, "session.{}.>", "session.{}.>")
        assert doubles == 0
        assert set(writers.codes) == {10071}

    async def test_three_replicas_admit_one_writer_and_refuse_with_two_codes(
        self, replicated: JetStreamWorld
    ) -> None:
        """10071: the position is another. 10164: another append on the filter is on its way."""
        doubles, writers = await accepted_twice(replicated, "session.{}.>", "session.{}.>")
        assert doubles == 0
        assert set(writers.codes) == _CONFLICTS


class TestFiltersThatOverlap:
    """The reason why a boundary is compared with one filter, built in one place."""

    async def test_one_server_admits_one_writer(self, single: JetStreamWorld) -> None:
        doubles, _ = await accepted_twice(single, "session.{}.>", "session.{}.*.*")
        assert doubles == 0

    @pytest.mark.parametrize(
        ("first", "second"),
        [("session.{}.>", "session.{}.*.*"), ("session.{}.>", "*.{}.said.*")],
    )
    async def test_three_replicas_admit_both(
        self, replicated: JetStreamWorld, first: str, second: str
    ) -> None:
        doubles, _ = await accepted_twice(replicated, first, second)
        assert doubles > 0
