"""Votes as sessions: what is asked, which ballots count, what is decided, how it is checked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mabeam.core.consensus import ConsensusDecided
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Cancelled,
    Considered,
    Open,
    Participant,
    Speech,
    standing,
)
from mabeam.core.testing import given, said
from mabeam.core.voting import (
    VOTE,
    Count,
    Total,
    VoteCast,
    VoteDecided,
    VoteOpened,
    VoteStanding,
    ranking_of,
    tie_key,
)
from support.voting import ABC, CLOSED, EVERY_RULE, ballot, decided, opening


class NotABallot(Speech, frozen=True, kw_only=True):
    """Something else."""


def reasons(decision: VoteDecided) -> dict[str, str]:
    return {one.option: one.reason for one in decision.standings}


class TestOpening:
    @pytest.mark.parametrize("rule", EVERY_RULE)
    def test_any_rule_can_be_held(self, rule: str) -> None:
        asked = opening(rule, default="c", participants=(Participant("ann"),))
        given(SESSION).when(Open(asked)).then(asked)

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"options": ("a",)}, "vote.options"),
            ({"options": tuple(f"o{n}" for n in range(65))}, "vote.options"),
            ({"options": ("a", "a")}, "vote.options"),
            ({"options": ("a", "")}, "vote.options"),
            ({"options": ("a", " b")}, "vote.options"),
            ({"options": ("a", "b>c")}, "vote.options"),
            ({"options": ("a", "b=c")}, "vote.options"),
            ({"options": ("a", "b\n")}, "vote.options"),
            ({"options": ("a", "ä" * 51)}, "vote.options"),
            ({"seats": 0}, "vote.seats"),
            ({"seats": 2}, "vote.seats"),
            ({"default": "d"}, "vote.default"),
            ({"tie_order": ("a", "d")}, "vote.tie_order"),
            ({"tie_order": ("a", "a")}, "vote.tie_order"),
            ({"tie_break": "earliest"}, "vote.tie_break"),
            ({"rule": Policy("lottery")}, "policy.unknown"),
            ({"rule": Policy("plurality", 1, {"x": 1})}, "policy.parameters"),
            ({"rule": Policy("supermajority", 1, {"ratio": "2"})}, "vote.parameters"),
            ({"rule": Policy("debian")}, "vote.default"),
            ({"rule": Policy("weighted_majority")}, "vote.participants"),
            (
                {
                    "rule": Policy("weighted_majority", 1, {"thresholds": {"d": "1/2"}}),
                    "participants": (Participant("ann"),),
                },
                "vote.rule",
            ),
            ({"rule": Policy("single_transferable_vote"), "seats": 4}, "vote.seats"),
            ({"rule": Policy("kemeny"), "options": tuple("abcdefghijk")}, "vote.options"),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, fields: dict[str, Any], code: str) -> None:
        given_fields: dict[str, Any] = {"options": ABC, "rule": Policy("plurality")}
        asked = VoteOpened(**(given_fields | fields))
        given(SESSION).when(Open(asked)).then_rejected(code)


class TestBallots:
    @pytest.mark.parametrize(
        ("rule", "ranking", "confidence"),
        [
            ("schulze", (("d",),), "1"),
            ("schulze", (("a",), ("a",)), "1"),
            ("schulze", (("a", "a"),), "1"),
            ("schulze", (("a",), ()), "1"),
            ("schulze", (("a",), ("b",), ("c",), ("a",)), "1"),
            ("plurality", (("a", "b"),), "1"),
            ("instant_runoff", (("a",), ("b", "c")), "1"),
            ("confidence", (("a",),), "1.1"),
            ("confidence", (("a",),), "-0.1"),
            ("confidence", (("a",),), "NaN"),
            ("confidence", (("a",),), "0.0000000001"),
            ("confidence", (("a",),), "0E+999999"),
        ],
    )
    def test_what_cannot_be_counted_is_invalid_and_says_why(
        self, rule: str, ranking: tuple[tuple[str, ...], ...], confidence: str
    ) -> None:
        word = VoteCast(ranking=ranking, confidence=Decimal(confidence))
        decision = decided(opening(rule), said(word, "ann"), ballot("ben", "b"))
        (lost,) = decision.alternatives
        assert lost.agent == "ann"
        assert lost.reason.startswith("invalid: no such ballot: ")

    def test_later_ranks_of_a_ballot_for_one_option_may_be_tied(self) -> None:
        assert decided(opening(), ballot("ann", "a > b = c")).winner == "a"

    def test_the_latest_ballot_counts_and_saying_the_same_again_replaces_nothing(self) -> None:
        decision = decided(
            opening("approval"),
            ballot("ann", "a"),
            ballot("ann", "b = c"),
            ballot("ann", "c = b"),
        )
        assert (decision.superseded, decision.count) == (
            1,
            Count(
                winners=decision.winners,
                tied=("b", "c"),
                totals=(Total("a", "0"), Total("b", "1"), Total("c", "1")),
            ),
        )

    def test_who_may_not_vote_is_not_counted(self) -> None:
        asked = opening(participants=(Participant("ann", 2), Participant("ben")))
        decision = decided(asked, ballot("ann", "a"), ballot("eve", "b"), ballot("ben", "c"))
        assert (decision.winner, decision.support) == ("a", "2/3")
        assert [lost.reason for lost in decision.alternatives] == ["not_eligible"]

    def test_a_ballot_after_the_closing_is_late(self) -> None:
        state = given(SESSION, opening(), ballot("ann", "a"), CLOSED, ballot("ben", "b")).state
        assert dict(state.late) == {"ben": 4}

    def test_who_says_two_things_where_only_one_may_be_said_is_not_counted(self) -> None:
        votes = [ballot("ann", "a"), ballot("ben", "b"), ballot("ann", "c")]
        assert decided(opening(revising="first", tie_order=ABC), *votes).winner == "a"
        decision = decided(opening(revising="exclude", tie_order=ABC), *votes)
        assert decision.winner == "b"
        assert decision.alternatives[0].reason.startswith("equivocated")

    def test_the_same_confidence_in_another_form_is_no_other_ballot(self) -> None:
        votes = [ballot("ann", "a", "0.5"), ballot("ann", "a", "0.50")]
        assert decided(opening("confidence", revising="exclude"), *votes).alternatives == ()

    def test_ballots_are_written_as_text(self) -> None:
        assert VOTE.say(VoteCast(ranking=ranking_of("b > c = a"))) == "b > a = c"
        assert (
            VOTE.say(VoteCast(ranking=(("a",),), confidence=Decimal("0.5"))) == "a (confidence=0.5)"
        )
        assert VOTE.say(NotABallot()) == ""
        VOTE.check_speech(opening(), NotABallot())


class TestDecisions:
    def test_a_decision_tells_all(self) -> None:
        assert decided(opening(), ballot("ann", "a"), ballot("ben", "a"), ballot("cyd", "b")) == (
            VoteDecided(
                outcome="decided",
                rule=Policy("plurality"),
                considered=Considered(1, 5),
                winner="a",
                winners=("a",),
                standings=(
                    VoteStanding("a", "elected", "2"),
                    VoteStanding("b", "fewer_votes", "1"),
                    VoteStanding("c", "fewer_votes", "0"),
                ),
                support="2/3",
                count=Count(
                    winners=("a",), totals=(Total("a", "2"), Total("b", "1"), Total("c", "0"))
                ),
            )
        )

    def test_without_the_quorum_nothing_is_decided(self) -> None:
        decision = decided(opening(quorum=2), ballot("ann", "a"))
        assert (decision.outcome, decision.shortfall, decision.count) == (
            "no_quorum",
            "quorum",
            None,
        )
        assert set(reasons(decision).values()) == {"no_quorum"}

    def test_without_the_quorum_the_default_holds(self) -> None:
        decision = decided(opening(quorum=2, default="c"), ballot("ann", "a"))
        assert (decision.outcome, decision.winner) == ("default_taken", "c")
        assert reasons(decision) == {"a": "no_quorum", "b": "no_quorum", "c": "default"}
        assert VOTE.result(decision) == "c"

    def test_nobody_at_all_is_no_quorum_even_if_none_is_asked_for(self) -> None:
        assert decided(opening()).shortfall == "quorum"

    def test_blank_ballots_count_toward_the_quorum_alone(self) -> None:
        asked = opening(quorum=2)
        assert decided(asked, ballot("ann", "a"), ballot("ben", "")).winner == "a"
        nothing = decided(asked, ballot("ann", ""), ballot("ben", ""))
        assert (nothing.outcome, nothing.shortfall) == ("no_quorum", "majority")

    def test_without_a_required_majority_the_default_holds_or_nothing(self) -> None:
        votes = [ballot("ann", "a"), ballot("ben", "b")]
        nothing = decided(opening("majority"), *votes)
        assert (nothing.outcome, nothing.shortfall) == ("no_quorum", "majority")
        assert reasons(nothing)["a"] == "no_majority"
        default = decided(opening("majority", default="b"), *votes)
        assert (default.outcome, default.winner) == ("default_taken", "b")
        assert reasons(default)["b"] == "default"

    def test_a_tie_is_broken_by_an_order_that_nobody_could_choose(self) -> None:
        votes = [ballot("ann", "a"), ballot("ben", "b")]
        winners = {decided(opening(), *votes, name=f"s{n}").winner for n in range(20)}
        assert winners == {"a", "b"}
        decision = decided(opening(), *votes)
        assert decision.winner == min("ab", key=tie_key("s", 4))
        assert sorted(reasons(decision).values()) == ["elected", "fewer_votes", "tie_lost"]

    def test_a_tie_is_broken_by_the_declared_order(self) -> None:
        votes = [ballot("ann", "a"), ballot("ben", "b")]
        assert decided(opening(tie_order=("b", "a")), *votes).winner == "b"
        assert decided(opening(tie_order=("a",)), *votes).winner == "a"

    def test_a_tie_can_be_left_unresolved(self) -> None:
        decision = decided(opening(tie_break="refuse"), ballot("ann", "a"), ballot("ben", "b"))
        assert (decision.outcome, decision.winners) == ("tie_unresolved", ())
        assert reasons(decision) == {
            "a": "tie_unresolved",
            "b": "tie_unresolved",
            "c": "fewer_votes",
        }
        assert VOTE.result(decision) is None
        assert VOTE.support is not None
        assert VOTE.support(decision) is None

    def test_the_default_option_of_debian_is_taken_when_all_others_are_dropped(self) -> None:
        asked = opening("debian", default="c", parameters={"quorum": "2"})
        decision = decided(asked, ballot("ann", "a > c > b"), ballot("ben", "c > a"))
        assert (decision.outcome, decision.winner, decision.shortfall) == (
            "default_taken",
            "c",
            "",
        )
        assert reasons(decision) == {
            "a": "quorum_missed",
            "b": "quorum_missed",
            "c": "elected",
        }

    def test_losers_by_pairs_are_told_by_whom_and_how(self) -> None:
        votes = [ballot(f"v{n}", text) for n, text in enumerate(["a > b > c"] * 2 + ["b > c > a"])]
        assert decided(opening("schulze"), *votes).standings[1:] == (
            VoteStanding("b", "beaten", "0:2", "a"),
            VoteStanding("c", "beaten", "0:2", "a"),
        )
        assert decided(opening("kemeny"), *votes).standings[1] == (
            VoteStanding("b", "beaten", "1:2", "a")
        )
        assert decided(opening("copeland"), *votes).standings[1] == (
            VoteStanding("b", "fewer_votes", "0")
        )

    def test_losers_in_rounds_are_told_in_which(self) -> None:
        votes = ["a"] * 4 + ["b > c"] * 3 + ["c > b"] * 2
        decision = decided(
            opening("instant_runoff"), *(ballot(f"v{n}", text) for n, text in enumerate(votes))
        )
        assert decision.standings == (
            VoteStanding("a", "fewer_votes", "4"),
            VoteStanding("b", "elected", "5", round=2),
            VoteStanding("c", "eliminated", "2", round=1),
        )
        assert decision.support == "5/9"

    def test_several_winners_are_no_value_of_a_variable(self) -> None:
        asked = opening("single_transferable_vote", seats=2)
        decision = decided(asked, ballot("ann", "a > b"), ballot("ben", "b"))
        assert decision.winners in {("a", "b"), ("b", "a")}
        assert VOTE.result(decision) is None

    def test_support_is_the_share_behind_the_winner_where_there_is_one(self) -> None:
        assert VOTE.support is not None
        approval = decided(opening("approval"), ballot("ann", "a = b"), ballot("ben", "b"))
        assert VOTE.support(approval) == 1
        sure = decided(opening("confidence"), ballot("ann", "a", "0.6"), ballot("ben", "b", "0"))
        assert VOTE.support(sure) == 1
        assert VOTE.support(decided(opening("schulze"), ballot("ann", "a"))) is None
        other = ConsensusDecided(
            outcome="decided", rule=Policy("weighted_mean"), considered=Considered(1, 2)
        )
        assert (VOTE.support(other), VOTE.result(other)) == (None, None)

    def test_it_can_be_cancelled_while_it_is_open(self) -> None:
        past = (said(opening(), "ann"), ballot("ben", "a"), said(Cancelled(), "ann"))
        assert given(SESSION, *past).state.outcome == "cancelled"

    def test_an_opening_that_cannot_be_held_fails(self) -> None:
        assert given(SESSION, opening(options=("a",))).state.phase == "broken"


class TestFromTheSystemThisOneDescendsFrom:
    """Scenarios of votes, with the values that are right where the original was not."""

    def test_two_of_three_agree_with_confidence_of_two_thirds(self) -> None:
        votes = [ballot("one", "a"), ballot("two", "a"), ballot("three", "b")]
        decision = decided(opening("majority"), *votes)
        assert (decision.winner, decision.support) == ("a", "2/3")

    def test_one_against_one_is_no_majority(self) -> None:
        decision = decided(opening("majority"), ballot("one", "a"), ballot("two", "b"))
        assert (decision.winner, decision.shortfall) == ("", "majority")

    def test_unanimous_dissent_decides_nothing(self) -> None:
        votes = [ballot("one", "a"), ballot("two", "b"), ballot("three", "c")]
        decision = decided(opening("unanimity"), *votes)
        assert (decision.winner, decision.support) == ("", "")

    def test_an_empty_list_of_voters_decides_nothing(self) -> None:
        assert decided(opening("majority")).outcome == "no_quorum"

    def test_a_delay_beyond_the_time_allowed_is_late(self) -> None:
        state = given(SESSION, opening(open_for_ms=100), CLOSED, ballot("one", "a")).state
        assert (dict(state.late), dict(state.spoken)) == ({"one": 3}, {})

    def test_an_agent_that_is_not_there_does_not_keep_the_vote_from_ending(self) -> None:
        asked = opening("majority", participants=(Participant("real"), Participant("ghost")))
        assert decided(asked, ballot("real", "a")).winner == "a"
        strict = opening(
            "majority",
            participants=(Participant("real"), Participant("ghost")),
            parameters={"of": "eligible"},
        )
        assert decided(strict, ballot("real", "a")).shortfall == "majority"

    @pytest.mark.parametrize("strategy", ["weighted", "iterative", "", "simple majority"])
    def test_a_strategy_that_does_not_exist_is_refused(self, strategy: str) -> None:
        given(SESSION).when(Open(opening(strategy))).then_rejected("policy.unknown")

    def test_no_agent_weighs_more_than_half(self) -> None:
        asked = opening(
            "confidence",
            participants=(Participant("expert", 90), Participant("two", 6), Participant("six", 4)),
        )
        votes = [ballot("expert", "a"), ballot("two", "b"), ballot("six", "b")]
        decision = decided(asked, *votes)
        assert decision.count is not None
        assert (decision.count.level, decision.shortfall) == ("10", "majority")


class TestStanding:
    def test_the_tally_of_an_open_vote_is_shown(self) -> None:
        asked = opening("schulze", quorum=3)
        found = given(
            SESSION, asked, ballot("ann", "a > b > c"), ballot("ben", "a = b"), ballot("cyd", "")
        ).state
        shown = standing("s", found)
        assert shown.rows == (
            ("a", "2", "2", "0"),
            ("b", "1", "1", "1"),
            ("c", "0", "0", "2"),
        )
        assert shown.remarks == (
            "weight heard: 3, quorum: 3",
            "blank ballots: 1",
            "under schulze: a",
        )

    def test_a_sealed_one_shows_no_tally_before_it_is_closed(self) -> None:
        past = (opening(visibility="sealed"), ballot("ann", "a"))
        assert standing("s", given(SESSION, *past).state).rows == (("a",), ("b",), ("c",))
        assert standing("s", given(SESSION, *past, CLOSED).state).rows[0] == ("a", "1", "2", "0")

    def test_ties_and_missing_majorities_are_told(self) -> None:
        votes = (ballot("ann", "a"), ballot("ben", "b"))
        tied = standing("s", given(SESSION, opening(), *votes).state)
        assert tied.remarks[-1] == "under plurality a tie decides among a, b"
        refused = standing("s", given(SESSION, opening(tie_break="refuse"), *votes).state)
        assert refused.remarks[-1] == "under plurality a tie is left among a, b"
        short = standing("s", given(SESSION, opening("majority"), *votes).state)
        assert short.remarks[-1] == "under majority nobody has enough"
        empty = standing("s", given(SESSION, opening("majority")).state)
        assert empty.remarks == ("weight heard: 0, quorum: 1",)
