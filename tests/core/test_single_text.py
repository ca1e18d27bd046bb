"""The mediated single text as sessions: rounds, what is kept, and how a stranger checks it."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.auction import BidPlaced
from mabeam.core.errors import Rejected
from mabeam.core.negotiation import (
    SINGLE_TEXT,
    OptionsIssue,
    RangeIssue,
    SingleTextDecided,
    SingleTextOpened,
    TextJudged,
    TextProposed,
    changed,
    outcomes,
)
from mabeam.core.negotiation.single_text import LISTED_MAX
from mabeam.core.policies import Policy
from mabeam.core.session import ChildEnded, Participant, check_opening, standing
from support.sitting import FOREVER_MS, Sitting, proved_wrong

ISSUES = (
    OptionsIssue("colour", ("red", "green", "blue")),
    RangeIssue("price", Decimal(1), Decimal(3), Decimal(1)),
)
PAIR = (Participant("ann"), Participant("bob"))


def opened(**fields: object) -> SingleTextOpened:
    chosen = {"issues": ISSUES, "participants": PAIR, "open_for_ms": FOREVER_MS, "rounds": 3}
    return SingleTextOpened(**(chosen | fields))  # type: ignore[arg-type]  # by name


def judged(round_: int, *, accept: bool) -> TextJudged:
    return TextJudged(round=round_, accept=accept)


def judge(sitting: Sitting, *accepting: str) -> Sitting:
    """Let all judge the present text, and some of them accept it."""
    number = sitting.course.round
    for agent in ("ann", "bob"):
        sitting.say(agent, judged(number, accept=agent in accepting))
    return sitting.settle()


class TestChanges:
    @given(st.sampled_from(list(outcomes(ISSUES))), st.binary(min_size=1, max_size=16))
    def test_one_issue_is_changed(self, base: tuple[str, ...], key: bytes) -> None:
        other = changed(ISSUES, base, key)
        assert sum(a != b for a, b in zip(base, other, strict=True)) == 1
        assert other in set(outcomes(ISSUES))

    def test_every_change_can_happen(self) -> None:
        base = ("red", "1")
        found = {changed(ISSUES, base, bytes([key])) for key in range(8)}
        assert found == {("green", "1"), ("blue", "1"), ("red", "2"), ("red", "3")}

    def test_where_nothing_can_change_nothing_does(self) -> None:
        assert changed((OptionsIssue("x", ("a",)),), ("a",), b"k") == ("a",)


class TestOpening:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"start": ("red",)}, "negotiation.outcome"),
            ({"rounds": 0}, "negotiation.rounds"),
            ({"round_ms": 0}, "negotiation.duration"),
            ({"quorum": 2}, "negotiation.quorum"),
            ({"rule": Policy("nash")}, "policy.unknown"),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, fields: dict[str, object], code: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_opening(opened(**fields))
        assert caught.value.code == code


class TestRounds:
    def test_the_first_text_is_the_start_or_the_first_outcome(self) -> None:
        assert Sitting(opened()).settle().course.text == ("red", "1")
        started = Sitting(opened(start=("blue", "2.0"))).settle()
        assert started.course.text == ("blue", "2")

    def test_what_all_accept_is_kept_and_changed_in_one_place(self) -> None:
        sitting = judge(Sitting(opened()).settle(), "ann", "bob")
        first, second = sitting.announced(TextProposed)
        assert isinstance(first, TextProposed)
        assert isinstance(second, TextProposed)
        assert (second.round, second.kept) == (2, ("red", "1"))
        assert sum(a != b for a, b in zip(first.values, second.values, strict=True)) == 1

    def test_what_one_rejects_is_not_kept(self) -> None:
        sitting = judge(judge(Sitting(opened()).settle(), "ann", "bob"), "ann")
        assert sitting.course.kept == ("red", "1")
        decision = judge(sitting).decision(SingleTextDecided)
        assert (decision.outcome, decision.agreement, decision.kept_in) == (
            "decided",
            ("red", "1"),
            1,
        )
        assert (decision.rounds, [j.kept for j in decision.judgements]) == (3, [True, False, False])
        assert SINGLE_TEXT.result(decision) == "red, 1"
        assert [lost.reason for lost in decision.alternatives] == ["not_kept", "not_kept"]

    def test_where_nothing_is_accepted_by_all_there_is_no_text(self) -> None:
        sitting = Sitting(opened()).settle()
        for _ in range(3):
            judge(sitting, "ann")
        decision = sitting.decision(SingleTextDecided)
        assert (decision.outcome, decision.agreement) == ("no_quorum", ())
        assert SINGLE_TEXT.result(decision) is None

    def test_as_long_as_nothing_is_kept_the_latest_text_is_changed(self) -> None:
        sitting = judge(judge(Sitting(opened()).settle(), "ann"), "ann")
        texts = [one.values for one in sitting.announced(TextProposed)]
        for before, after in pairwise(texts):
            assert sum(a != b for a, b in zip(before, after, strict=True)) == 1

    def test_the_last_round_counts_too(self) -> None:
        sitting = judge(Sitting(opened(rounds=1)).settle(), "ann", "bob")
        assert sitting.state.reason == "complete"
        assert sitting.decision(SingleTextDecided).kept_in == 1

    def test_who_says_nothing_has_rejected(self) -> None:
        sitting = Sitting(opened(round_ms=5000)).settle()
        sitting.say("ann", judged(1, accept=True)).settle(6)
        assert sitting.course.round == 1
        sitting.settle(7)
        assert (sitting.course.round, sitting.course.kept) == (2, ())

    def test_a_lone_number_becomes_the_variable(self) -> None:
        sitting = judge(Sitting(opened(issues=ISSUES[1:], rounds=1)).settle(), "ann", "bob")
        assert SINGLE_TEXT.result(sitting.decision(SingleTextDecided)) == Decimal(1)

    def test_the_deadline_ends_it_with_what_is_kept(self) -> None:
        sitting = judge(Sitting(opened()).settle(), "ann", "bob").say("ann", judged(2, accept=True))
        decision = sitting.decision(SingleTextDecided)
        assert (decision.agreement, sitting.state.reason) == (("red", "1"), "deadline")

    def test_before_the_first_round_there_is_nothing(self) -> None:
        decision = Sitting(opened()).decision(SingleTextDecided)
        assert (decision.rounds, decision.judgements) == (0, ())

    def test_of_many_rounds_the_latest_are_listed(self) -> None:
        sitting = judge(Sitting(opened(rounds=LISTED_MAX + 2, round_ms=1)).settle(), "ann", "bob")
        sitting.settle(9e5)
        decision = sitting.state.decision
        assert isinstance(decision, SingleTextDecided)
        SINGLE_TEXT.verify(sitting.hearing, decision)  # type: ignore[arg-type]  # one of its own
        assert (decision.kept_in, decision.judgements[0].round) == (1, 3)
        assert len(decision.judgements) == LISTED_MAX


class TestWords:
    def test_another_round_or_a_second_word_do_not_count(self) -> None:
        sitting = Sitting(opened()).settle().say("ann", judged(2, accept=True))
        assert sitting.refused("ann") == "another_round"
        sitting.say("ann", judged(1, accept=True)).say("ann", judged(1, accept=False))
        assert sitting.refused("ann") == "judged_already"
        sitting.say("bob", judged(9, accept=True))
        assert sitting.refused("bob").startswith("invalid")
        assert dict(sitting.course.accepts) == {"ann": True}

    def test_words_are_written_as_text(self) -> None:
        assert SINGLE_TEXT.say(judged(2, accept=True)) == "accepts text 2"
        assert SINGLE_TEXT.say(judged(2, accept=False)) == "rejects text 2"
        SINGLE_TEXT.check_speech(opened(), BidPlaced(amount=1))
        assert SINGLE_TEXT.say(BidPlaced(amount=1)) == ""

    def test_it_shows_what_became_of_the_texts(self) -> None:
        sitting = judge(Sitting(opened()).settle(), "ann", "bob")
        shown = standing("it", sitting.state)
        assert shown.rows == (("1", "red, 1", "ann, bob", "kept"),)
        assert shown.remarks[1] == "kept so far: red, 1"


class TestForgeries:
    def test_a_text_that_the_hash_does_not_say_is_of_no_effect(self) -> None:
        sitting = Sitting(opened())
        sitting.say("coordinator", TextProposed(round=1, values=("blue", "3"))).settle()
        assert sitting.course.text == ("red", "1")
        sitting.say("coordinator", ChildEnded(child="x", outcome="decided"))
        assert sitting.course.round == 1

    def test_a_judgement_that_slips_in_before_the_next_text_counts(self) -> None:
        """Speech is recorded without a check, so it can stand before what did not know of it."""
        sitting = Sitting(opened(round_ms=5000)).settle().say("ann", judged(1, accept=True))
        stale = Sitting(opened(round_ms=5000))
        stale.log = sitting.log
        stale.settle(60)
        unaware = stale.announced(TextProposed)[1]
        sitting.say("bob", judged(1, accept=True)).say("coordinator", unaware)
        assert sitting.course.round == 1
        sitting.settle()
        assert (sitting.course.round, sitting.course.kept) == (2, ("red", "1"))

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        assert "that of a single text" in proved_wrong(Sitting(opened()))
