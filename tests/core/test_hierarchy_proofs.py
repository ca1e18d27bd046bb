"""Decisions of hierarchies are proved, and whatever is said, they come to one."""

from __future__ import annotations

from collections.abc import Iterator
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
from mabeam.core.hierarchy import (
    HIERARCHY,
    Escalated,
    GivenUp,
    HierarchyDecided,
    HierarchyOpened,
    LossReported,
    RepresentativeReplaced,
    Ruled,
    Step,
    depth,
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
    Past,
    Said,
    evolving_is_total,
    folding_can_be_interrupted,
    history,
    reacting_ends,
    said,
)
from support.hierarchies import (
    MS,
    asks,
    decided,
    ends,
    from_coordinator,
    heard,
    opening,
)
from support.polls import polls


@pytest.fixture(autouse=True)
def poll() -> Iterator[None]:
    with polls():
        yield


class TestVerifying:
    PAST = from_coordinator(
        asks("east"),
        ends("east", "no_quorum"),
        Escalated(origin="east", to="top", reason="no_quorum"),
        asks("top"),
        ends("top", result="go", support="2/3"),
    )
    ASKED = opening(support_min=Decimal("0.5"))

    def refused(self, past: list[Past], opened: HierarchyOpened, **changed: object) -> str:
        closed = heard(opened, *past)
        decision = cast("HierarchyDecided", HIERARCHY.decide(closed))
        with pytest.raises(Rejected) as caught:
            HIERARCHY.verify(closed, msgspec.structs.replace(decision, **changed))
        assert caught.value.code == "hierarchy.certificate"
        return caught.value.field

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"rule": Policy("other")}, "rule"),
            ({"considered": Considered(1, 99)}, "considered"),
            ({"superseded": 1}, "superseded"),
            ({"is_number": True}, "is_number"),
            ({"outcome": "default_taken"}, "outcome"),
            ({"value": "stop"}, "value"),
            ({"node": "east"}, "node"),
            ({"by": "ruling"}, "by"),
            ({"by": "default"}, "by"),
            ({"steps": ()}, "steps"),
            ({"steps": (Step("north", ""),)}, "steps"),
            ({"steps": (Step("top", "decided", "go", "2/3"),)}, "steps"),
            ({"steps": (Step("west", "", reason="x"),)}, "steps"),
            ({"steps": (Step("east", "no_quorum", "", "1"),) * 2}, "steps"),
            (
                {
                    "steps": (
                        Step("east", "no_quorum", "", "1"),
                        Step("top", "decided", "go", "2/3"),
                    )
                },
                "steps",
            ),
            (
                {
                    "steps": (
                        Step("east", "decided", "", "1", "no_quorum"),
                        Step("top", "decided", "go", "2/3"),
                    )
                },
                "steps",
            ),
            (
                {
                    "steps": (
                        Step("east", "no_quorum", "", "1", "x"),
                        Step("top", "decided", "go", "2/3", "x"),
                    )
                },
                "steps",
            ),
            (
                {
                    "steps": (
                        Step("east", "no_quorum", "", "1", "timeout"),
                        Step("top", "decided", "go", "2/3"),
                    )
                },
                "steps",
            ),
            ({"alternatives": (Alternative("eve", "stop", 3, "not_eligible"),)}, "alternatives"),
        ],
        ids=[f"change{n}" for n in range(19)],
    )
    def test_no_field_can_be_changed(self, changed: dict[str, Any], field: str) -> None:
        assert self.refused(self.PAST, self.ASKED, **changed) == field

    def test_a_node_outside_its_mandate_proves_nothing(self) -> None:
        past = from_coordinator(asks("top"), ends("top", result="go"))
        step = Step("east", "", reason="x")
        assert self.refused(past, opening(stake=11), steps=(step,)) == "steps"
        assert self.refused(past, opening(stake=11, at=""), steps=(step,)) == "steps"
        lower = from_coordinator(asks("east"), ends("east", result="go"))
        other = Step("west", "", reason="x")
        assert self.refused(lower, opening(at=""), steps=(other,)) == "steps"

    @pytest.mark.parametrize("support", ["1/3", "1/0", "much"])
    def test_too_little_support_proves_nothing(self, support: str) -> None:
        past = from_coordinator(asks("east"), ends("east", result="go", support=support))
        step = Step("east", "decided", "go", support)
        changed = {"by": "node", "outcome": "decided", "value": "go", "node": "east"}
        assert self.refused(past, self.ASKED, steps=(step,), **changed) == "steps"

    @pytest.mark.parametrize(
        "steps",
        [
            (Step("east", "decided", "go", "2/3", "low_confidence"),),
            (
                Step("east", "decided", "go", "2/3", "low_confidence"),
                Step("top", "", reason="unfinished"),
            ),
        ],
        ids=["as if it had not", "as if it had gone up"],
    )
    def test_what_a_node_has_decided_is_not_passed_over(self, steps: tuple[Step, ...]) -> None:
        past = from_coordinator(asks("east"), ends("east", result="go", support="2/3"))
        changed = {"by": "default", "outcome": "default_taken", "value": "wait", "node": "top"}
        assert self.refused(past, self.ASKED, steps=steps, **changed) == "steps"

    def test_a_result_that_is_no_number_decides_nothing(self) -> None:
        asked = opening(is_number=True, default="1")
        past = from_coordinator(asks("east"), ends("east", result="many"))
        step = Step("east", "decided", "many", "1")
        changed = {"by": "node", "outcome": "decided", "value": "many", "node": "east"}
        assert self.refused(past, asked, steps=(step,), **changed) == "steps"

    def test_a_ruling_is_not_passed_over(self) -> None:
        past = from_coordinator(asks("top"), ends("top", "no_quorum"))
        past.append(said(Ruled(value="stop"), "ann"))
        changed = {"by": "default", "outcome": "default_taken", "value": "wait"}
        assert self.refused(past, opening(stake=11), **changed) == "by"
        assert self.refused(past[:-1], opening(stake=11), by="ruling") == "by"

    def test_another_decision_is_none(self) -> None:
        other = ConsensusDecided(outcome="decided", rule=Policy("x"), considered=Considered(1, 2))
        with pytest.raises(Rejected, match="ConsensusDecided"):
            HIERARCHY.verify(heard(opening()), other)

    def test_without_a_place_the_lowest_of_all_is_asked(self) -> None:
        past = from_coordinator(asks("east"), ends("east", result="go"))
        assert decided(opening(at=""), *past).node == "east"


