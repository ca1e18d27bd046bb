"""Facts of optimisation in a team. Names and fields are on disk: add, never change."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import event_type
from mabeam.core.optimisation.model import Assigned, Constraint, Objective, Variable
from mabeam.core.policies import Policy
from mabeam.core.session.events import Announcement, Decision, Opening, Speech

__all__ = [
    "CostsDeclared",
    "Move",
    "MoveProposed",
    "OptimisationDecided",
    "OptimisationOpened",
    "OptimisationSpeech",
    "PassedOn",
    "RoundPlayed",
    "Status",
]

Status: TypeAlias = Literal["optimal", "bounded", "infeasible", "unsolved", "unheard"]


@event_type("mabeam.optimisation.opened.v1", kind="session")
class OptimisationOpened(Opening, frozen=True, kw_only=True):
    """Agents choose values for variables that share constraints.

    Attributes:
        variables: What is to be chosen, and by whom. Each participant has at least one.
        constraints: What combinations cost, as far as the opener knows.
        objective: Whether the sum of the costs is to be least or greatest.
        question: What it is about, for people.
    """

    variables: tuple[Variable, ...]
    constraints: tuple[Constraint, ...] = ()
    objective: Objective = "min"
    question: str = ""
    rule: Policy = Policy("bucket_elimination")


class OptimisationSpeech(Speech, frozen=True, kw_only=True):
    """Base of what agents say when they optimise."""


@event_type("mabeam.optimisation.costs_declared.v1", kind="session")
class CostsDeclared(OptimisationSpeech, frozen=True, kw_only=True):
    """What an agent knows of the costs. Each constraint is about a variable of its own.

    Attributes:
        constraints: The constraints; none is an answer too. A later word replaces it.
    """

    constraints: tuple[Constraint, ...] = ()


class Move(msgspec.Struct, frozen=True, gc=False):
    """What an agent would change.

    Attributes:
        variable: One of its variables.
        value: The value that it would take.
        gain: By how much the total improves if nothing else moves; a broken constraint counts
            the penalty of the problem.
    """

    variable: str
    value: str
    gain: Decimal


@event_type("mabeam.optimisation.move_proposed.v1", kind="session")
class MoveProposed(OptimisationSpeech, frozen=True, kw_only=True):
    """What an agent would change in a round: its one word in it.

    Attributes:
        round: Number of the round.
        moves: At most one for each of its variables; none to stay.
    """

    round: int
    moves: tuple[Move, ...] = ()


@event_type("mabeam.optimisation.round_played.v1", kind="session")
class RoundPlayed(Announcement, frozen=True, kw_only=True):
    """A round is over. Said by protocol code alone.

    Attributes:
        round: Its number; in round 0 costs are declared, and nothing moves.
        moved: The variables that took another value.
        cost: Sum of the costs of the assignment now, those of broken constraints left out.
        violated: How many constraints it breaks.
        penalty: What a broken constraint counts in gains.
    """

    round: int
    moved: tuple[Assigned, ...] = ()
    cost: Decimal = Decimal(0)
    violated: int = 0
    penalty: Decimal = Decimal(0)


class PassedOn(msgspec.Struct, frozen=True, gc=False):
    """Constraints taken together, and what they cost at least whatever one variable is.

    Attributes:
        variable: Number of that variable, from 0.
        constraints: Numbers of the constraints: those of the opening, then those declared, by
            the agents' names.
        messages: Numbers of earlier ones of these, whose costs are in it.
        scope: Numbers of the variables on which the least cost depends, ascending.
        costs: The least cost of each combination of them, in whole millionths, negated where
            the greatest sum is sought.
    """

    variable: int
    constraints: tuple[int, ...]
    messages: tuple[int, ...]
    scope: tuple[int, ...]
    costs: tuple[Decimal, ...]


@event_type("mabeam.optimisation.decided.v1", kind="session")
class OptimisationDecided(Decision, frozen=True, kw_only=True):
    """Which values the variables take. Said by protocol code alone.

    Attributes:
        status: ``optimal``: the cost equals the bound, so nothing is better. ``bounded``: the
            truth lies between cost and bound. ``infeasible``: every assignment breaks a
            constraint, as the certificate proves. ``unsolved``: none was found that breaks
            none. ``unheard``: the quorum was missed.
        assignment: The value of each variable; none unless it is decided.
        cost: Sum of the costs of the assignment, or None.
        bound: No assignment that breaks nothing is better than this, or None.
        rounds: How many rounds of moves were played.
        width: On how many variables a message of the proof depends at most; where elimination is
            exact, the induced width.
        charged: Certificate: what each constraint charges for the assignment, in their order.
        proof: Certificate: the constraints written anew so that the bound is seen.
    """

    status: Status
    assignment: tuple[Assigned, ...] = ()
    cost: Decimal | None = None
    bound: Decimal | None = None
    rounds: int = 0
    width: int = 0
    charged: tuple[Decimal, ...] = ()
    proof: tuple[PassedOn, ...] = ()
