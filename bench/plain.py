"""The baselines: what nats-py does by itself, as its documentation shows it."""

# pyright: reportUnknownMemberType=false
# nats-py types its public interface only in part.

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

__all__ = ["HANG_SECONDS", "Plain", "plain"]

HANG_SECONDS: Final = 120.0
"""A publish_async whose answer is lost never ends, and takes its slot along."""

_STREAM: Final = "plain"
_SUBJECTS: Final = "plain.>"


@asynccontextmanager
async def plain(url: str) -> AsyncGenerator[Plain]:
    """Connect by nats-py and make a stream with its defaults: a file, one copy, no limits."""
    connection = Client()
    await connection.connect(url)
    try:
        stream = connection.jetstream()
        await stream.add_stream(name=_STREAM, subjects=[_SUBJECTS])
        yield Plain(stream)
    finally:
        await connection.close()


class Plain:
    """JetStream by nats-py alone."""

    def __init__(self, stream: JetStreamContext) -> None:
        self._stream: Final = stream

    async def one_by_one(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish each message when the one before is acknowledged."""
        for subject, body in messages:
            await self._stream.publish(subject, body)

    async def pipelined(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish all messages, then wait for all acknowledgements.

        Raises:
            TimeoutError: An acknowledgement was lost, which nats-py does not notice.
        """
        async with asyncio.timeout(HANG_SECONDS):
            answers = [await self._stream.publish_async(*message) for message in messages]
            await asyncio.gather(*answers)

    async def count(self, stream: str, subjects: str, events: int) -> None:
        """Receive so many messages from the start of a stream, and only count them."""
        received = 0
        finished = asyncio.Event()

        async def count(_: Msg) -> None:
            nonlocal received
            received += 1
            if received == events:
                finished.set()

        subscription = await self._stream.subscribe(
            subjects,
            stream=stream,
            cb=count,
            manual_ack=True,
            config=ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL),
            # Without them, the server cuts the line of a client that cannot keep up.
            flow_control=True,
            idle_heartbeat=5.0,
            pending_msgs_limit=-1,
            pending_bytes_limit=-1,
        )
        async with asyncio.timeout(HANG_SECONDS):
            await finished.wait()
        await subscription.unsubscribe()

    async def decide(self, session: str, bodies: Sequence[bytes], rounds: int) -> list[float]:
        """Let a bid lead to a closing and a decision, by hand; return the seconds of each round.

        The least that a decision on the log can be: whoever coordinates receives the bid and
        publishes the two events one after the other, whoever waits receives the second.
        """
        bid, closed, decided = (f"{session}.{word}" for word in ("bid", "closed", "decided"))
        seen = asyncio.Event()

        async def hear(message: Msg) -> None:
            if message.subject == bid:
                await self._stream.publish(closed, bodies[1])
                await self._stream.publish(decided, bodies[2])
            elif message.subject == decided:
                seen.set()

        subscription = await self._stream.subscribe(
            f"{session}.*",
            cb=hear,
            manual_ack=True,
            config=ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.NEW),
        )
        taken: list[float] = []
        for _ in range(rounds):
            seen.clear()
            began = time.perf_counter()
            await self._stream.publish(bid, bodies[0])
            async with asyncio.timeout(HANG_SECONDS):
                await seen.wait()
            taken.append(time.perf_counter() - began)
        await subscription.unsubscribe()
        return taken
