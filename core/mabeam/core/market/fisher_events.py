"""Facts of Fisher markets. Names and fields are on disk: add, never change."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mabeam.core.events import event_type
from mabeam.core.market.events import Endowment
from mabeam.core.policies import Policy
from mabeam.core.session.events import Decision, Opening, Speech

__all__ = [
    "Allocated",
    "FisherMarketDecided",
    "FisherMarketOpened",
    "Priced",
    "Supply",
    "UtilitiesStated",
    "Utility",
]


class Supply(msgspec.Struct, frozen=True, gc=False):
    """What there is of a divisible good.

    Attributes:
        good: Its name.
        quantity: How much, 1 or more.
    """

    good: str
    quantity: int = 1


@event_type("mabeam.market.fisher_opened.v1", kind="session")
class FisherMarketOpened(Opening, frozen=True, kw_only=True):
    """Divisible goods are shared among buyers who have budgets, at prices that clear.

    Attributes:
        goods: What there is.
        endowments: The budget of each buyer, 1 or more; only who is named may take part.
        tolerance: How far, relative to budget, supply and utility, the equilibrium may be off.
        rule: ``linear``.
    """

    goods: tuple[Supply, ...]
    endowments: tuple[Endowment, ...]
    tolerance: Decimal = Decimal("0.0001")
    rule: Policy = Policy("linear")


class Utility(msgspec.Struct, frozen=True, gc=False):
    """What one unit of a good is worth to a buyer.

    Attributes:
        good: Name of the good.
        value: Its worth, 0 or more, on a scale of the buyer's own.
    """

    good: str
    value: int


@event_type("mabeam.market.utilities_stated.v1", kind="session")
class UtilitiesStated(Speech, frozen=True, kw_only=True):
    """What a buyer values; a later word replaces it.

    Attributes:
        values: Worth of a unit of each good; 0 for those that are not named.
        note: Why, for people.
    """

    values: tuple[Utility, ...]
    note: str = ""


class Priced(msgspec.Struct, frozen=True, gc=False):
    """What a unit of a good costs.

    Attributes:
        good: Its name.
        price: As a fraction.
    """

    good: str
    price: str


class Allocated(msgspec.Struct, frozen=True, gc=False):
    """How much of a good a buyer gets.

    Attributes:
        agent: The buyer.
        good: Name of the good.
        quantity: As a fraction.
    """

    agent: str
    good: str
    quantity: str


@event_type("mabeam.market.fisher_decided.v1", kind="session")
class FisherMarketDecided(Decision, frozen=True, kw_only=True):
    """Prices and shares. Said by protocol code alone. Both are their own certificate.

    Attributes:
        prices: What each good costs, in the order of the opening.
        allocations: Who gets how much, by buyer and good; nothing is left out but zeros.
        gap: Certificate: the largest relative violation of the conditions of equilibrium, as
            a fraction; ``0`` is an exact equilibrium.
    """

    prices: tuple[Priced, ...] = ()
    allocations: tuple[Allocated, ...] = ()
    gap: str = "0"
