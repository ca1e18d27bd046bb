"""Handlers: who hears what."""

from __future__ import annotations

import pytest

from mabeam.agents.agent import Agent, Heard, hears
from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.errors import Rejected
from mabeam.core.session.events import Opening
from mabeam.core.variable.events import Changed

AUCTION = AuctionOpened(lot="task")
CHANGE = Changed(value=1, previous=0, base=1)


class Bidder(Agent):
    @hears(AuctionOpened)
    def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        raise NotImplementedError

    @hears(Opening)
    def note(self, opened: Opening, heard: Heard) -> None:
        raise NotImplementedError


class Shy(Bidder):
    @hears(AuctionOpened)
    def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        raise NotImplementedError

    def helper(self) -> None:
        raise NotImplementedError


class Mute(Bidder):
    def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        raise NotImplementedError


def names(agent: type[Agent], event: AuctionOpened | Changed) -> list[str]:
    return [getattr(handler, "__qualname__", "") for handler in agent.handlers_of(event)]


def test_handlers_hear_their_type_and_those_derived_from_it() -> None:
    assert names(Bidder, AUCTION) == ["Bidder.bid", "Bidder.note"]
    assert names(Bidder, CHANGE) == []


def test_a_subclass_inherits_and_overrides_handlers() -> None:
    assert names(Shy, AUCTION) == ["Shy.bid", "Bidder.note"]


def test_overriding_without_the_mark_ends_the_hearing() -> None:
    assert names(Mute, AUCTION) == ["Bidder.note"]


def test_a_name_that_can_be_no_subject_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        Bidder("")
    assert (caught.value.code, caught.value.field) == ("name.illegal", "actor")
