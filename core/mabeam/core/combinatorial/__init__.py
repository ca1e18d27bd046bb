"""Combinatorial auctions: bundles of goods, winners determined exactly, payments in the core."""

from mabeam.core.combinatorial.bounds import ascend, bound_by
from mabeam.core.combinatorial.certificate import Claim
from mabeam.core.combinatorial.clearing import (
    ClearingProblem,
    ClearingSolution,
    Marginal,
    clear,
    clear_exactly,
    clear_greedily,
)
from mabeam.core.combinatorial.core_prices import Block, CoreSearch, core_payments
from mabeam.core.combinatorial.events import (
    Award,
    BidsPlaced,
    BundleRef,
    BundlesAwarded,
    BundlesOffered,
    Coalition,
    CoreProof,
    Economy,
    Multipliers,
    Payment,
)
from mabeam.core.combinatorial.language import Bundle, Good
from mabeam.core.combinatorial.nearest import Demand, Nearest, nearest, objection_to_payments
from mabeam.core.combinatorial.pricing import PRICINGS, Pricing
from mabeam.core.combinatorial.protocol import COMBINATORIAL_AUCTION
from mabeam.core.combinatorial.search import exact, search
from mabeam.core.combinatorial.verification import examine
from mabeam.core.combinatorial.winners import (
    AtomicBid,
    Found,
    WinnerProblem,
    completed,
    greedy,
    objection_to,
    value_of,
)

__all__ = [
    "COMBINATORIAL_AUCTION",
    "PRICINGS",
    "AtomicBid",
    "Award",
    "BidsPlaced",
    "Block",
    "Bundle",
    "BundleRef",
    "BundlesAwarded",
    "BundlesOffered",
    "Claim",
    "ClearingProblem",
    "ClearingSolution",
    "Coalition",
    "CoreProof",
    "CoreSearch",
    "Demand",
    "Economy",
    "Found",
    "Good",
    "Marginal",
    "Multipliers",
    "Nearest",
    "Payment",
    "Pricing",
    "WinnerProblem",
    "ascend",
    "bound_by",
    "clear",
    "clear_exactly",
    "clear_greedily",
    "completed",
    "core_payments",
    "exact",
    "examine",
    "greedy",
    "nearest",
    "objection_to",
    "objection_to_payments",
    "search",
    "value_of",
]
