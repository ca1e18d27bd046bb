"""Fisher markets as sessions: who takes part, what the equilibrium is, how it is proved.

The equilibrium is found by the coordinator itself: the work is bounded to about a second,
and the same on every machine. What proves it are the conditions of equilibrium, checked in
exact fractions on the prices and shares that the decision states.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.market.fisher import Shares, equilibrium_shares, violation
from mabeam.core.market.fisher_events import (
    Allocated,
    FisherMarketDecided,
    FisherMarketOpened,
    Priced,
    UtilitiesStated,
)
from mabeam.core.market.limits import (
    AMOUNT_MAX,
    QUANTITY_MAX,
    check_endowments,
    check_no_holdings,
    check_participants,
    check_range,
    check_text,
    disproved,
    proved_fraction,
)
from mabeam.core.numbers import exact
from mabeam.core.policies import Policies
from mabeam.core.session.events import Alternative, Decision, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, Standing, terms

__all__ = ["BUYERS_MAX", "ENTRIES_MAX", "FISHER_MARKET", "FISHER_RULES", "GOODS_MAX"]

BUYERS_MAX: Final = 200
GOODS_MAX: Final = 50
ENTRIES_MAX: Final = 1_000
"""How many buyers times goods there may be: so many are cleared in about a second."""
VALUE_MAX: Final = 10**6
TOLERANCE_MAX: Final = Decimal("0.01")
TOLERANCE_DIGITS_MAX: Final = 30

FISHER_RULES: Policies[[], None] = Policies("utility of a Fisher market")


class _None(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes no parameters."""


@FISHER_RULES.register("linear", 1, _None)
def _linear(parameters: _None) -> None:
    """Count the utility of a bundle as the sum of what its parts are worth."""


def check_opening(opening: FisherMarketOpened) -> None:
    """Refuse a market that cannot be held.

    Raises:
        Rejected: The rule is unknown, a good or buyer is named twice, or a number is out of
            its range.
    """
    FISHER_RULES.find(opening.rule)
    check_participants(opening)
    check_range("goods", len(opening.goods), 1, GOODS_MAX)
    check_range("endowments", len(opening.endowments), 1, BUYERS_MAX)
    check_endowments(opening.endowments)
    check_no_holdings(opening.endowments)
    check_range("buyers times goods", len(opening.goods) * len(opening.endowments), 1, ENTRIES_MAX)
    names = [supply.good for supply in opening.goods]
    if len(set(names)) != len(names) or not all(names):
        raise _refusal("goods", names, "each good once, and with a name")
    for supply in opening.goods:
        check_text("good", supply.good)
        check_range("quantity", supply.quantity, 1, QUANTITY_MAX)
    for one in opening.endowments:
        if one.budget is None:
            raise _refusal("budget", f"none for {one.agent}", f"1 to {AMOUNT_MAX}")
        check_range("budget", one.budget, 1, AMOUNT_MAX)
    tolerance = opening.tolerance
    # A short text such as 1e-999999 would otherwise become an integer of a million digits.
    is_short = tolerance.is_finite() and len(str(tolerance)) <= TOLERANCE_DIGITS_MAX
    is_number = is_short and cast("int", tolerance.as_tuple().exponent) >= -TOLERANCE_DIGITS_MAX
    if not is_number or not 0 <= tolerance <= TOLERANCE_MAX:
        raise _refusal("tolerance", tolerance, f"0 to {TOLERANCE_MAX}")


def check_speech(opening: FisherMarketOpened, speech: Speech) -> None:
    """Refuse utilities that say nothing, or speak of other goods.

    Raises:
        Rejected: A good is unknown or named twice, a value is out of its range, or all are 0.
    """
    if not isinstance(speech, UtilitiesStated):
        return
    check_range("values", len(speech.values), 1, len(opening.goods))
    goods = {supply.good for supply in opening.goods}
    named = [one.good for one in speech.values]
    if len(set(named)) != len(named) or not goods.issuperset(named):
        raise _refusal("values", named, f"each of {', '.join(sorted(goods))} at most once")
    for one in speech.values:
        check_range("value", one.value, 0, VALUE_MAX)
    if not any(one.value for one in speech.values):
        raise _refusal("values", say(speech), "at least one above 0")


