"""The log's server as a child process: a real nats-server that nobody had to install or start."""

from __future__ import annotations

from mabeam.infra.embedded.folder import running_server
from mabeam.infra.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "running_server"]
