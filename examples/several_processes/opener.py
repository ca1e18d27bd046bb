"""Auction a task among bidders, and print who got it.

python opener.py nats://127.0.0.1:4222 team "fix the parser" ann bob
"""

import asyncio
import sys

from mabeam.app import connect


async def main(server: str, space: str, lot: str, *bidders: str) -> None:
    """Open an auction and await its decision."""
    async with connect(space, server=server, coordinate=False) as joined:
        auction = await joined.sessions.open_auction(lot, bidders=bidders)
        decision = await auction.decision()
        print(f"{decision.outcome}: {decision.winner} pays {decision.price}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
