"""The rules of call markets by name: what they take, and how they clear."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.market.ladder import Ladder
from mabeam.core.market.limits import QUANTITY_MAX
from mabeam.core.market.mechanisms import (
    Clearing,
    First,
    Lottery,
    average,
    huang,
    k_double_auction,
    mcafee,
    pairwise,
    trade_reduction,
    vcg,
)
from mabeam.core.policies import Policies, Policy

__all__ = ["MECHANISMS", "ORDERS_MAX", "First", "Shape", "order_of", "shape_of", "share_of"]

ORDERS_MAX: Final = 8
"""How many orders a sheet may hold."""

SHARE_LENGTH_MAX: Final = 20
"""How long the text of a share may be: more is no share of a price that anybody means."""

MECHANISMS: Policies[[Ladder, Lottery], Clearing] = Policies("double auction")


class Shape(msgspec.Struct, frozen=True):
    """What sheets a rule takes. A truthful rule is so for these alone.

    Attributes:
        orders_max: How many orders.
        quantity_max: How many pieces each.
        both_sides: Whether one sheet may buy and sell.
    """

    orders_max: int = ORDERS_MAX
    quantity_max: int = QUANTITY_MAX
    both_sides: bool = True


_SHAPES: Final = {
    "mcafee": Shape(1, 1, both_sides=False),
    "trade_reduction": Shape(1, 1, both_sides=False),
    "vcg": Shape(both_sides=False),
    "huang": Shape(1, both_sides=False),
}


def shape_of(rule: Policy) -> Shape:
    """Return what sheets a rule takes."""
    return _SHAPES.get(rule.name, Shape())


class _None(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes no parameters."""


class _Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where between two prices the price lies, as a fraction from 0 to 1."""

    k: str = "1/2"


class _Categories(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose last price is looked at first."""

    first: First = "buyer"


def share_of(rule: Policy) -> Fraction:
    """Return the parameter ``k`` of a rule.

    Raises:
        Rejected: It is no fraction from 0 to 1.
    """
    text = str(rule.parameters.get("k", "1/2"))
    # A short text such as 1e-999999999 would become a fraction of as many digits.
    is_plain = len(text) <= SHARE_LENGTH_MAX and "e" not in text.lower()
    try:
        share = Fraction(text) if is_plain else Fraction(-1)
    except (ValueError, ZeroDivisionError):
        share = Fraction(-1)
    if not 0 <= share <= 1:
        raise Rejected(
            "policy.parameters",
            f"parameters do not fit {rule.name}",
            field="k",
            value=text,
            allowed="a fraction from 0 to 1, such as 1/2",
        )
    return share


def order_of(rule: Policy) -> First:
    """Return the parameter ``first`` of a rule that was found to fit."""
    return "seller" if rule.parameters.get("first") == "seller" else "buyer"


@MECHANISMS.register("average", 1, _None)
def _average(parameters: _None, found: Ladder, lottery: Lottery) -> Clearing:  # noqa: ARG001 - all rules are called alike
    return average(found)


@MECHANISMS.register("k_double_auction", 1, _Share)
def _k_double_auction(parameters: _Share, found: Ladder, lottery: Lottery) -> Clearing:  # noqa: ARG001 - all rules are called alike
    return k_double_auction(found, Fraction(parameters.k))


@MECHANISMS.register("pairwise", 1, _Share)
def _pairwise(parameters: _Share, found: Ladder, lottery: Lottery) -> Clearing:  # noqa: ARG001 - all rules are called alike
    return pairwise(found, Fraction(parameters.k))


@MECHANISMS.register("mcafee", 1, _None)
def _mcafee(parameters: _None, found: Ladder, lottery: Lottery) -> Clearing:  # noqa: ARG001 - all rules are called alike
    return mcafee(found)


@MECHANISMS.register("trade_reduction", 1, _Categories)
def _trade_reduction(parameters: _Categories, found: Ladder, lottery: Lottery) -> Clearing:
    return trade_reduction(found, parameters.first, lottery)


@MECHANISMS.register("vcg", 1, _None)
def _vcg(parameters: _None, found: Ladder, lottery: Lottery) -> Clearing:  # noqa: ARG001 - all rules are called alike
    return vcg(found)


@MECHANISMS.register("huang", 1, _None)
def _huang(parameters: _None, found: Ladder, lottery: Lottery) -> Clearing:  # noqa: ARG001 - all rules are called alike
    return huang(found, lottery)
