"""Policies of agents for auctions and exchanges of bundles: each says the truth, once."""

from __future__ import annotations

from collections.abc import Sequence

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.bundle_exchange import BundleOrder, ExchangeOpened, OrdersPlaced
from mabeam.core.combinatorial import BidsPlaced, Bundle, BundlesOffered
from mabeam.core.combinatorial.language import Language
from mabeam.core.events import Event
from mabeam.core.session.state import SessionState

__all__ = ["BundleTrader", "TruthfulBundleBidder"]


class TruthfulBundleBidder(AgentPolicy, frozen=True, kw_only=True, tag="truthful_bundle_bidder"):
    """Bids what bundles are worth to it, which by VCG no other bids can better.

    It bids once, on those of its bundles that are on offer, the most valuable first where there
    are more than the auction takes.

    Attributes:
        values: What each bundle is worth, in minor units.
        language: Whether it wants at most one of them, ``xor``, or any, ``or``.
    """

    values: tuple[Bundle, ...]
    language: Language = "xor"

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,  # noqa: ARG002 - the session tells all
        heard: Heard,  # noqa: ARG002 - likewise
    ) -> Sequence[Answer]:
        """Bid if that has not happened."""
        opening = session.opening
        if not isinstance(opening, BundlesOffered) or _has_spoken(me, session):
            return ()
        units = {good.name: good.quantity for good in opening.goods}
        wanted = [
            one
            for one in self.values
            if one.amount > 0 and all(n <= units.get(good, 0) for good, n in one.goods.items())
        ]
        wanted.sort(key=lambda one: -one.amount)
        bundles = tuple(wanted[: opening.bundles_max])
        return (BidsPlaced(bundles=bundles, language=self.language),)


class BundleTrader(AgentPolicy, frozen=True, kw_only=True, tag="bundle_trader"):
    """Offers to buy and sell bundles at what they are worth to it. It speaks once.

    Attributes:
        orders: What it would buy, and what it would sell for which least price.
        language: Whether at most one of them is to be carried out, ``xor``, or any, ``or``.
    """

    orders: tuple[BundleOrder, ...]
    language: Language = "or"

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,  # noqa: ARG002 - the session tells all
        heard: Heard,  # noqa: ARG002 - likewise
    ) -> Sequence[Answer]:
        """Place the orders on goods that are traded, if that has not happened."""
        opening = session.opening
        if not isinstance(opening, ExchangeOpened) or _has_spoken(me, session):
            return ()
        known = set(opening.goods)
        orders = [order for order in self.orders if known.issuperset(order.goods)]
        return (OrdersPlaced(orders=tuple(orders[: opening.orders_max]), language=self.language),)


def _has_spoken(me: str, session: SessionState) -> bool:
    return session.phase != "open" or me in session.spoken or me in session.refused
