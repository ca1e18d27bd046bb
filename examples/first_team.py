"""A team of two: a value is proposed and changed, a task is auctioned, and all of it is kept."""

import asyncio

from mabeam.app import connect
from mabeam.core.variable import FloatType


async def main() -> None:
    """Let the team do both."""
    async with connect("team") as space:
        await space.agents.register("coder", capabilities=["python"])
        await space.variables.declare("temperature", FloatType(0, 2, default=0.7))
        proposal = await space.variables.propose("temperature", 0.4, by="coder")
        await proposal.outcome()
        print("temperature is", space.variables.value("temperature"))

        auction = await space.sessions.open_auction("parser", reserve=5, bidders=["coder", "ann"])
        await auction.bid(12, by="coder")
        await auction.bid(9, by="ann")
        decision = await auction.decision()
        print(f"{decision.winner} gets the {decision.lot} and pays {decision.price}")


asyncio.run(main())
