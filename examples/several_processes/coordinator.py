"""Carry out what protocols decide in a space, until interrupted. Run as many as you like.

python coordinator.py nats://127.0.0.1:4222 team
"""

import asyncio
import sys
from contextlib import suppress

from mabeam.app import connect


async def main(server: str, space: str) -> None:
    """Coordinate."""
    async with connect(space, server=server):
        print("coordinating", space, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
