"""The ports of the core on NATS JetStream.

This package alone knows NATS. It brings its own publisher, reader and consumer on top
of the connection of nats-py; `docs/adr` tells why.
"""

from __future__ import annotations

from mabeam.infra.jetstream.checkpoints import JetStreamCheckpoints
from mabeam.infra.jetstream.connection import Access, Connection, connect
from mabeam.infra.jetstream.store import JetStreamStore, open_checkpoints, open_store

__all__ = [
    "Access",
    "Connection",
    "JetStreamCheckpoints",
    "JetStreamStore",
    "connect",
    "open_checkpoints",
    "open_store",
]