def say(speech: Speech) -> str:
    """Write utilities as text."""
    if not isinstance(speech, UtilitiesStated):
        return ""
    return ", ".join(f"{one.good} {one.value}" for one in speech.values)


def _buyers(hearing: Hearing[FisherMarketOpened]) -> tuple[Spoken, ...]:
    """Return the words of those who have a budget, by name."""
    named = {one.agent for one in hearing.opening.endowments}
    return tuple(spoken for spoken in hearing.by_agent() if spoken.agent in named)


def _utilities(hearing: Hearing[FisherMarketOpened]) -> list[list[int]]:
    rows: list[list[int]] = []
    for spoken in _buyers(hearing):
        stated = cast("UtilitiesStated", spoken.speech).values
        values = {one.good: one.value for one in stated}
        rows.append([values.get(supply.good, 0) for supply in hearing.opening.goods])
    return rows


def _budgets(hearing: Hearing[FisherMarketOpened]) -> list[int]:
    budgets = {one.agent: one.budget or 0 for one in hearing.opening.endowments}
    return [budgets[spoken.agent] for spoken in _buyers(hearing)]


def decide(hearing: Hearing[FisherMarketOpened]) -> FisherMarketDecided:
    """Decide a closed market.

    Raises:
        Rejected: No equilibrium within the tolerance was found in time.
    """
    opening, buyers = hearing.opening, _buyers(hearing)
    is_held = _is_held(hearing)
    decision = FisherMarketDecided(
        outcome="no_quorum",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=_alternatives(hearing, is_held=is_held),
        superseded=hearing.superseded,
    )
    if not is_held:
        return decision
    supplies = [supply.quantity for supply in opening.goods]
    utilities, budgets = _utilities(hearing), _budgets(hearing)
    shares = equilibrium_shares(utilities, budgets, supplies)
    gap = violation(utilities, budgets, supplies, shares)
    if gap is None or gap > exact(opening.tolerance):
        raise _refusal("tolerance", opening.tolerance, f"at least {gap}, which was found in time")
    return msgspec.structs.replace(
        decision,
        outcome="decided",
        prices=tuple(
            Priced(supply.good, str(price))
            for supply, price in zip(opening.goods, shares.prices, strict=True)
        ),
        allocations=tuple(
            Allocated(buyers[buyer].agent, opening.goods[good].good, str(quantity))
            for (buyer, good), quantity in shares.quantities.items()
        ),
        gap=str(gap),
    )


def _is_held(hearing: Hearing[FisherMarketOpened]) -> bool:
    return bool(_buyers(hearing)) and hearing.has_quorum()


def _alternatives(
    hearing: Hearing[FisherMarketOpened], *, is_held: bool
) -> tuple[Alternative, ...]:
    """Return who has no budget, and without a quorum also who has one."""
    buyers = _buyers(hearing)
    lost = {spoken: "no_budget" for spoken in hearing.by_agent() if spoken not in buyers}
    if not is_held:
        lost |= dict.fromkeys(buyers, "no_quorum")
    return (
        *(Alternative(s.agent, say(s.speech), s.position, why) for s, why in lost.items()),
        *hearing.invalid(),
    )


