"""Clients in a process of their own, who write down what they do until somebody kills them.

``python doomed_clients.py <url> <space> <name> <file>``
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mabeam.infra.jetstream import JetStreamStore, connect, open_store
from support.clients import Clients

__all__ = ["main"]


async def go_on(url: str, space: str, name: str, keep: Callable[[bytes], object]) -> None:
    """Append without a pause, so that there is always something to die in the middle of."""

    async def open_one() -> JetStreamStore:
        return await open_store(await connect(url.split(",")), space, create=False)

    async with Clients(open_one, name=name, keep=keep, pace_seconds=0):
        _ = await asyncio.Event().wait()


def main(url: str, space: str, name: str, file: str) -> None:
    """Go on without end."""
    # Unbuffered, so that what was written outlives the process.
    with Path(file).open("wb", buffering=0) as lines:
        asyncio.run(go_on(url, space, name, lines.write))


if __name__ == "__main__":
    main(*sys.argv[1:])
