"""Pricing rules of bundle exchanges, by registered name and version."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import msgspec

from mabeam.core.bundle_exchange.threshold import threshold
from mabeam.core.policies import Policies

__all__ = ["EXCHANGE_PRICINGS"]

EXCHANGE_PRICINGS: Final[Policies[[int, Sequence[int]], Fraction]] = Policies(
    "pricing rule of exchanges"
)
"""By how much discounts are cut, from the surplus and the discounts of VCG."""


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


@EXCHANGE_PRICINGS.register("threshold", 1, NoParameters)
def _threshold(
    parameters: NoParameters,  # noqa: ARG001 - it has none
    surplus: int,
    discounts: Sequence[int],
) -> Fraction:
    return threshold(surplus, discounts)
