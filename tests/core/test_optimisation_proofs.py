"""Decisions of optimisations are proved, and whatever is said, they come to one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from mabeam.core.consensus import ConsensusDecided
from mabeam.core.decider import fold
from mabeam.core.errors import Rejected
from mabeam.core.optimisation import (
    OPTIMISATION,
    Assigned,
    Constraint,
    CostsDeclared,
    Move,
    MoveProposed,
    OptimisationDecided,
    OptimisationOpened,
    PassedOn,
    RoundPlayed,
)
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Alternative,
    Considered,
    Decision,
    Hearing,
    hearing,
)
from mabeam.core.testing import (
    Said,
    evolving_is_total,
    folding_can_be_interrupted,
    history,
    reacting_ends,
    said,
)
from support.optimisations import (
    APART,
    COSTS,
    declares,
    heard,
    opening,
)


class TestVerifying:
    HEARD = heard(opening(), *COSTS)
    DECISION = cast("OptimisationDecided", OPTIMISATION.decide(HEARD))

    def refused(self, **changed: object) -> str:
        with pytest.raises(Rejected) as caught:
            OPTIMISATION.verify(self.HEARD, msgspec.structs.replace(self.DECISION, **changed))
        assert caught.value.code == "optimisation.certificate"
        return caught.value.field

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"rule": Policy("mgm")}, "rule"),
            ({"considered": Considered(1, 9)}, "considered"),
            ({"superseded": 1}, "superseded"),
            ({"rounds": 1}, "rounds"),
            ({"width": 2}, "width"),
            ({"bound": Decimal(1)}, "bound"),
            ({"bound": None}, "bound"),
            ({"cost": Decimal(1)}, "cost"),
            ({"cost": None}, "cost"),
            ({"status": "bounded"}, "status"),
            ({"charged": (Decimal(0),)}, "charged"),
            ({"assignment": ()}, "assignment"),
            (
                {"assignment": (Assigned("x", "B"), Assigned("y", "R"), Assigned("z", "G"))},
                "value of x",
            ),
            (
                {"assignment": (Assigned("x", "R"), Assigned("y", "G"), Assigned("z", "R"))},
                "charged",
            ),
            ({"outcome": "no_quorum"}, "assignment"),
            ({"outcome": "default_taken"}, "outcome"),
            ({"proof": ()}, "tables"),
            ({"alternatives": (Alternative("eve", "x", 3, "not_eligible"),)}, "alternatives"),
            (
                {
                    "assignment": tuple(Assigned(name, "R") for name in "xyz"),
                    "charged": (Decimal(5), Decimal(1), Decimal(5)),
                    "cost": Decimal(11),
                    "status": "bounded",
                },
                "status",
            ),
            (
                {
                    "outcome": "no_quorum",
                    "status": "unsolved",
                    "assignment": (),
                    "cost": None,
                    "charged": (),
                },
                "status",
            ),
        ],
        ids=str,
    )
    def test_no_field_can_be_changed(self, changed: dict[str, Any], field: str) -> None:
        assert self.refused(**changed) == field

    @pytest.mark.parametrize("cost", ["1e999999", "NaN", "0.5"])
    def test_a_proof_is_of_whole_numbers_of_sane_size(self, cost: str) -> None:
        first, *others = self.DECISION.proof
        forged = msgspec.structs.replace(first, costs=(Decimal(cost), *first.costs[1:]))
        assert self.refused(proof=(forged, *others)) == "proof"

    def test_nothing_is_decided_without_a_quorum(self) -> None:
        closed = heard(opening(quorum=3))
        with pytest.raises(Rejected, match="outcome"):
            OPTIMISATION.verify(
                closed, msgspec.structs.replace(self.DECISION, considered=closed.considered)
            )

    @pytest.mark.parametrize(
        "forged", [{"agent": "bob"}, {"said": "nothing"}, {"position": 9}, {"reason": "invalid"}]
    )
    def test_who_was_not_enough_is_listed(self, forged: dict[str, Any]) -> None:
        closed = heard(opening(quorum=3), *COSTS[:1])
        decision = cast("OptimisationDecided", OPTIMISATION.decide(closed))
        (lost,) = decision.alternatives
        other = msgspec.structs.replace(lost, **forged)
        with pytest.raises(Rejected, match="alternatives"):
            OPTIMISATION.verify(closed, msgspec.structs.replace(decision, alternatives=(other,)))

    def test_another_decision_is_none(self) -> None:
        other = ConsensusDecided(outcome="decided", rule=Policy("x"), considered=Considered(1, 2))
        with pytest.raises(Rejected, match="ConsensusDecided"):
            OPTIMISATION.verify(self.HEARD, other)

    def test_forbidden_combinations_are_no_assignment(self) -> None:
        table = (Constraint(("x", "y"), (None, Decimal(0), Decimal(0), None)),)
        closed = heard(opening(constraints=table), declares("ann"))
        decision = cast("OptimisationDecided", OPTIMISATION.decide(closed))
        same = tuple(Assigned(name, "R") for name in "xyz")
        with pytest.raises(Rejected, match="not forbidden"):
            OPTIMISATION.verify(closed, msgspec.structs.replace(decision, assignment=same))

    def test_what_the_agents_found_is_what_is_decided(self) -> None:
        closed = heard(opening("mgm"), *COSTS)
        decision = cast("OptimisationDecided", OPTIMISATION.decide(closed))
        better = msgspec.structs.replace(
            decision,
            assignment=self.DECISION.assignment,
            cost=self.DECISION.cost,
            charged=self.DECISION.charged,
            status="optimal",
        )
        with pytest.raises(Rejected, match="assignment"):
            OPTIMISATION.verify(closed, better)
        nothing = msgspec.structs.replace(
            decision, outcome="no_quorum", status="unsolved", assignment=(), cost=None, charged=()
        )
        with pytest.raises(Rejected, match="assignment"):
            OPTIMISATION.verify(closed, nothing)


WORDS = st.one_of(
    st.builds(
        CostsDeclared,
        constraints=st.lists(
            st.sampled_from(
                [
                    Constraint(("x",), APART[:2]),
                    Constraint(("x", "y"), APART),
                    Constraint(("z",), (None, None)),
                ]
            ),
            max_size=2,
        ).map(tuple),
    ),
    st.builds(
        MoveProposed,
        round=st.integers(0, 3),
        moves=st.lists(
            st.builds(
                Move,
                st.sampled_from("xyzw"),
                st.sampled_from("RGB"),
                st.integers(0, 6).map(Decimal),
            ),
            max_size=2,
        ).map(tuple),
    ),
    st.builds(
        RoundPlayed,
        round=st.integers(0, 3),
        moved=st.lists(st.builds(Assigned, st.sampled_from("xyzw"), st.sampled_from("RGB"))).map(
            tuple
        ),
    ),
)
ACTORS = st.sampled_from(["ann", "bob", "cyd", "eve", "coordinator"])


class TestLaws:
    """Whatever is said, by whomever: folds go on, the reactor comes to rest, and it is proved."""

    @settings(max_examples=60)
    @hypothesis_given(
        st.sampled_from(["bucket_elimination", "mgm", "dsa"]),
        st.lists(st.builds(said, WORDS, ACTORS), max_size=10),
        st.sampled_from([0, 10**30]),
    )
    def test_every_history_ends_and_is_proved(
        self, rule: str, past: list[Said], now_ns: int
    ) -> None:
        log = history(opening(rule), *past)
        evolving_is_total(SESSION, log)
        folding_can_be_interrupted(SESSION, log)
        ended = reacting_ends(SESSIONS, lambda one: fold(SESSION, one), log, "it", now_ns=now_ns)
        state = fold(SESSION, ended).state
        if now_ns:
            assert state.phase == "ended"
        decision = state.decision
        if isinstance(decision, Decision):
            found = cast("Hearing[OptimisationOpened]", hearing("it", state))
            OPTIMISATION.verify(found, decision)


def test_numbers_of_a_proof_stand_in_their_event_as_decimals() -> None:
    (first, *_) = TestVerifying.DECISION.proof
    assert isinstance(first, PassedOn)
    assert all(cost == cost.to_integral_value() for cost in first.costs)
