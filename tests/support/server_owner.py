"""A program that owns an embedded server: ``server_owner.py FOLDER [fork]``.

It prints one line of JSON about its server once that runs. Then it waits until its input
ends, and prints ``interrupted`` whenever Ctrl-C reached it and its server still answered.
With ``fork`` it first forks a process that does nothing and outlives it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time

import structlog

from mabeam.infra.embedded import EmbeddedServer, running_server

__all__: list[str] = []


async def _own(folder: str, *, fork: bool) -> None:
    async with EmbeddedServer(folder or None) as server:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, _interrupted, server)
        idler = _idle() if fork else 0
        facts = {"url": server.url, "pid": server.pid, "folder": str(server.folder)}
        _say(json.dumps({**facts, "idler": idler}))
        await asyncio.to_thread(sys.stdin.read)


def _interrupted(server: EmbeddedServer) -> None:
    _say("interrupted" if running_server(server.folder) else "interrupted, and the server is gone")


def _idle() -> int:
    pid = os.fork()
    if pid == 0:
        os.close(1)
        time.sleep(60)
        os._exit(0)
    return pid


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(_own(sys.argv[1], fork="fork" in sys.argv))
