"""How agents bid in auctions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.events import Event
from mabeam.core.session.state import SessionState

__all__ = ["ShadingBidder", "TruthfulBidder", "worth_of"]

ANY: Final = "*"
_PERCENT: Final = 100


class TruthfulBidder(AgentPolicy, frozen=True, kw_only=True, tag="truthful_bidder"):
    """Bids what the lot is worth to it, the best it can do at a second price.

    Attributes:
        worth: Worth in minor units by a word that occurs in the lot; ``*`` is any lot.
    """

    worth: dict[str, int]

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - few policies mind all
    ) -> Sequence[Answer]:
        """Bid once, nothing for a lot that is worth nothing to it."""
        amount = _worth_here(self.worth, me, session, event)
        return () if amount is None else (BidPlaced(amount=amount),)


class ShadingBidder(AgentPolicy, frozen=True, kw_only=True, tag="shading_bidder"):
    """Bids less than the lot is worth to it, hoping to pay less.

    Attributes:
        worth: Worth in minor units by a word that occurs in the lot; ``*`` is any lot.
        percent: How much of the worth it bids.
    """

    worth: dict[str, int]
    percent: Annotated[int, msgspec.Meta(ge=1, le=_PERCENT)]

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - few policies mind all
    ) -> Sequence[Answer]:
        """Bid once, nothing for a lot that is worth nothing to it."""
        worth = _worth_here(self.worth, me, session, event)
        if worth is None:
            return ()
        note = f"worth {worth}, shaded to {self.percent} %"
        return (BidPlaced(amount=max(1, worth * self.percent // _PERCENT), note=note),)


def _worth_here(
    worth: Mapping[str, int], me: str, session: SessionState, event: Event
) -> int | None:
    if not isinstance(event, AuctionOpened) or session.phase != "open" or me in session.spoken:
        return None
    return worth_of(worth, event.lot)


def worth_of(worth: Mapping[str, int], lot: str) -> int | None:
    """Return what the first word that occurs in a lot says of it, None if none does."""
    text = lot.casefold()
    for word, amount in worth.items():
        if word == ANY or word.casefold() in text:
            return amount
    return None
