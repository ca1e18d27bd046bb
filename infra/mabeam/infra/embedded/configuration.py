"""The configuration file of a server that serves one folder on the loopback interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FREE_PORT", "LOOPBACK", "SERVER_NAME", "render"]

LOOPBACK = "127.0.0.1"
"""The only interface an embedded server listens on: it asks for no password."""

FREE_PORT = -1
"""Lets the server pick a port itself, so that no other program can take it in between."""

SERVER_NAME = "mabeam-embedded"


def render(folder: Path, *, sync_interval: str | None = None, port: int = FREE_PORT) -> bytes:
    """Return the configuration for a server that keeps everything in one folder.

    It is written as JSON, which the server's own format includes, so that any character may
    stand in the path.

    Args:
        folder: An existing folder, absolute: the server reads relative paths from wherever
            it was started.
        sync_interval: How often written events are forced to the disk, or ``always`` for
            before each acknowledgement; None leaves the server's default of two minutes.
        port: `FREE_PORT` or the port to listen on.
    """
    jetstream: dict[str, Any] = {"store_dir": str(folder)}
    if sync_interval is not None:
        jetstream["sync_interval"] = sync_interval
    settings = {
        "server_name": SERVER_NAME,
        "host": LOOPBACK,
        "port": port,
        "ports_file_dir": str(folder),
        "jetstream": jetstream,
        # The second form of acknowledgement subjects ends the read loop of nats-py.
        "feature_flags": {"js_ack_fc_v2": False},
    }
    return msgspec.json.format(msgspec.json.encode(settings)) + b"\n"
