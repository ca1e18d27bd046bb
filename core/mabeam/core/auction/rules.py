"""The rules that openings of auctions name, by name and version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from mabeam.core.auction.clearing import Bid, Clearing, TieKey, first_price, second_price
from mabeam.core.auction.clock import ClockAward, rising_award
from mabeam.core.auction.events import OutcryBasis, PriceBasis
from mabeam.core.auction.units import (
    DemandBid,
    UnitClearing,
    discriminatory,
    uniform,
    vickrey,
)
from mabeam.core.policies import Policies
from mabeam.core.session.protocol import Hearing

__all__ = [
    "CLEARINGS",
    "FALLING_CLOCKS",
    "OUTCRIES",
    "RISING_CLOCKS",
    "UNIT_CLEARINGS",
    "NoParameters",
    "due_in_seal",
    "tie_key",
]

Prices: TypeAlias = tuple[int, PriceBasis]
AgentKey: TypeAlias = Callable[[str], Any]

CLEARINGS: Policies[[Sequence[Bid], int, TieKey], Clearing] = Policies("clearing rule")
UNIT_CLEARINGS: Policies[[Sequence[DemandBid], int, int, AgentKey], UnitClearing] = Policies(
    "clearing rule of several units"
)
OUTCRIES: Policies[[int, int | None], tuple[int, OutcryBasis]] = Policies("rule of open outcry")
RISING_CLOCKS: Policies[[Mapping[str, int], int, int, int, AgentKey], ClockAward] = Policies(
    "rule of a rising clock"
)
FALLING_CLOCKS: Policies[[int, int, int], int] = Policies("rule of a falling clock")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


def _plain(rule: Callable[..., Any]) -> Callable[..., Any]:
    def ruled(parameters: NoParameters, *args: object) -> object:  # noqa: ARG001 - it has none
        return rule(*args)

    return ruled


def _called(amount: int, buy_now: int | None) -> tuple[int, OutcryBasis]:
    """Let the last bid pay what it called, or the price at which anybody may buy at once."""
    is_bought = buy_now is not None and amount >= buy_now
    return (buy_now, "buy_now") if is_bought and buy_now is not None else (amount, "own_bid")


def _shown(start: int, step: int, number: int) -> int:
    """Let whoever stops the clock pay the price that it shows."""
    return start - step * (number - 1)


CLEARINGS.register("second_price", 1, NoParameters)(_plain(second_price))
CLEARINGS.register("first_price", 1, NoParameters)(_plain(first_price))
UNIT_CLEARINGS.register("discriminatory", 1, NoParameters)(_plain(discriminatory))
UNIT_CLEARINGS.register("uniform", 1, NoParameters)(_plain(uniform))
UNIT_CLEARINGS.register("vickrey", 1, NoParameters)(_plain(vickrey))
OUTCRIES.register("open_outcry", 1, NoParameters)(_plain(_called))
RISING_CLOCKS.register("rising_clock", 1, NoParameters)(_plain(rising_award))
FALLING_CLOCKS.register("falling_clock", 1, NoParameters)(_plain(_shown))


def _second(amounts: Sequence[int], reserve: int) -> Prices:
    return (amounts[1], "second_bid") if len(amounts) > 1 else (reserve, "reserve")


def _own(amounts: Sequence[int], reserve: int) -> Prices:  # noqa: ARG001 - it counts already
    return amounts[0], "own_bid"


_DUE: Final[dict[tuple[str, int], Callable[[Sequence[int], int], Prices]]] = {
    ("second_price", 1): _second,
    ("first_price", 1): _own,
}


def due_in_seal(name: str, version: int, amounts: Sequence[int], reserve: int) -> Prices:
    """Return what the winner of a sealed auction owes, and by what basis, to check a clearing.

    Args:
        name: Name of the clearing rule.
        version: Its version.
        amounts: All that count, at least one, the highest first.
        reserve: Least price.
    """
    return _DUE[name, version](amounts, reserve)


def tie_key(hearing: Hearing[Any], agent: str, since: int) -> tuple[int, bytes]:
    """Return the key by which the declared tie-break orders equals; the least wins.

    Args:
        hearing: The session.
        agent: Who is equal.
        since: Where the word stands that makes it so.
    """
    return hearing.tie_key(msgspec.structs.replace(hearing.spoken[agent], since=since))
