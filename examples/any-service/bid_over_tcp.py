"""Bid in an auction with nothing but a socket: no mabeam, no NATS library.

    python bid_over_tcp.py nats://127.0.0.1:4222 team lot-7 coder 12

bids 12 as `coder` in the auction `lot-7` of the space `team`, and waits for the decision.
The NATS protocol is lines of text: https://docs.nats.io/reference/reference-protocols
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SILENCE_SECONDS_MAX = 15


class Message(NamedTuple):
    """What the server delivers: `status` is that of NATS itself, such as 503, or empty."""

    subject: str
    status: str
    body: bytes


class Nats:
    """As much of a NATS client as a bidder needs; user and password would go into CONNECT."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        where = (address.hostname or "127.0.0.1", address.port or 4222)
        self.inbox = f"_INBOX.{secrets.token_hex(8)}"
        self._socket = socket.create_connection(where, SILENCE_SECONDS_MAX)
        self._lines = self._socket.makefile("rb")
        options = {"verbose": False, "headers": True, "no_responders": True}
        self._socket.sendall(f"CONNECT {json.dumps(options)}\r\n".encode())
        # JetStream delivers only to a subject that is subscribed to by its very name, which
        # a wildcard over both of them would not be.
        self._socket.sendall(f"SUB {self.inbox}.answer 1\r\nSUB {self.inbox}.event 2\r\n".encode())

    def publish(self, subject: str, body: object, message_id: str = "") -> None:
        """Send a value as JSON. JetStream answers on the reply subject, `<inbox>.answer`."""
        head = f"NATS/1.0\r\nNats-Msg-Id: {message_id}\r\n\r\n"
        text = (head + json.dumps(body)).encode()
        line = f"HPUB {subject} {self.inbox}.answer {len(head)} {len(text)}\r\n"
        self._socket.sendall(line.encode() + text + b"\r\n")

    def messages(self) -> Iterator[Message]:
        """Yield what is delivered. A server silent for too long raises TimeoutError."""
        for line in self._lines:
            verb, *words = line.decode().split()
            if verb == "PING":
                self._socket.sendall(b"PONG\r\n")
            elif verb == "MSG":  # <subject> <subscription> [reply] <bytes>
                yield Message(words[0], "", self._read(int(words[-1])))
            elif verb == "HMSG":  # <subject> <subscription> [reply] <bytes of head> <bytes>
                text, size = self._read(int(words[-1])), int(words[-2])
                status = text.split(b"\r\n", 1)[0].decode().split()[1:2]
                yield Message(words[0], "".join(status), text[size:])
            elif verb == "-ERR":
                raise ConnectionError(line.decode().strip())
        raise ConnectionError("the server closed the connection")

    def _read(self, size: int) -> bytes:
        return self._lines.read(size + 2)[:size]


def token(name: str) -> str:
    """Write a name as one token of a subject: `lot 7` becomes `lot=207`."""
    return re.sub(rb"[^A-Za-z0-9_-]", lambda byte: b"=%02X" % byte[0][0], name.encode()).decode()


def bid(nats: Nats, space: str, session: str, agent: str, amount: int) -> int:
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
    subject = f"mabeam.{space}.session.{token(session)}.bid_placed.{token(agent)}"
    # The message id makes it safe to send the same event again when no answer comes:
    # within ten minutes the log takes an id only once.
    nats.publish(subject, event, str(event["id"]))
    answer = next(nats.messages())
    if answer.status == "503":
        raise LookupError(f"nothing records {subject}: there is no space {space!r}")
    # Only this answer says that the bid is recorded; the server accepts any message.
    ack: dict[str, Any] = json.loads(answer.body)
    if ack.get("stream") != f"mabeam_{space}" or "error" in ack:
        raise RuntimeError(f"the bid is not recorded: {ack}")
    return int(ack["seq"])


def decision(nats: Nats, space: str, session: str) -> dict[str, Any]:
    """Follow a session from its first event, however long ago, and return how it ended."""
    consumer = {
        "stream_name": f"mabeam_{space}",
        "config": {
            "filter_subject": f"mabeam.{space}.session.{token(session)}.>",
            "deliver_policy": "all",  # from the beginning, so nothing is missed
            "deliver_subject": f"{nats.inbox}.event",
            "ack_policy": "none",
            "idle_heartbeat": 5_000_000_000,  # nanoseconds: silence then means a lost server
        },
    }
    nats.publish(f"$JS.API.CONSUMER.CREATE.mabeam_{space}", consumer)
    opener = ""
    for message in nats.messages():
        if message.subject.startswith(nats.inbox):  # the answer to the request, or a heartbeat
            if b'"error"' in message.body:
                raise RuntimeError(message.body.decode())
            continue
        # Who speaks is read off the subject, which the server can watch over. Anybody may
        # publish a "decision", so it counts only from the coordinator; and a cancellation
        # only from whoever opened the session.
        name, actor = message.subject.split(".")[4:]
        if name == "opened":
            opener = opener or actor
        decided = name in {"decided", "failed"} and actor == "coordinator"
        if decided or (name == "cancelled" and actor == opener):
            event: dict[str, Any] = json.loads(message.body)
            return event
    raise AssertionError("messages end only by an error")


def main(url: str, space: str, session: str, agent: str, amount: str) -> None:
    """Bid, wait, and say what came of it."""
    nats = Nats(url)
    print(f"recorded at position {bid(nats, space, session, agent, int(amount))}", flush=True)
    print(json.dumps(decision(nats, space, session)["data"], indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(f"usage: {sys.argv[0]} SERVER SPACE SESSION AGENT AMOUNT")
    main(*sys.argv[1:])
