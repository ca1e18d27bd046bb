"""Weights of which none outweighs a declared share of all."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import gcd, lcm

__all__ = ["capped"]


def capped(weights: Mapping[str, int], share_max: Fraction) -> dict[str, int]:
    """Return weights in the declared proportions, but none above a share of their sum.

    The heaviest are lowered to one common weight, which then is exactly that share of the new
    sum; the others keep their proportions among themselves and to it. If nobody may weigh as
    much as an equal share, all weigh the same. The work grows with n log n.

    >>> capped({"ann": 8, "ben": 1, "cho": 1}, Fraction(1, 2))
    {'ann': 2, 'ben': 1, 'cho': 1}

    Args:
        weights: Weight of each, 1 or more.
        share_max: Above 0, at most 1.

    Returns:
        The least whole numbers in these proportions, by name.
    """
    heaviest = sorted(weights.values(), reverse=True)
    rest = sum(heaviest)
    cap = Fraction(max(heaviest, default=1))
    for count, weight in enumerate(heaviest):
        # With so many lowered, the others hold what remains of the sum.
        free = 1 - share_max * count
        if weight * free <= share_max * rest:
            if count:
                cap = share_max * rest / free
            break
        rest -= weight
    else:
        return dict.fromkeys(weights, 1)
    lowered = {name: min(Fraction(weight), cap) for name, weight in weights.items()}
    scale = lcm(*(weight.denominator for weight in lowered.values()))
    whole = {name: int(weight * scale) for name, weight in lowered.items()}
    divisor = gcd(*whole.values())
    return {name: weight // divisor for name, weight in whole.items()}
