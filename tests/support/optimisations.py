"""Three agents on a path, and their sessions in one line."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

import msgspec

from mabeam.core.optimisation import (
    OPTIMISATION,
    Constraint,
    CostsDeclared,
    MoveProposed,
    OptimisationDecided,
    OptimisationOpened,
    Progress,
    Variable,
    moves_of,
)
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Closed,
    Hearing,
    Participant,
    hearing,
)
from mabeam.core.testing import (
    Past,
    Said,
    given,
    said,
)

__all__ = [
    "APART",
    "CLOSED",
    "COSTS",
    "RULES",
    "chosen",
    "decided",
    "declares",
    "heard",
    "opening",
    "played",
    "progress_of",
    "reasons",
]


CLOSED = Closed(reason="deadline")
APART = tuple(map(Decimal, (5, 0, 0, 5)))
RULES = {
    "mgm": Policy("mgm", 1, {"rounds": 5, "round_ms": 1000}),
    "dsa": Policy("dsa", 1, {"rounds": 5, "round_ms": 1000, "probability": "0.9"}),
}


def opening(rule: str | Policy = "bucket_elimination", **fields: object) -> OptimisationOpened:
    """Return three agents on a path, who want neighbours to differ."""
    usual = OptimisationOpened(
        variables=tuple(
            Variable(name, ("R", "G"), agent)
            for name, agent in (("x", "ann"), ("y", "bob"), ("z", "cyd"))
        ),
        participants=(Participant("ann"), Participant("bob"), Participant("cyd")),
        rule=RULES.get(rule, Policy(rule)) if isinstance(rule, str) else rule,
    )
    return msgspec.structs.replace(usual, **fields)


def declares(agent: str, *constraints: Constraint) -> Said:
    return said(CostsDeclared(constraints=constraints), agent)


COSTS = (
    declares("ann", Constraint(("x", "y"), APART), Constraint(("x",), (Decimal(1), Decimal(0)))),
    declares("bob", Constraint(("y", "z"), APART)),
    declares("cyd"),
)


def heard(opened: OptimisationOpened, *past: Past) -> Hearing[OptimisationOpened]:
    state = given(SESSION, opened, *past, CLOSED).state
    return cast("Hearing[OptimisationOpened]", hearing("s", state))


def decided(opened: OptimisationOpened, *past: Past) -> OptimisationDecided:
    """Decide a closed session, and let the certificate prove it."""
    found = heard(opened, *past)
    decision = OPTIMISATION.decide(found)
    assert isinstance(decision, OptimisationDecided)
    OPTIMISATION.verify(found, decision)
    return decision


def progress_of(opened: OptimisationOpened, *past: Past) -> Progress:
    return cast("Progress", given(SESSION, opened, *past).state.course)


def reasons(opened: OptimisationOpened, *past: Past) -> dict[str, str]:
    refused = given(SESSION, opened, *past).state.refused
    return {agent: refusal.reason.partition(":")[0] for agent, refusal in refused.items()}


def chosen(decision: OptimisationDecided) -> str:
    return "".join(one.value for one in decision.assignment)


def played(opened: OptimisationOpened, *past: Past, mute: str = "") -> list[Past]:
    """Return a session in which all move as they should until it is complete."""
    log: list[Past] = [opened, *past]
    while True:
        state = given(SESSION, *log).state
        now_ns = 0 if not mute else 10**9 * (len(log) + 2) * 10
        due = OPTIMISATION.course.due(opened, state.course, now_ns) if OPTIMISATION.course else None
        assert due is not None
        if due.close:
            return log
        if due.announce is not None:
            log.append(said(due.announce, "coordinator"))
            continue
        for participant in opened.participants:
            if participant.agent != mute:
                moves = moves_of(opened, state.course, participant.agent)
                word = MoveProposed(round=state.course.round, moves=moves)
                log.append(said(word, participant.agent))
