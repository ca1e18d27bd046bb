"""Alternating offers as sessions: turns, agreements, ends, and how a stranger checks them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.negotiation import (
    NEGOTIATION,
    AmountRequested,
    NegotiationDecided,
    NegotiationOpened,
    OfferAccepted,
    OfferMade,
    OptionsIssue,
    RangeIssue,
    TurnPassed,
    WalkedAway,
    number_of,
    outcome_at,
    outcomes,
)
from mabeam.core.negotiation.alternating import LISTED_MAX
from mabeam.core.negotiation.events import Move
from mabeam.core.negotiation.space import Issue, check_issues, normal
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Cancelled,
    ChildEnded,
    Closed,
    Open,
    Participant,
    check_opening,
    standing,
)
from mabeam.core.testing import given
from support.sitting import FOREVER_MS, Sitting, proved_wrong

COLOUR = OptionsIssue("colour", ("red", "green", "blue"))
PRICE = RangeIssue("price", Decimal(0), Decimal(10), Decimal("0.5"))
PAIR = (Participant("ann"), Participant("bob"))
THREE = (*PAIR, Participant("cyd"))


def opened(
    issues: tuple[Issue, ...] = (COLOUR,),
    participants: tuple[Participant, ...] = PAIR,
    **fields: object,
) -> NegotiationOpened:
    chosen = {"issues": issues, "participants": participants, "open_for_ms": FOREVER_MS} | fields
    return NegotiationOpened(**chosen)  # type: ignore[arg-type]  # by name


def offer(*values: str) -> OfferMade:
    return OfferMade(values=values)


class TestOutcomes:
    def test_each_outcome_has_a_number(self) -> None:
        issues = (COLOUR, PRICE)
        for number, outcome in enumerate(outcomes(issues)):
            assert outcome_at(issues, number) == outcome
            assert number_of(issues, outcome) == number

    def test_numbers_are_written_without_idle_zeros(self) -> None:
        assert normal((PRICE,), ("1.50",)) == ("1.5",)
        assert normal((PRICE,), ("1e1",)) == ("10",)

    @pytest.mark.parametrize(
        "value", ["0.3", "11", "-1", "dear", "nan", "1e99999999", "9" * 200, "", f"1.5{'0' * 32}1"]
    )
    def test_what_is_not_on_the_grid_is_no_value(self, value: str) -> None:
        with pytest.raises(Rejected):
            normal((PRICE,), (value,))

    @pytest.mark.parametrize(
        ("issue", "allowed"),
        [
            (PRICE, "0 to 10 in steps of 0.5"),
            (COLOUR, "red, green, blue"),
            (OptionsIssue("x", tuple("abcdefghijkl")), "a, b, c, d, e, f, g, h, i, j and 2 more"),
        ],
    )
    def test_it_is_said_which_values_there_are(self, issue: Issue, allowed: str) -> None:
        with pytest.raises(Rejected) as caught:
            normal((issue,), ("9.7",))
        assert (caught.value.field, caught.value.allowed) == (issue.name, allowed)

    @pytest.mark.parametrize("values", [(), ("red", "1"), ("pink",)])
    def test_an_outcome_has_one_value_of_each_issue(self, values: tuple[str, ...]) -> None:
        with pytest.raises(Rejected) as caught:
            normal((COLOUR,), values)
        assert caught.value.code == "negotiation.outcome"

    @pytest.mark.parametrize(
        "issues",
        [
            (),
            (COLOUR, COLOUR),
            (OptionsIssue("", ("a",)),),
            (OptionsIssue("x", ()),),
            (OptionsIssue("x", ("a", "a")),),
            (OptionsIssue("x", ("",)),),
            (OptionsIssue("x", ("y" * 101,)),),
            (RangeIssue("x", Decimal(1), Decimal(0), Decimal(1)),),
            (RangeIssue("x", Decimal(0), Decimal(1), Decimal(0)),),
            (RangeIssue("x", Decimal(0), Decimal(1), Decimal("0.3")),),
            (RangeIssue("x", Decimal(0), Decimal("Infinity"), Decimal(1)),),
            (RangeIssue("x", Decimal("1.5e-30"), Decimal("3.5e-30"), Decimal("1e-30")),),
            (RangeIssue("x", Decimal(0), Decimal("3e-30"), Decimal("1.5e-30")),),
            (RangeIssue("x", Decimal(0), Decimal(100_000), Decimal(1)),),
            tuple(RangeIssue(f"x{n}", Decimal(0), Decimal(99), Decimal(1)) for n in range(3)),
            tuple(OptionsIssue(f"x{n}", ("a",)) for n in range(21)),
        ],
    )
    def test_what_cannot_be_negotiated_about_is_refused(self, issues: tuple[Issue, ...]) -> None:
        with pytest.raises(Rejected) as caught:
            check_issues(issues)
        assert caught.value.code == "negotiation.issues"


class TestOpening:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"participants": (Participant("ann"),)}, "negotiation.parties"),
            ({"participants": ()}, "negotiation.parties"),
            ({"rounds": 0}, "negotiation.rounds"),
            ({"rounds": 10_001}, "negotiation.rounds"),
            ({"turn_ms": 0}, "negotiation.duration"),
            ({"quorum": 1}, "negotiation.quorum"),
            ({"subject": "x" * 1001}, "negotiation.text"),
            ({"rule": Policy("nash")}, "policy.unknown"),
            ({"rule": Policy("nonsense")}, "policy.unknown"),
            ({"rule": Policy("alternating_offers", 1, {"x": 1})}, "policy.parameters"),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, fields: dict[str, object], code: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_opening(opened(**fields))  # type: ignore[arg-type]  # by name
        assert caught.value.code == code

    def test_any_other_is_recorded(self) -> None:
        given(SESSION).when(Open(opened((COLOUR, PRICE)))).then(opened((COLOUR, PRICE)))


class TestTurns:
    def test_an_offer_that_the_other_accepts_is_agreed(self) -> None:
        sitting = Sitting(opened()).turns(
            ("ann", offer("red")), ("bob", offer("green")), ("ann", OfferAccepted(offer=2))
        )
        decision = sitting.decision(NegotiationDecided)
        assert (decision.outcome, decision.ended, decision.ended_by) == (
            "decided",
            "agreement",
            "ann",
        )
        assert (decision.agreement, decision.number) == (("green",), None)
        assert (decision.offer, decision.offered_by, decision.accepted_by) == (2, "bob", ("ann",))
        assert [(lost.agent, lost.said, lost.reason) for lost in decision.alternatives] == [
            ("ann", "red", "countered")
        ]
        assert NEGOTIATION.result(decision) == "green"

    def test_it_closes_at_once(self) -> None:
        sitting = Sitting(opened()).turns(("ann", offer("red")), ("bob", OfferAccepted()))
        assert sitting.state.phase == "ended"
        assert sitting.state.reason == "complete"

    def test_of_three_all_others_must_accept(self) -> None:
        sitting = Sitting(opened(participants=THREE))
        sitting.turns(("ann", offer("red")), ("bob", OfferAccepted()))
        assert sitting.state.phase == "open"
        sitting.turns(("cyd", offer("blue")), ("ann", OfferAccepted()), ("bob", OfferAccepted()))
        decision = sitting.decision(NegotiationDecided)
        assert decision.agreement == ("blue",)
        assert decision.accepted_by == ("ann", "bob")

    def test_the_number_of_a_lone_range_becomes_the_variable(self) -> None:
        sitting = Sitting(opened((PRICE,))).turns(("ann", offer("2.50")), ("bob", OfferAccepted()))
        decision = sitting.decision(NegotiationDecided)
        assert decision.agreement == ("2.5",)
        assert NEGOTIATION.result(decision) == Decimal("2.5")

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            (OfferAccepted(), "own_offer"),
            (OfferAccepted(offer=1), "not_standing"),
            (OfferAccepted(offer=-1), "invalid"),
            (offer("pink"), "invalid"),
            (OfferMade(values=("red",), note="x" * 1001), "invalid"),
            (WalkedAway(reason="x" * 1001), "invalid"),
            (AmountRequested(amount=1), "not_understood"),
        ],
    )
    def test_a_move_that_does_not_count_changes_nothing(self, word: Event, reason: str) -> None:
        sitting = Sitting(opened(participants=THREE, turn_ms=1000))
        sitting.turns(("ann", offer("red")), ("bob", offer("blue")), ("cyd", OfferAccepted()))
        sitting.say("coordinator", TurnPassed(turn=3, agent="ann"))
        before = sitting.course
        sitting.say("bob", word)
        assert sitting.refused("bob").startswith(reason)
        assert sitting.course == before

    def test_nothing_can_be_accepted_before_the_first_offer(self) -> None:
        sitting = Sitting(opened()).turns(("ann", OfferAccepted()))
        assert sitting.refused("ann") == "nothing_to_accept"

    def test_who_has_not_the_turn_is_not_heard(self) -> None:
        sitting = Sitting(opened()).turns(("bob", offer("red")), ("eve", offer("red")))
        assert (sitting.refused("bob"), sitting.refused("eve")) == ("out_of_turn", "not_eligible")
        decision = sitting.decision(NegotiationDecided)
        assert {lost.reason for lost in decision.alternatives} == {"out_of_turn", "not_eligible"}

    def test_a_word_after_the_end_does_not_count(self) -> None:
        sitting = Sitting(opened()).say("ann", WalkedAway()).say("bob", offer("red"))
        assert sitting.refused("bob") == "ended"

    def test_a_repeated_word_is_the_same_word(self) -> None:
        sitting = Sitting(opened()).say("ann", offer("red"))
        sitting.log += sitting.log[-1:]
        assert sitting.course.turn == 1
        assert "ann" not in sitting.state.refused


class TestEnds:
    def test_walking_away_ends_it_without_agreement(self) -> None:
        sitting = Sitting(opened()).turns(("ann", offer("red")), ("bob", WalkedAway(reason="no")))
        decision = sitting.decision(NegotiationDecided)
        assert (decision.outcome, decision.ended, decision.ended_by) == (
            "no_quorum",
            "walked_away",
            "bob",
        )
        assert decision.agreement == ()
        assert [lost.reason for lost in decision.alternatives] == ["no_agreement"]
        assert NEGOTIATION.result(decision) is None

    def test_the_rounds_end_it(self) -> None:
        sitting = Sitting(opened(rounds=2))
        for agent in ("ann", "bob", "ann", "bob"):
            sitting.turns((agent, offer("red" if agent == "ann" else "blue")))
        decision = sitting.decision(NegotiationDecided)
        assert (decision.ended, decision.turns, decision.offers_count) == ("rounds", 4, 4)

    def test_the_last_turn_may_still_agree(self) -> None:
        sitting = Sitting(opened(rounds=1)).turns(("ann", offer("red")), ("bob", OfferAccepted()))
        assert sitting.decision(NegotiationDecided).ended == "agreement"

    def test_a_turn_passes_when_its_time_is_up(self) -> None:
        sitting = Sitting(opened(turn_ms=5000)).say("ann", offer("red"))
        sitting.settle(6.9)
        assert sitting.course.next == "bob"
        sitting.settle(7)
        assert sitting.announced(TurnPassed) == [TurnPassed(turn=1, agent="bob")]
        assert sitting.course.next == "ann"
        # The offer still stands, and the other may accept it in its next turn.
        sitting.turns(("ann", offer("green")), ("bob", OfferAccepted()))
        decision = sitting.decision(NegotiationDecided)
        assert (decision.agreement, decision.passed) == (("green",), 1)

    def test_where_nobody_speaks_the_turns_run_out(self) -> None:
        sitting = Sitting(opened(rounds=3, turn_ms=1)).settle(1000)
        decision = sitting.decision(NegotiationDecided)
        assert (decision.ended, decision.passed, decision.offers) == ("rounds", 6, ())

    def test_the_deadline_ends_it(self) -> None:
        sitting = Sitting(opened(open_for_ms=2000)).say("ann", offer("red")).settle(9)
        decision = sitting.decision(NegotiationDecided)
        assert (decision.ended, sitting.state.reason) == ("deadline", "deadline")

    def test_it_can_be_taken_back(self) -> None:
        sitting = Sitting(opened(), by="ann").say("ann", Cancelled(reason="over"))
        assert (sitting.state.outcome, sitting.settle().state.decision) == ("cancelled", None)

    def test_a_late_word_is_kept_and_changes_nothing(self) -> None:
        sitting = Sitting(opened()).turns(("ann", WalkedAway()))
        decision = sitting.state.decision
        sitting.turns(("bob", offer("red")))
        assert sitting.state.decision == decision
        assert "bob" in sitting.state.late

    def test_of_many_offers_the_latest_are_listed_and_all_are_digested(self) -> None:
        def held(first: str) -> NegotiationDecided:
            sitting = Sitting(opened(rounds=40))
            for number in range(80):
                value = first if number == 0 else COLOUR.options[number % 3]
                sitting.say("ann" if number % 2 == 0 else "bob", offer(value))
            sitting.settle()
            decision = sitting.state.decision
            assert isinstance(decision, NegotiationDecided)
            return decision

        one, other = held("red"), held("blue")
        assert len(one.offers) == LISTED_MAX
        assert one.offers == other.offers
        assert (one.offers_count, one.offers_digest != other.offers_digest) == (80, True)


class TestForgeries:
    @pytest.mark.parametrize(
        "forged", [TurnPassed(turn=1, agent="ann"), TurnPassed(turn=0, agent="bob")]
    )
    def test_a_turn_that_is_none_does_not_pass(self, forged: TurnPassed) -> None:
        sitting = Sitting(opened()).say("coordinator", forged)
        assert sitting.course.turn == 0

    def test_after_the_end_no_turn_passes(self) -> None:
        sitting = Sitting(opened()).say("ann", WalkedAway())
        sitting.say("coordinator", TurnPassed(turn=1, agent="bob"))
        assert sitting.course.turn == 1

    def test_an_announcement_of_something_else_changes_nothing(self) -> None:
        sitting = Sitting(opened())
        sitting.say("ann", TurnPassed(turn=0, agent="ann"))
        sitting.say("coordinator", ChildEnded(child="x", outcome="decided"))
        assert sitting.course.turn == 0

    def test_an_agreement_that_nobody_accepted_is_refused(self) -> None:
        sitting = Sitting(opened()).say("ann", offer("red")).say("coordinator", CLOSED)
        with pytest.raises(Rejected, match="ended"):
            NEGOTIATION.verify(
                sitting.hearing,  # type: ignore[arg-type]  # one of its own
                NegotiationDecided(
                    outcome="decided",
                    rule=Policy("alternating_offers"),
                    considered=sitting.hearing.considered,
                    ended="agreement",
                    agreement=("red",),
                    offers=sitting.course.offers,
                    offers_count=1,
                    offers_digest=sitting.course.digest,
                    turns=1,
                    alternatives=NEGOTIATION.decide(sitting.hearing).alternatives,  # type: ignore[arg-type]  # likewise
                ),
            )

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        assert "that of a negotiation" in proved_wrong(Sitting(opened()))


CLOSED = Closed(reason="deadline")


class TestStanding:
    def test_it_shows_the_offers_and_whose_turn_it_is(self) -> None:
        sitting = Sitting(opened(participants=THREE)).say("ann", offer("red"))
        sitting.say("bob", OfferAccepted())
        shown = standing("it", sitting.state)
        assert shown.rows == (("1", "ann", "red", "2"),)
        assert shown.remarks == ("it is the turn of cyd", "accepted by bob")
        sitting.say("cyd", WalkedAway())
        assert standing("it", sitting.state).remarks[0] == "it ended: walked_away"

    def test_moves_are_written_as_text(self) -> None:
        words: list[Move] = [offer("red", "1"), OfferAccepted(), WalkedAway()]
        assert list(map(NEGOTIATION.say, words)) == ["red, 1", "accepts", "walks away"]