NAMES = st.sampled_from(["east", "west", "top", "north"])
AGENTS = st.sampled_from(["ann", "bob", "cyd", "dan", "eve", "zoe", ""])
WORDS = st.one_of(
    st.builds(LossReported, agent=AGENTS),
    st.builds(Ruled, value=st.sampled_from(["go", ""])),
    st.builds(asks, st.sampled_from(["east", "west", "top"])),
    st.builds(GivenUp, nodes=st.lists(NAMES, max_size=2).map(tuple)),
    st.builds(Escalated, origin=NAMES, to=NAMES, reason=st.just("x")),
    st.builds(RepresentativeReplaced, agent=AGENTS, successor=AGENTS),
    st.builds(ends, NAMES, st.sampled_from(["decided", "no_quorum"]), st.sampled_from(["", "go"])),
)
ACTORS = st.sampled_from(["ann", "bob", "cyd", "dan", "eve", "coordinator"])


class TestLaws:
    """Whatever is said, by whomever: it comes to rest, ends, is proved, and within the depth."""

    @settings(max_examples=150)
    @hypothesis_given(
        st.sampled_from([0, 5, 11]),
        st.booleans(),
        st.lists(st.builds(said, WORDS, ACTORS), max_size=12),
        st.sampled_from([0, 50_000 * MS, 10**30]),
    )
    def test_every_history_ends_and_is_proved(
        self,
        stake: int,
        consult: bool,  # noqa: FBT001 - drawn
        past: list[Said],
        now_ns: int,
    ) -> None:
        opened = opening(stake=stake, consult=consult)
        log = history(opened, *past)
        evolving_is_total(SESSION, log)
        folding_can_be_interrupted(SESSION, log)
        ended = reacting_ends(SESSIONS, lambda one: fold(SESSION, one), log, "it", now_ns=now_ns)
        state = fold(SESSION, ended).state
        if now_ns == 10**30:
            assert state.phase == "ended"
        if isinstance(state.decision, Decision):
            decision = cast("HierarchyDecided", state.decision)
            found = cast("Hearing[HierarchyOpened]", hearing("it", state))
            HIERARCHY.verify(found, decision)
            assert len(decision.steps) <= depth(opened.nodes) + 1
