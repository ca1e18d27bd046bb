"""What the protocols of negotiation share: their bounds, their rules, how they are checked."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from mabeam.core.checking import check_within
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policies, Policy
from mabeam.core.session.events import Decision, Opening

__all__ = [
    "CERTIFICATE",
    "MS_MAX",
    "PARTIES_MAX",
    "RULES",
    "agreed",
    "check_parties",
    "check_rounds",
]

PARTIES_MAX: Final = 20
ROUNDS_MAX: Final = 10_000
MS_MAX: Final = 366 * 24 * 3600 * 1000
CERTIFICATE: Final = "negotiation.certificate"

RULES: Policies[[], str] = Policies("rule of negotiation")
"""The rules by name; each returns the name of the protocol that it belongs to."""


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


_UNANIMOUS: Final = ("negotiation", "single_text")
"""Here all parties must agree, so a quorum of some of them would mean nothing."""


def _register(name: str, protocol: str) -> None:
    def of(parameters: NoParameters) -> str:  # noqa: ARG001 - it has none
        return protocol

    RULES.register(name, 1, NoParameters)(of)


for _name, _protocol in (
    ("alternating_offers", "negotiation"),
    ("single_text", "single_text"),
    ("nash", "bargaining"),
    ("kalai", "bargaining"),
    ("kalai_smorodinsky", "bargaining"),
    ("max_welfare", "bargaining"),
    ("proportional_concession", "resource"),
):
    _register(_name, _protocol)


def check_parties(opening: Opening, protocol: str) -> None:
    """Refuse an opening whose rule is another protocol's, or with too few or many parties.

    Raises:
        Rejected: The error names the field.
    """
    check_rule(opening.rule, protocol)
    check_within("negotiation.parties", "participants", len(opening.participants), 2, PARTIES_MAX)
    if protocol in _UNANIMOUS:
        check_within("negotiation.quorum", "quorum", opening.quorum, 0, 0)


def check_rule(rule: Policy, protocol: str) -> None:
    """Refuse a rule that is unknown or another protocol's.

    Raises:
        Rejected: The error names the rule.
    """
    if RULES.find(rule)() != protocol:
        raise Rejected(
            "policy.unknown",
            f"no rule of a {protocol}",
            field="rule",
            value=rule.name,
            allowed=", ".join(
                n for n, v in RULES.known() if RULES.find(Policy(n, v))() == protocol
            ),
        )


def check_rounds(rounds: int, field: str, duration_ms: int) -> None:
    """Refuse a number of rounds, or a duration of each, that is out of range.

    Raises:
        Rejected: The error names the field.
    """
    check_within("negotiation.rounds", "rounds", rounds, 1, ROUNDS_MAX)
    check_within("negotiation.duration", field, duration_ms, 1, MS_MAX)


def agreed(
    decision: Decision, agreement: Iterable[str], number: Decimal | None
) -> Decimal | str | None:
    """Return what an agreement makes of the variable at stake: its number, or its text."""
    if decision.outcome != "decided":
        return None
    return number if number is not None else ", ".join(agreement)
