"""How large the words of markets may be, and how they are refused."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from mabeam.core.errors import Rejected
from mabeam.core.market.events import Endowment
from mabeam.core.numbers import in_lowest_terms
from mabeam.core.session.events import Opening
from mabeam.core.subjects import check_name

__all__ = [
    "AGENTS_MAX",
    "AMOUNT_MAX",
    "PRICE_MAX",
    "QUANTITY_MAX",
    "TEXT_MAX",
    "check_endowments",
    "check_no_holdings",
    "check_participants",
    "check_range",
    "check_text",
    "disproved",
    "proved_fraction",
]

AMOUNT_MAX: Final = 2**53 - 1
"""The largest amount that every JSON parser reads exactly (RFC 8259, section 6)."""

PRICE_MAX: Final = 10**9
QUANTITY_MAX: Final = 10**6
AGENTS_MAX: Final = 1_000
TEXT_MAX: Final = 200


def check_range(field: str, value: int, low: int, high: int) -> None:
    """Refuse a number out of its range.

    Raises:
        Rejected: It is below the least or above the greatest value.
    """
    if not low <= value <= high:
        raise Rejected(
            "market.range",
            f"no such {field.rpartition('.')[2].replace('_', ' ')}",
            field=field,
            value=value,
            allowed=f"{low} to {high}",
        )


def check_text(field: str, text: str) -> None:
    """Refuse a text that is too long to be shown, and repeated in a decision.

    Raises:
        Rejected: It has too many characters.
    """
    if len(text) > TEXT_MAX:
        raise Rejected(
            "market.text",
            "the text is too long",
            field=field,
            value=f"{len(text)} characters",
            allowed=f"at most {TEXT_MAX} characters",
        )


def check_participants(opening: Opening) -> None:
    """Refuse a market with more participants than a decision could list.

    Raises:
        Rejected: There are too many.
    """
    check_range("participants", len(opening.participants), 0, AGENTS_MAX)


def check_endowments(endowments: Sequence[Endowment]) -> None:
    """Refuse endowments that are out of range, or two of one agent.

    Raises:
        Rejected: A name, a budget or a holding cannot be.
    """
    check_range("endowments", len(endowments), 0, AGENTS_MAX)
    agents = [check_name("actor", one.agent, "endowments") for one in endowments]
    if len(set(agents)) != len(agents):
        raise Rejected(
            "market.endowments",
            "an agent is named twice",
            field="endowments",
            value=agents,
            allowed="each agent once",
        )
    for one in endowments:
        if one.budget is not None:
            check_range("budget", one.budget, 0, AMOUNT_MAX)
        if one.holding is not None:
            check_range("holding", one.holding, 0, AMOUNT_MAX)


def check_no_holdings(endowments: Sequence[Endowment]) -> None:
    """Refuse holdings where the endowed only buy.

    Raises:
        Rejected: One has something to sell.
    """
    for one in endowments:
        if one.holding is not None:
            raise Rejected(
                "market.endowments",
                "buyers have nothing to sell here",
                field="holding",
                value=f"{one.holding} of {one.agent}",
                allowed="none",
            )


def disproved(field: str, value: object, allowed: object) -> Rejected:
    """Return the refusal of a decision that its certificate does not prove."""
    return Rejected(
        "market.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=str(allowed),
    )


def proved_fraction(field: str, text: str) -> Fraction:
    """Read a fraction as decisions write it.

    Raises:
        Rejected: It is none, or not in its lowest terms.
    """
    number = in_lowest_terms(text)
    if number is None:
        raise disproved(field, text, "a fraction in its lowest terms")
    return number