def verify(hearing: Hearing[FisherMarketOpened], decision: Decision) -> None:
    """Check a decision by the conditions of equilibrium, in exact fractions.

    Raises:
        Rejected: A budget is not spent, a good not sold out, or a buyer has less utility than
            its budget buys, by more than the tolerance; or the decision has another outcome
            than the quorum allows, or is about other positions, goods or another rule.
    """
    if not isinstance(decision, FisherMarketDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of a Fisher market")
    buyers = _buyers(hearing)
    is_held = _is_held(hearing)
    for field, stated, so in (
        *terms(hearing, decision),
        ("outcome", decision.outcome, "decided" if is_held else "no_quorum"),
        ("alternatives", decision.alternatives, _alternatives(hearing, is_held=is_held)),
    ):
        if stated != so:
            raise disproved(field, stated, so)
    if not is_held:
        if decision.prices or decision.allocations or decision.gap != "0":
            raise disproved("prices", decision.prices, "none without a quorum")
        return
    shares = _stated(hearing, decision, {one.agent: n for n, one in enumerate(buyers)})
    supplies = [supply.quantity for supply in hearing.opening.goods]
    gap = violation(_utilities(hearing), _budgets(hearing), supplies, shares)
    if gap is None or gap > exact(hearing.opening.tolerance):
        raise disproved("prices", decision.prices, f"an equilibrium within the tolerance: {gap}")
    if decision.gap != str(gap):
        raise disproved("gap", decision.gap, gap)


def _stated(
    hearing: Hearing[FisherMarketOpened], decision: FisherMarketDecided, buyers: Mapping[str, int]
) -> Shares:
    goods = {supply.good: n for n, supply in enumerate(hearing.opening.goods)}
    if [one.good for one in decision.prices] != [*goods]:
        raise disproved("prices", decision.prices, f"one of each of {', '.join(goods)}")
    quantities: dict[tuple[int, int], Fraction] = {}
    for one in decision.allocations:
        buyer, good = buyers.get(one.agent), goods.get(one.good)
        if buyer is None or good is None or (buyer, good) in quantities:
            raise disproved("allocations", one, "a buyer and a good, once")
        quantities[buyer, good] = proved_fraction("allocations", one.quantity)
    if [*quantities] != sorted(quantities) or not all(quantities.values()):
        raise disproved("allocations", decision.allocations, "by buyer and good, without zeros")
    return Shares(
        tuple(proved_fraction("prices", one.price) for one in decision.prices), quantities
    )


def result(decision: Decision) -> Decimal | str | None:  # noqa: ARG001 - a market has many
    """Return nothing: prices of several goods are no value of one variable."""
    return None


def standing(hearing: Hearing[FisherMarketOpened]) -> Standing:
    """Return who has stated what, and after the closing who gets what."""
    is_closed = hearing.considered.closed > 0
    if is_closed and _is_held(hearing) and (shares := _shares(hearing)) is not None:
        return shares
    goods = tuple(supply.good for supply in hearing.opening.goods)
    buyers = tuple(zip(_buyers(hearing), _budgets(hearing), strict=True))
    remark = f"{len(buyers)} of {len(hearing.opening.endowments)} buyers with a budget have spoken."
    if hearing.opening.visibility == "sealed" and not is_closed:
        names = tuple((spoken.agent, str(budget)) for spoken, budget in buyers)
        sealed = "Utilities are sealed until the closing."
        return Standing(("buyer", "budget"), names, (remark, sealed))
    rows = tuple(
        (spoken.agent, str(budget), *map(str, row))
        for (spoken, budget), row in zip(buyers, _utilities(hearing), strict=True)
    )
    return Standing(("buyer", "budget", *goods), rows, (remark,))


def _shares(hearing: Hearing[FisherMarketOpened]) -> Standing | None:
    """Return who gets what, or None if no equilibrium is found in time."""
    try:
        decision = decide(hearing)
    except Rejected:
        return None
    prices = {one.good: one.price for one in decision.prices}
    rows = tuple((a.agent, a.good, a.quantity, prices[a.good]) for a in decision.allocations)
    return Standing(("buyer", "good", "quantity", "price"), rows)


def _refusal(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "market.fisher", "the market cannot be held", field=field, value=value, allowed=allowed
    )


FISHER_MARKET: Final = Protocol(
    name="fisher_market",
    opening=FisherMarketOpened,
    speech=UtilitiesStated,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    standing=standing,
)
FISHER_MARKET.register()
