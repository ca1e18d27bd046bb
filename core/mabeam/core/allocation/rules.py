"""What the protocols of task allocation share: their bounds, and how proposals are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from mabeam.core.allocation.awards import Proposal
from mabeam.core.checking import check_text, check_within
from mabeam.core.policies import Policies

__all__ = [
    "AWARD_RULES",
    "CAPABILITIES_MAX",
    "COST_MAX",
    "TEXT_LENGTH_MAX",
    "NoParameters",
    "check_capabilities",
]

COST_MAX: Final = 2**53 - 1
"""The largest amount that every JSON parser reads exactly (RFC 8259, section 6)."""

TEXT_LENGTH_MAX: Final = 4_000
CAPABILITIES_MAX: Final = 50
NAME_LENGTH_MAX: Final = 100


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


AWARD_RULES: Policies[[Proposal], tuple[int, ...]] = Policies("rule of awards")
"""What proposals are compared by; the least is best."""


@AWARD_RULES.register("lowest_cost", 1, NoParameters)
def _lowest_cost(parameters: NoParameters, proposal: Proposal) -> tuple[int, ...]:  # noqa: ARG001 - it has none
    return (proposal.cost,)


@AWARD_RULES.register("best_score", 1, NoParameters)
def _best_score(parameters: NoParameters, proposal: Proposal) -> tuple[int, ...]:  # noqa: ARG001 - it has none
    return (-proposal.score, proposal.cost)


def check_capabilities(field: str, capabilities: Sequence[str]) -> None:
    """Refuse too many capabilities, or one whose name is empty or too long.

    Raises:
        Rejected: The error names the field.
    """
    check_within("task.capabilities", field, len(capabilities), 0, CAPABILITIES_MAX)
    for capability in capabilities:
        check_text("task.capabilities", field, capability, NAME_LENGTH_MAX, least=1)
