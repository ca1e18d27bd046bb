"""Asks a server who it is and whether its JetStream answers, over a bare socket.

A client library would bring a reconnecting connection and its tasks into a question that is
asked for milliseconds, before the client's own settings are known.
"""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import msgspec

__all__ = ["identify", "jetstream_answers"]

_QUESTION = (
    'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'
    "SUB %(inbox)s 1\r\nPUB $JS.API.INFO %(inbox)s 0\r\n\r\n"
)


class _Info(msgspec.Struct):
    server_id: str


class _Answer(msgspec.Struct):
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def identify(url: str, timeout_seconds: float = 0.5) -> str | None:
    """Return the id of the server at an address, or None when none answers in time.

    A server has a new id after each start, so the id tells a server that still lives from
    another that was given the same port later.
    """
    try:
        with _connect(url, timeout_seconds) as connection, connection.makefile("rb") as lines:
            return _server_id(lines.readline())
    except (OSError, msgspec.DecodeError):
        return None


def jetstream_answers(url: str, timeout_seconds: float = 0.5) -> str | None:
    """Return the id of the server at an address once its JetStream serves requests.

    None when it does not yet, or not in time. An open port alone says little: a server also
    accepts connections while it cannot serve its streams.
    """
    try:
        with _connect(url, timeout_seconds) as connection, connection.makefile("rb") as lines:
            server_id = _server_id(lines.readline())
            inbox = f"_INBOX.{os.urandom(8).hex()}"
            connection.sendall((_QUESTION % {"inbox": inbox}).encode())
            for line in lines:
                verb, *words = line.split()
                # A refusal, "no responders", comes as HMSG: a message with headers.
                if verb == b"MSG" and not _is_error(lines.read(int(words[-1]))):
                    return server_id
                if verb in {b"MSG", b"HMSG", b"-ERR"}:
                    return None
    except (OSError, msgspec.DecodeError):
        return None
    return None


def _connect(url: str, timeout_seconds: float) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout_seconds)


def _server_id(line: bytes) -> str:
    return msgspec.json.decode(line.removeprefix(b"INFO "), type=_Info).server_id


def _is_error(payload: bytes) -> bool:
    return msgspec.json.decode(payload, type=_Answer).error is not msgspec.UNSET
