"""To which sessions conflicts may be referred, and what a declaration may say of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from mabeam.core.commands import OpenSession
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import Participant
from mabeam.core.variable import (
    Candidate,
    ChoiceType,
    Forum,
    Proposed,
    Referral,
    ResolutionChosen,
    VariableType,
    known_forums,
    listed_candidates,
    register_forum,
    resolve,
    won_by_agent,
)
from mabeam.core.variable.forums import labels
from mabeam.core.variable.referral import (
    FALLBACKS_MAX,
    check_policy,
    forum_of,
    opening_for,
    settled_by,
)
from mabeam.core.variable.resolving import PATIENCE_NS
from mabeam.core.variable.types import Value
from support.disputes import (
    BOTH,
    IT,
    LAST,
    TEXTS,
    WHOLE,
    Dispute,
    escalation,
    policy,
)
from support.rehearsal import NS_PER_SECOND


class TestDeclaring:
    @pytest.mark.parametrize(
        ("unfit", "code"),
        [
            (policy("auction", lots=3), "session.field"),
            (policy("auction", reserve=-1), "auction.reserve"),
            (policy("auction", open_for_ms=0), "session.open_for"),
            (policy("auction", Policy("duel")), "policy.unknown"),
            (Policy("auction", parameters={"fallback": 3}), "policy.parameters"),
            (Policy("escalation"), "policy.parameters"),
            (escalation("not.a\nname"), "name.illegal"),
            (
                Policy("escalation", parameters={"supervisor": "b", "protocol": "duel"}),
                "conflict.unsuitable",
            ),
            (Policy("proportional"), "conflict.unsuitable"),
            (policy("auction", Policy("time_sharing")), "conflict.unsuitable"),
        ],
        ids=str,
    )
    def test_what_could_never_resolve_anything_is_refused(self, unfit: Policy, code: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_policy(unfit, TEXTS)
        assert caught.value.code == code

    def test_fallbacks_do_not_stand_behind_each_other_for_ever(self) -> None:
        chain = LAST
        for _ in range(FALLBACKS_MAX):
            chain = policy("auction", chain)
        check_policy(chain, TEXTS)
        with pytest.raises(Rejected) as caught:
            check_policy(policy("auction", chain), TEXTS)
        assert caught.value.code == "conflict.fallbacks"

    def test_a_strategy_that_refuses_the_sample_may_still_resolve_others(self) -> None:
        check_policy(Policy("priority"), ChoiceType(("a",)))
        check_policy(Policy("weighted_merge"), WHOLE)


class TestForums:
    def test_those_that_come_with_mabeam_are_known(self) -> None:
        known = {"auction", "consensus", "hierarchy", "negotiation", "vote"}
        assert known <= set(known_forums())

    def test_a_session_does_not_apply_its_result_by_itself(self) -> None:
        sneaky = Referral("auction", {"variable": "it", "parent": "session/x"}, (), LAST)
        opening = opening_for(sneaky, "it", TEXTS, BOTH)
        assert (opening.variable, opening.parent) == ("", "variable/it")

    def test_nobody_s_value_competes_without_a_voice(self) -> None:
        referral = Referral("auction", {}, (), LAST)
        candidates = (Candidate("", "", "red", 1, 0), *BOTH)
        assert opening_for(referral, "it", TEXTS, candidates).participants == (
            Participant("ann"),
            Participant("bob"),
        )
        assert listed_candidates(candidates[:2]) == '1: now "red"; 2: ann "green"'

    def test_long_values_are_cut_in_a_question(self) -> None:
        long = listed_candidates([Candidate("p", "ann", "x" * 100, 2, 1)])
        assert len(long) == len("1: ann ") + 60
        assert long.endswith("…")

    @pytest.mark.parametrize(
        ("protocol", "type_", "result"),
        [
            ("auction", TEXTS, "eve"),
            ("consensus", TEXTS, "1"),
            ("consensus", TEXTS, Decimal(0)),
            ("consensus", TEXTS, Decimal(3)),
            ("consensus", WHOLE, "10"),
            ("vote", TEXTS, "purple"),
            ("hierarchy", TEXTS, "purple"),
            ("negotiation", TEXTS, "purple"),
        ],
    )
    def test_a_result_that_means_nothing_is_refused(
        self, protocol: str, type_: VariableType, result: Decimal | str
    ) -> None:
        with pytest.raises(Rejected):
            settled_by(Referral(protocol, {}, (), LAST), "c", type_, BOTH, result)

    @pytest.mark.parametrize("protocol", ["vote", "negotiation"])
    def test_candidates_are_chosen_by_their_values(self, protocol: str) -> None:
        values: list[Value] = ["red", 7, "a > b", "red", 1.5]
        candidates = [Candidate(f"p{n}", f"a{n}", v, n, 1) for n, v in enumerate(values)]
        names = ("number 1", "7", "number 3", "number 4", "1.5")
        assert labels(candidates) == names
        found = settled_by(Referral(protocol, {}, (), LAST), "c", TEXTS, candidates, "number 3")
        assert (found.value, found.reason) == ("a > b", "number 3 was chosen")

    def test_a_conflict_for_a_session_cannot_be_resolved_on_the_spot(self) -> None:
        with pytest.raises(Rejected) as caught:
            resolve(Policy("auction"), "c", TEXTS, BOTH)
        assert (caught.value.code, caught.value.allowed) == (
            "conflict.referred",
            "a session of auction",
        )

    def test_what_asks_agents_is_no_shadow(self) -> None:
        space = Dispute(WHOLE, LAST, [("ann", 10), ("bob", 50)])
        (chosen,) = space.events(ResolutionChosen)
        assert {shadow.policy for shadow in chosen.shadows} == {
            *("compromise.v1", "mean.v1", "median.v1", "priority.v1", "weighted_merge.v1"),
        }

    @pytest.fixture
    def duel(self) -> str:
        name = "test_duel"

        def asks(*_: object) -> dict[str, object]:
            raise Rejected("test.never", "nobody duels")

        def reads(
            _: str, type_: VariableType, candidates: Sequence[Candidate], result: Decimal | str
        ) -> Any:  # noqa: ANN401 - a resolution
            return won_by_agent(type_, candidates, str(result), "duel")

        if name not in known_forums():
            register_forum(Forum(name, asks, reads))
        return name

    def test_another_may_be_registered_once(self, duel: str) -> None:
        assert forum_of(Referral(duel, {}, (), LAST)).protocol == duel
        with pytest.raises(ValueError, match="registered already"):
            register_forum(forum_of(Referral(duel, {}, (), LAST)))

    def test_what_is_asked_for_is_a_command(self) -> None:
        space = Dispute(TEXTS, policy("auction"), [("ann", "green")])
        space.publish(IT, Proposed(value="blue", base=1), "bob")
        for _ in range(2):
            space.carry_out(space.due(IT))
        due = space.due(IT)
        (send,) = due.send
        assert isinstance(send.command, OpenSession)
        assert send.boundary == space.session
        assert send.cause == space.conflict.event_id
        (timer,) = due.schedule
        assert timer.boundary == IT
        assert timer.due_ns == NS_PER_SECOND + 30 * NS_PER_SECOND + PATIENCE_NS
