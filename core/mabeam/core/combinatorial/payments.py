"""What the winners of bundles pay, from what was found; and how a stranger checks it.

VCG: each pays what the others lose by its being there, so that to bid one's true value is
best whatever others bid (E. Clarke 1971, T. Groves 1973). That needs true optima: with
approximate ones truthfulness is lost (N. Nisan and A. Ronen, Journal of Artificial
Intelligence Research 29, 2007), so it is applied only where all of them are proved.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from mabeam.core.combinatorial.certificate import Examiner, disproved, economy_of, refs_of
from mabeam.core.combinatorial.clearing import ClearingSolution
from mabeam.core.combinatorial.core_prices import Block, CoreSearch, gains_of
from mabeam.core.combinatorial.events import Coalition, CoreProof, Economy, Multipliers
from mabeam.core.combinatorial.language import Sale
from mabeam.core.combinatorial.nearest import Nearest, objection_to_payments
from mabeam.core.combinatorial.pricing import Applied, Pricing
from mabeam.core.combinatorial.winners import Found, objection_to

__all__ = ["Priced", "check_core", "exactly", "priced", "pricing_due"]

_EXACT: Final = re.compile(r"-?[0-9]+(/[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Priced:
    """What winners pay above the reserve, in the order of their numbers.

    Attributes:
        applied: The rule.
        payments: What each pays.
        core: Why the payments are in the core, if they are to be.
    """

    applied: Applied
    payments: tuple[Fraction, ...]
    core: CoreProof | None = None


def pricing_due(pricing: Pricing, *, is_proved: bool, has_core: bool) -> Applied:
    """Return the rule to apply, from what was proved and found."""
    applied: Applied = pricing.applied
    if applied == "vcg" and not is_proved:
        applied = pricing.fallback
    return "pay_as_bid" if applied == "core" and not has_core else applied


def priced(sale: Sale, solution: ClearingSolution, pricing: Pricing) -> Priced:
    """Return what the winners pay by the rule that is wanted, or the one in its stead."""
    values = [one.found.value for one in solution.marginals]
    is_proved = solution.main.proved and all(one.found.proved for one in solution.marginals)
    if pricing.applied == "pay_as_bid" or not values:
        gained = gains_of(sale.problem, solution.main.accepted)
        return Priced("pay_as_bid", tuple(Fraction(gain) for _, gain in gained))
    search = CoreSearch(sale.problem, solution.main, values)
    paid = solution.paid if solution.closing else None
    applied = pricing_due(pricing, is_proved=is_proved, has_core=paid is not None)
    if applied == "core":
        assert paid is not None
        assert solution.closing is not None
        return Priced(
            "core", paid.payments, _proof(sale, search, solution.blocks, paid, solution.closing)
        )
    return Priced(applied, tuple(map(Fraction, search.vcg if applied == "vcg" else search.caps)))


def _proof(
    sale: Sale, search: CoreSearch, blocks: Sequence[Block], paid: Nearest, closing: Found
) -> CoreProof:
    count = len(search.winners)
    weights = [Multipliers(str(revenue), str(distance)) for revenue, distance in paid.weights]
    question = search.question(paid.payments)
    closed = economy_of(
        sale, Found((), closing.value, closing.bound, closing.prices, closing.proof)
    )
    return CoreProof(
        coalitions=tuple(
            Coalition(refs_of(sale.placed, block.accepted), weight)
            for block, weight in zip(blocks, weights[2 * count :], strict=True)
        ),
        least=tuple(weights[:count]),
        most=tuple(weights[count : 2 * count]),
        scale=question.scale,
        closing=closed,
    )


def check_core(  # noqa: PLR0913, PLR0917 - what is sold, to whom, for what, and why
    sale: Sale,
    main: Found,
    marginal: Sequence[Economy],
    payments: tuple[Fraction, ...],
    core: CoreProof,
    examiner: Examiner,
) -> None:
    """Check that payments are those of least revenue in the core that are nearest to VCG.

    Each coalition is one that could be formed, so its condition is sound; the multipliers prove
    that payments which meet these conditions are the ones promised; and the closing economy,
    checked as any other, says that no other coalition blocks.

    Raises:
        Rejected: They are not.
    """
    search = CoreSearch(sale.problem, main, [one.value for one in marginal])
    blocks = [
        Block(_formed(sale, examiner, place, coalition))
        for place, coalition in enumerate(core.coalitions)
    ]
    weights = tuple(
        _pair(pair)
        for pair in (*core.least, *core.most, *(coalition.weights for coalition in core.coalitions))
    )
    objection = objection_to_payments(
        search.vcg,
        search.caps,
        [search.demand(block) for block in blocks],
        Nearest(payments, weights),
    )
    if objection:
        raise disproved("core", objection, "payments of least revenue, nearest to VCG")
    question = search.question(payments)
    if (core.scale, core.closing.without, core.closing.accepted) != (question.scale, "", ()):
        raise disproved("core: closing", core.scale, f"scale {question.scale}, and no bundles")
    examiner.check_best("coalitions", question.problem, core.closing, search.hint(question))


def _formed(sale: Sale, examiner: Examiner, place: int, coalition: Coalition) -> tuple[int, ...]:
    bids = examiner.numbers(f"coalition {place}", coalition.accepted)
    objection = objection_to(sale.problem, bids)
    if objection:
        raise disproved(f"coalition {place}", objection, "bundles that fit together")
    return bids


def exactly(field: str, text: str) -> Fraction:
    """Return a number that a decision writes as a whole number or a fraction in lowest terms.

    Raises:
        Rejected: It is not written so.
    """
    try:
        # An exponent, which Fraction would take, could name a number that fills the memory.
        number = Fraction(text) if _EXACT.fullmatch(text) else None
    except (ValueError, ZeroDivisionError):
        number = None
    if number is None:
        raise disproved(field, text, "a whole number or a fraction")
    if str(number) != text:
        raise disproved(field, text, str(number))
    return number


def _pair(weights: Multipliers) -> tuple[Fraction, Fraction]:
    field = "core: weights"
    return exactly(field, weights.revenue), exactly(field, weights.distance)
