"""The bidding language: bundles of goods, alternatives, and what of them a solver sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from mabeam.core.combinatorial.winners import AtomicBid, WinnerProblem
from mabeam.core.errors import Rejected

__all__ = [
    "AMOUNT_MAX",
    "QUANTITY_MAX",
    "Bundle",
    "Good",
    "Language",
    "Placed",
    "Sale",
    "check_bundles",
    "check_goods",
    "check_range",
    "contents",
    "sale_of",
]

AMOUNT_MAX: Final = 10**12
"""The largest amount in minor units. A thousand times it is a number that JSON parsers keep."""

GOODS_MAX: Final = 256
QUANTITY_MAX: Final = 10**6
NAME_LENGTH_MAX: Final = 64

Language: TypeAlias = Literal["xor", "or"]


class Good(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Something to be had, in equal units.

    Attributes:
        name: What it is called in bids, 1 to 64 characters.
        quantity: How many units there are.
        reserve: Least price of a unit in minor units.
    """

    name: str
    quantity: int = 1
    reserve: int = 0


class Bundle(msgspec.Struct, frozen=True, omit_defaults=True):
    """Goods that are wanted together or not at all.

    Attributes:
        goods: How many units of each good, by its name.
        amount: What they are worth together, in minor units, 1 or more.
        group: Of the bundles that one bidder puts under one label, at most one is accepted.
            Those without a label stand under one together in the language ``xor``, and each
            for itself in the language ``or``.
    """

    goods: dict[str, int]
    amount: int
    group: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A bundle that somebody asked for.

    Attributes:
        agent: Who asked.
        number: Which of its bundles it is, from 0.
        goods: Units of each good; negative where they are offered.
        amount: What it offers to pay; negative for what it asks to be paid.
        group: Label of its group.
    """

    agent: str
    number: int
    goods: tuple[tuple[str, int], ...]
    amount: int
    group: str


@dataclass(frozen=True, slots=True)
class Sale:
    """Bids as a problem, and what its numbers mean.

    Attributes:
        placed: The bids that count, as the problem numbers them.
        agents: The bidders, as the problem numbers them.
        below: Bids that do not reach the reserve.
        problem: The problem; amounts are what is offered above the reserve.
    """

    placed: tuple[Placed, ...]
    agents: tuple[str, ...]
    below: tuple[Placed, ...]
    problem: WinnerProblem


def sale_of(
    goods: Sequence[str],
    capacities: Sequence[int],
    placed: Iterable[Placed],
    reserves: Mapping[str, int],
) -> Sale:
    """Return bids as a problem. Their order is kept: among equals a solver may prefer the first."""
    number_of = {good: number for number, good in enumerate(goods)}
    bidders: dict[str, int] = {}
    groups: dict[tuple[str, str], int] = {}
    counted: list[Placed] = []
    below: list[Placed] = []
    bids: list[AtomicBid] = []
    for one in placed:
        reserve = sum(max(0, quantity) * reserves.get(good, 0) for good, quantity in one.goods)
        if one.amount > 0 and one.amount < reserve:
            below.append(one)
            continue
        bidder = bidders.setdefault(one.agent, len(bidders))
        group = groups.setdefault((one.agent, one.group), len(groups))
        uses = tuple(sorted((number_of[good], quantity) for good, quantity in one.goods))
        counted.append(one)
        bids.append(AtomicBid(bidder, group, one.amount - reserve, uses))
    problem = WinnerProblem(tuple(capacities), tuple(bids))
    return Sale(tuple(counted), tuple(bidders), tuple(below), problem)


def contents(goods: Iterable[tuple[str, int]]) -> str:
    """Write units of goods as text: ``2 cpu + disk``."""
    return " + ".join(good if units == 1 else f"{units} {good}" for good, units in goods)


def check_range(field: str, value: int, low: int, high: int) -> None:
    """Refuse a number out of its range.

    Raises:
        Rejected: It is.
    """
    if not low <= value <= high:
        raise Rejected(
            "bundles.range",
            "no such number",
            field=field,
            value=value,
            allowed=f"{low} to {high}",
        )


def check_goods(goods: Sequence[Good]) -> None:
    """Refuse goods that cannot be offered.

    Raises:
        Rejected: There are none or too many, two have one name, or a number is out of range.
    """
    check_range("number of goods", len(goods), 1, GOODS_MAX)
    for good in goods:
        _check_label("name of a good", good.name, 1)
        check_range(f"quantity of {good.name}", good.quantity, 1, QUANTITY_MAX)
        check_range(f"reserve of {good.name}", good.reserve, 0, AMOUNT_MAX)
    names = [good.name for good in goods]
    if len(set(names)) != len(names):
        raise Rejected(
            "bundles.goods",
            "a good is named twice",
            field="goods",
            value=names,
            allowed="each good once",
        )


def check_bundles(
    bundles: Sequence[Bundle], quantities: Mapping[str, int], bundles_max: int
) -> None:
    """Refuse bundles that cannot count.

    Args:
        bundles: What somebody asks for.
        quantities: How many units there can be of each good.
        bundles_max: How many bundles a bidder may name.

    Raises:
        Rejected: There are too many, one is empty or holds what there is not, or an amount is
            out of range.
    """
    check_range("number of bundles", len(bundles), 0, bundles_max)
    for number, bundle in enumerate(bundles):
        check_range(f"amount of bundle {number}", bundle.amount, 1, AMOUNT_MAX)
        check_range(f"goods of bundle {number}", len(bundle.goods), 1, len(quantities))
        _check_label(f"group of bundle {number}", bundle.group, 0)
        for good, units in bundle.goods.items():
            if good not in quantities:
                raise Rejected(
                    "bundles.good",
                    "no such good",
                    field=f"goods of bundle {number}",
                    value=good,
                    allowed=", ".join(quantities),
                )
            check_range(f"units of {good} in bundle {number}", units, 1, quantities[good])


def _check_label(field: str, label: str, shortest: int) -> None:
    if not shortest <= len(label) <= NAME_LENGTH_MAX or not label.isprintable():
        raise Rejected(
            "bundles.label",
            "no such label",
            field=field,
            value=label,
            allowed=f"{shortest} to {NAME_LENGTH_MAX} printable characters",
        )
