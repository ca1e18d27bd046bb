"""Bid in every auction of a space, until interrupted.

python bidder.py nats://127.0.0.1:4222 team ann 12
"""

import asyncio
import sys
from contextlib import suppress

from mabeam.agents import Agent, Heard, hears
from mabeam.app import connect
from mabeam.core.auction import AuctionDecided, AuctionOpened, BidPlaced


class Bidder(Agent):
    """Bids the same in every auction, and says when it has won."""

    def __init__(self, name: str, worth: int) -> None:
        super().__init__(name)
        self.worth = worth

    @hears(AuctionOpened)
    def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        """Bid what the lot is worth."""
        print(f"bidding {self.worth} for {opened.lot} in {heard.entity}", flush=True)
        return BidPlaced(amount=self.worth)

    @hears(AuctionDecided)
    def learn(self, decided: AuctionDecided, heard: Heard) -> None:
        """Take note of having won."""
        if decided.winner == self.name:
            print(f"won {decided.lot} in {heard.entity} for {decided.price}", flush=True)


async def main(server: str, space: str, name: str, worth: str) -> None:
    """Take part in the space, and leave the coordination to others."""
    async with connect(space, server=server, coordinate=False, identity=name) as joined:
        await joined.host(Bidder(name, int(worth)))
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
