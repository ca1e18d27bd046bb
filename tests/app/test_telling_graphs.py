"""What is said in optimisations and in hierarchies, in words."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pytest

from mabeam.app.telling.events import told
from mabeam.core.events import Event
from mabeam.core.hierarchy import (
    Delegated,
    Delegation,
    Escalated,
    GivenUp,
    HierarchyDecided,
    HierarchyOpened,
    LossReported,
    Node,
    RepresentativeReplaced,
    Ruled,
    Settled,
    Step,
)
from mabeam.core.optimisation import (
    Assigned,
    Constraint,
    CostsDeclared,
    Move,
    MoveProposed,
    OptimisationDecided,
    OptimisationOpened,
    RoundPlayed,
    Variable,
)
from mabeam.core.policies import Policy
from mabeam.core.session.events import Considered, Participant

_XY: Final = (Variable("x", ("R", "G"), "ann"), Variable("y", ("R", "G"), "bob"))
_RULE: Final = Policy("bucket_elimination")
_AT: Final = Considered(1, 5)

_TOP: Final = Node("top", (Participant("ann"), Participant("bob")))


def _decided(by: Settled, steps: int) -> HierarchyDecided:
    return HierarchyDecided(
        outcome="decided",
        rule=Policy("lowest_authority"),
        considered=_AT,
        value="go",
        node="top",
        by=by,
        steps=(Step("top", ""),) * steps,
    )


_ASKED_AT_TOP: Final = (
    "asks a hierarchy of 1 nodes at top about money, stake 5,000, each to decide by poll;"
    " else 'no' holds"
)

SAID: Final[list[tuple[Event, str]]] = [
    (
        OptimisationOpened(variables=_XY),
        "asks ann x and bob y: the least sum of costs, by bucket elimination",
    ),
    (
        OptimisationOpened(variables=_XY, objective="max"),
        "asks ann x and bob y: the greatest sum, by bucket elimination",
    ),
    (
        OptimisationOpened(variables=_XY, question="which colours", rule=Policy("mgm")),
        "asks ann x and bob y: which colours, by mgm",
    ),
    (CostsDeclared(), "knows of no costs"),
    (
        CostsDeclared(constraints=(Constraint(("x", "y"), ()), Constraint(("x",), ()))),
        "declares costs of x and y; x",
    ),
    (MoveProposed(round=1), "stays as it is"),
    (
        MoveProposed(round=1, moves=(Move("x", "G", Decimal(5)),)),
        "would take x = G, gaining 5",
    ),
    (RoundPlayed(round=0, cost=Decimal(3)), "closes round 0: nothing moves, cost 3"),
    (
        RoundPlayed(round=2, moved=(Assigned("x", "G"),), cost=Decimal(3), violated=1),
        "closes round 2: x = G, cost 3, 1 broken",
    ),
    (
        OptimisationDecided(
            outcome="decided",
            rule=_RULE,
            considered=_AT,
            status="optimal",
            assignment=(Assigned("x", "R"), Assigned("y", "G")),
            cost=Decimal(0),
            bound=Decimal(0),
        ),
        "decides x = R and y = G at 0, proved the best",
    ),
    (
        OptimisationDecided(
            outcome="decided",
            rule=_RULE,
            considered=_AT,
            status="bounded",
            assignment=(Assigned("x", "R"),),
            cost=Decimal(5),
            bound=Decimal(3),
        ),
        "decides x = R at 5, and nothing is better than 3",
    ),
    (
        OptimisationDecided(outcome="no_quorum", rule=_RULE, considered=_AT, status="infeasible"),
        "decides nothing: every assignment breaks a constraint",
    ),
    (
        HierarchyOpened(nodes=(_TOP,), protocol="consensus", default="1"),
        "asks a hierarchy of 1 nodes, stake 0, each to decide by consensus; else '1' holds",
    ),
    (
        HierarchyOpened(
            nodes=(_TOP,), protocol="poll", default="no", at="top", subject="money", stake=5000
        ),
        _ASKED_AT_TOP,
    ),
    (Ruled(value="go", note="urgent"), "rules go (urgent)"),
    (LossReported(agent="bob"), "reports that bob is gone"),
    (Delegated(to=(Delegation("top", _TOP.members),)), "delegates to top (ann, bob)"),
    (
        Escalated(origin="east", to="top", reason="low_confidence"),
        "escalates from east to top: low confidence",
    ),
    (GivenUp(nodes=("east",)), "gives up on east, who did not answer in time"),
    (
        RepresentativeReplaced(agent="ann", successor="bob"),
        "puts bob in the place of ann, who is gone",
    ),
    (
        RepresentativeReplaced(agent="ann", successor=""),
        "puts nobody in the place of ann, who is gone",
    ),
    (_decided("node", 2), "decides go, as top has decided, 1 up"),
    (_decided("ruling", 1), "decides go, as top has decided by its representative"),
    (_decided("default", 1), "decides go by default, for top did not decide"),
]


@pytest.mark.parametrize(("event", "words"), SAID, ids=[words for _, words in SAID])
def test_an_event_is_half_a_sentence_after_its_actor(event: Event, words: str) -> None:
    assert told(event) == words
