"""A synchronous bank and a team of agents on one log, each acting on what the other says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from eventsourcing.application import Application, ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, DomainEventProtocol, event
from eventsourcing.projection import EventSourcedProjection, EventSourcedProjectionRunner
from eventsourcing.utils import get_topic

from mabeam.app import connect
from mabeam.core.events import Event, event_type
from mabeam.core.ports import Page
from mabeam.core.subjects import Filter
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.observability import quiet_log


class Account(Aggregate):
    """What an agent has."""

    TOPIC = "bank.account"

    class Created(Aggregate.Created):
        """The first event; its topic is the type that the team sees."""

        TOPIC = "bank.account_opened.v1"
        owner: str
        cents: int

    class Debited(Aggregate.Event):
        """Something was paid."""

        TOPIC = "bank.account_debited.v1"
        cents: int
        lot: str

    @event(Created)
    def __init__(self, owner: str, cents: int) -> None:
        """Open it."""
        self.owner = owner
        self.cents = cents

    @event(Debited)
    def debit(self, cents: int, lot: str) -> None:
        """Pay for something."""
        self.cents -= cents
        self.lot = lot

    @classmethod
    def create_id(cls, owner: str) -> UUID:
        """Return the id of an agent's account."""
        return uuid5(NAMESPACE_URL, f"/accounts/{owner}")


class AuctionDecided:
    """An event of mabeam, as far as the bank reads it."""

    TOPIC = "mabeam.auction.decided.v1"
    originator_id: str
    lot: str
    winner: str
    price: int


class Bank(EventSourcedProjection[UUID]):
    """Keeps accounts, and debits the winners of auctions."""

    topics: Sequence[str] = (get_topic(AuctionDecided),)

    def open(self, owner: str, cents: int) -> None:
        """Open an account."""
        self.save(Account(owner, cents))

    @singledispatchmethod
    def policy(
        self, domain_event: DomainEventProtocol[UUID], processing_event: ProcessingEvent[UUID]
    ) -> None:
        """Act on nothing else."""

    @policy.register
    def _(self, decided: AuctionDecided, processing_event: ProcessingEvent[UUID]) -> None:
        # The debit and how far the bank has read are recorded together, or neither.
        account: Account = self.repository.get(Account.create_id(decided.winner))
        account.debit(decided.price, decided.lot)
        processing_event.collect_events(account)


def serve(url: str, over: threading.Event) -> None:
    """Be the bank, which knows nothing of asyncio."""
    env = {
        "PERSISTENCE_MODULE": "mabeam.infra.eventsourcing",
        "MABEAM_NATS_URL": url,
        "MABEAM_SPACE": "team",
        "MABEAM_KIND": "account",
    }
    with EventSourcedProjectionRunner(
        application_class=Application[UUID], projection_class=Bank, env=env
    ) as runner:
        for owner in ("coder", "ann"):
            runner.projection.open(owner, 100)
        over.wait()


class Debit(msgspec.Struct, frozen=True):
    """The attributes of the bank's event."""

    cents: int
    lot: str


@event_type("bank.account_debited.v1", kind="account")
class AccountDebited(Event, frozen=True, kw_only=True):
    """The bank's event, as far as the team reads it."""

    originator_version: int
    state: Debit


async def hear(pages: AsyncIterator[Page], type_: str, times: int) -> None:
    """Print what the bank says until it has said something so often."""
    async for page in pages:
        for recorded in page:
            print(f"{recorded.position}: {recorded.actor} says {recorded.type}")
            times -= recorded.type == type_
            if recorded.type == "bank.account_debited.v1":
                debited = recorded.data
                assert isinstance(debited, AccountDebited)
                print(f"   {debited.state.cents} for the {debited.state.lot}")
        if times == 0:
            return


async def main() -> None:
    """Let the team hold an auction, and hear that the bank has taken the price."""
    quiet_log()
    over = threading.Event()
    async with EmbeddedServer() as server, connect("team", server=server.url) as space:
        bank = asyncio.create_task(asyncio.to_thread(serve, server.url, over))
        try:
            async with asyncio.timeout(30), space.follow(Filter(kind="account")) as pages:
                await hear(pages, "bank.account_opened.v1", 2)
                auction = await space.sessions.open_auction(
                    "parser", reserve=5, bidders=["coder", "ann"]
                )
                await auction.bid(12, by="coder")
                await auction.bid(9, by="ann")
                await hear(pages, "bank.account_debited.v1", 1)
        finally:
            over.set()
            await bank


asyncio.run(main())
