"""Payments of an exchange: VCG, which needs a subsidy, and the Threshold rule, which does not.

By VCG each trader gets back what the others gain by its being there, its *discount*. The
discounts together may exceed the surplus, and somebody must pay the difference: no mechanism
is efficient, truthful, individually rational and balanced at once (R. Myerson and
M. Satterthwaite, Journal of Economic Theory 29, 1983). The Threshold rule cuts all discounts
by the same amount, down to 0, until the surplus suffices: of all balanced payments in which
nobody loses it has the least greatest distance to VCG (D. Parkes, J. Kalagnanam, M. Eso,
Achieving Budget-Balance with Vickrey-Based Payment Schemes in Exchanges, IJCAI 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

__all__ = ["threshold", "vcg_discounts"]


def vcg_discounts(surplus: int, without: Sequence[int]) -> tuple[int, ...]:
    """Return what each trader gains by VCG.

    Args:
        surplus: The value of the best trades.
        without: The value of the best trades without each trader.
    """
    return tuple(min(max(0, surplus - value), surplus) for value in without)


def threshold(surplus: int, discounts: Sequence[int]) -> Fraction:
    """Return the least cut of discounts, none below 0, that a surplus of 0 or more suffices for.

    The work grows with n log n of the traders.
    """
    total = sum(discounts)
    if total <= surplus:
        return Fraction(0)
    bearers = sorted(discounts, reverse=True)
    # Who has less than the cut gets nothing; the others bear it in equal parts.
    while Fraction(total - surplus, len(bearers)) > bearers[-1]:
        total -= bearers.pop()
    return Fraction(total - surplus, len(bearers))
