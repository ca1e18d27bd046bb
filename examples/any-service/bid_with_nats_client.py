"""Bid in an auction with the stock NATS client and JSON: no mabeam.

    python bid_with_nats_client.py nats://127.0.0.1:4222 team lot-7 coder 12

bids 12 as `coder` in the auction `lot-7` of the space `team`, and waits for the decision.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
import time
from typing import Any

from nats.aio.client import Client
from nats.js import JetStreamContext


def token(name: str) -> str:
    """Write a name as one token of a subject: `lot 7` becomes `lot=207`."""
    return re.sub(rb"[^A-Za-z0-9_-]", lambda byte: b"=%02X" % byte[0][0], name.encode()).decode()


async def bid(js: JetStreamContext, space: str, session: str, agent: str, amount: int) -> int:
    """Place a bid and return its position in the log."""
    event = {
        "specversion": "1.0",
        "id": secrets.token_hex(16),
        "source": f"/agents/{agent}",
        "type": "mabeam.auction.bid_placed.v1",
        "subject": f"session/{session}",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "datacontenttype": "application/json",
        "dataschema": "urn:mabeam:schema:mabeam.auction.bid_placed.v1",
        "data": {"amount": amount},
    }
    ack = await js.publish(
        f"mabeam.{space}.session.{token(session)}.bid_placed.{token(agent)}",
        json.dumps(event).encode(),
        stream=f"mabeam_{space}",
        # It makes it safe to send the same event again when no answer comes: within ten
        # minutes the log takes an id only once.
        headers={"Nats-Msg-Id": str(event["id"])},
    )
    return ack.seq


async def decision(js: JetStreamContext, space: str, session: str) -> dict[str, Any]:
    """Follow a session from its first event, however long ago, and return how it ended."""
    follower = await js.subscribe(
        f"mabeam.{space}.session.{token(session)}.>",
        stream=f"mabeam_{space}",
        ordered_consumer=True,
    )
    opener = ""
    async for message in follower.messages:
        # Who speaks is read off the subject, which the server can watch over. Anybody may
        # publish a "decision", so it counts only from the coordinator; and a cancellation
        # only from whoever opened the session.
        name, actor = message.subject.split(".")[4:]
        if name == "opened":
            opener = opener or actor
        decided = name in {"decided", "failed"} and actor == "coordinator"
        if decided or (name == "cancelled" and actor == opener):
            event: dict[str, Any] = json.loads(message.data)
            return event
    raise ConnectionError("the connection was closed")


async def main(url: str, space: str, session: str, agent: str, amount: str) -> None:
    """Bid, wait, and say what came of it."""
    client = Client()
    await client.connect(url)
    js = JetStreamContext(client)
    position = await bid(js, space, session, agent, int(amount))
    print(f"recorded at position {position}", flush=True)
    print(json.dumps((await decision(js, space, session))["data"], indent=2))
    await client.close()


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(f"usage: {sys.argv[0]} SERVER SPACE SESSION AGENT AMOUNT")
    asyncio.run(main(*sys.argv[1:]))
