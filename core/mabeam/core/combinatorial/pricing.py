"""Pricing rules of combinatorial auctions, by registered name and version."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from mabeam.core.policies import Policies

__all__ = ["PRICINGS", "Applied", "Pricing"]

Applied: TypeAlias = Literal["pay_as_bid", "vcg", "core"]


class Pricing(msgspec.Struct, frozen=True):
    """What winners pay.

    Attributes:
        applied: The rule.
        fallback: The rule in its stead where something that it needs was not proved.
    """

    applied: Applied
    fallback: Literal["pay_as_bid", "core"]


PRICINGS: Final[Policies[[], Pricing]] = Policies("pricing rule of bundles")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


class VcgParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the rule takes.

    Attributes:
        fallback: What winners pay if an optimum that VCG needs was not proved.
    """

    fallback: Literal["pay_as_bid", "core"] = "pay_as_bid"


@PRICINGS.register("pay_as_bid", 1, NoParameters)
def _pay_as_bid(parameters: NoParameters) -> Pricing:  # noqa: ARG001 - it has none
    return Pricing("pay_as_bid", "pay_as_bid")


@PRICINGS.register("vcg", 1, VcgParameters)
def _vcg(parameters: VcgParameters) -> Pricing:
    return Pricing("vcg", parameters.fallback)


@PRICINGS.register("core", 1, NoParameters)
def _core(parameters: NoParameters) -> Pricing:  # noqa: ARG001 - it has none
    return Pricing("core", "pay_as_bid")
