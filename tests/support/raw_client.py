"""NATS over a bare socket: what a test asks of a server without any library between."""

from __future__ import annotations

import json
import os
import socket
from typing import Any, BinaryIO, Self, cast
from urllib.parse import urlsplit

__all__ = ["RawClient"]


class RawClient:
    """One connection that sends requests and waits for each answer."""

    def __init__(self, url: str, timeout_seconds: float = 5.0) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout_seconds)
        self._lines = cast("BinaryIO", self._socket.makefile("rb"))
        self.info: dict[str, Any] = json.loads(self._lines.readline().removeprefix(b"INFO "))
        # Of its own, or it would read the answers to others' requests as well.
        self._inbox = f"_INBOX.{os.urandom(8).hex()}"
        greeting = '{"verbose":false,"headers":true,"no_responders":true}'
        self._send(f"CONNECT {greeting}\r\nSUB {self._inbox} 1\r\n")

    def request(self, subject: str, body: object = None) -> dict[str, Any]:
        """Publish a value as JSON and return the answer; a string is sent as it is."""
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        self._send(f"PUB {subject} {self._inbox} {len(text.encode())}\r\n{text}\r\n")
        for line in self._lines:
            verb, *words = line.split()
            if verb == b"PING":
                self._send("PONG\r\n")
            elif verb == b"MSG":
                answer: dict[str, Any] = json.loads(self._lines.read(int(words[-1]) + 2))
                return answer
            elif verb in {b"HMSG", b"-ERR"}:
                raise ConnectionError(f"{subject} was refused: {line!r}")
        raise ConnectionError("the server closed the connection")

    def publish(self, subject: str, text: str) -> None:
        """Publish a text and await nothing."""
        self._send(f"PUB {subject} {len(text.encode())}\r\n{text}\r\n")

    def deliver(self, subject: str) -> str:
        """Request a message of a consumer and return where it is to be settled."""
        self._send(f"PUB {subject} {self._inbox} 0\r\n\r\n")
        for line in self._lines:
            verb, *words = line.split()
            if verb in {b"MSG", b"HMSG"}:
                _ = self._lines.read(int(words[-1]) + 2)
                return words[2].decode()
        raise ConnectionError("the server closed the connection")

    def _send(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._lines.close()
        self._socket.close()
