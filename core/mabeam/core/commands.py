"""Commands that entities of one kind send to those of another.

They stand by themselves, so that neither kind has to import the other's reactor.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import Event

__all__ = ["ApplyDecision", "OpenSession", "Outcome", "SessionEnded"]

Outcome: TypeAlias = Literal[
    "decided", "no_quorum", "tie_unresolved", "default_taken", "cancelled", "failed"
]
"""How a session ends: by exactly one of these."""


class ApplyDecision(msgspec.Struct, frozen=True):
    """Let a session's decision become the value of a variable.

    Attributes:
        session: Name of the session.
        decided_at: Position of its decision. Decisions apply in the order of the log.
        value: What was decided: a number as decimal, or a text such as a winner's name.
    """

    session: str
    decided_at: int
    value: Decimal | str


class OpenSession(msgspec.Struct, frozen=True):
    """Open a session for another entity, unless it is open already.

    Attributes:
        opening: What is asked, an opening event with the entity as its ``parent``.
    """

    opening: Event


class SessionEnded(msgspec.Struct, frozen=True):
    """Tell an entity that a session which was opened for it has ended.

    Attributes:
        session: Name of the session.
        outcome: How it ended.
        result: What it came to, or None.
        support: The share of the weight heard behind it, or None where its protocol knows none.
        decided_at: Position of its end.
    """

    session: str
    outcome: Outcome
    result: Decimal | str | None
    support: Fraction | None
    decided_at: int
