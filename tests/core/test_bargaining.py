"""Bargaining as sessions: utilities said openly, solutions, and how a stranger checks them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.auction import BidPlaced
from mabeam.core.errors import Rejected
from mabeam.core.negotiation import (
    BARGAINING,
    CONCEPTS,
    BargainingDecided,
    BargainingOpened,
    Evaluation,
    OptionsIssue,
    RangeIssue,
    UtilityDeclared,
)
from mabeam.core.policies import Policy
from mabeam.core.session import Participant, check_opening, standing
from support.sitting import FOREVER_MS, Sitting, proved_wrong

CAKE = RangeIssue("part", Decimal(0), Decimal(1), Decimal("0.25"))
WAY = OptionsIssue("way", ("left", "middle", "right"))
PAIR = (Participant("ann"), Participant("bob"))
TWINS = (6097, 114_695)
"""Two worths of `left` whose utilities share the first 32 bits of their digests."""


def opened(*issues: OptionsIssue | RangeIssue, **fields: object) -> BargainingOpened:
    chosen = {"issues": issues or (CAKE,), "participants": PAIR, "open_for_ms": FOREVER_MS}
    return BargainingOpened(**(chosen | fields))  # type: ignore[arg-type]  # by name


def worth(*values: int | str, weight: int | str = 1, reservation: int | str = 0) -> UtilityDeclared:
    evaluation = Evaluation(Decimal(weight), tuple(map(Decimal, values)))
    return UtilityDeclared(evaluations=(evaluation,), reservation=Decimal(reservation))


def decided(
    opening: BargainingOpened, ann: UtilityDeclared, bob: UtilityDeclared
) -> BargainingDecided:
    return Sitting(opening).turns(("ann", ann), ("bob", bob)).decision(BargainingDecided)


class TestDecisions:
    def test_a_cake_is_cut_in_half(self) -> None:
        decision = decided(opened(), worth(0, 1), worth(1, 0))
        assert (decision.outcome, decision.agreement) == ("decided", ("0.5",))
        assert BARGAINING.result(decision) == Decimal("0.5")
        assert [(g.agent, g.utility, g.gain, g.ideal) for g in decision.gains] == [
            ("ann", "1/2", "1/2", "1"),
            ("bob", "1/2", "1/2", "1"),
        ]
        assert decision.criterion == ("1/4",)
        assert (decision.outcomes_count, decision.rational_count, decision.equals) == (5, 5, (2,))

    def test_who_can_do_without_gets_more(self) -> None:
        decision = decided(opened(), worth(0, 1, reservation="0.5"), worth(1, 0))
        assert decision.agreement == ("0.75",)
        assert decision.rational_count == 3

    @pytest.mark.parametrize(
        ("rule", "agreement", "criterion"),
        [
            ("nash", "right", ("30",)),
            ("kalai", "middle", ("4", "5")),
            ("kalai_smorodinsky", "right", ("3/5", "1")),
            ("max_welfare", "right", ("13",)),
        ],
    )
    def test_the_rule_decides(self, rule: str, agreement: str, criterion: tuple[str, ...]) -> None:
        decision = decided(opened(WAY, rule=Policy(rule)), worth(0, 5, 3), worth(8, 4, 10))
        assert (decision.agreement, decision.criterion) == ((agreement,), criterion)
        assert BARGAINING.result(decision) == agreement

    def test_where_no_outcome_helps_all_at_once_the_sum_decides(self) -> None:
        decision = decided(opened(WAY), worth(3, 0, 0), worth(0, 0, 5))
        assert (decision.agreement, decision.criterion) == (("right",), ("0", "5"))

    def test_where_somebody_would_lose_whatever_is_done_nothing_is(self) -> None:
        decision = decided(opened(), worth(0, 1, reservation=2), worth(1, 0))
        assert (decision.outcome, decision.agreement, decision.gains) == ("no_quorum", (), ())
        assert [lost.reason for lost in decision.alternatives] == ["no_agreement"] * 2
        assert BARGAINING.result(decision) is None

    def test_it_binds_nobody_who_has_not_spoken(self) -> None:
        sitting = Sitting(opened()).turns(("ann", worth(0, 1)))
        decision = sitting.decision(BargainingDecided)
        assert (decision.outcome, decision.rational_count) == ("no_quorum", 0)

    def test_the_latest_word_counts(self) -> None:
        sitting = Sitting(opened()).turns(("ann", worth(1, 0)), ("ann", worth(0, 1)))
        decision = sitting.turns(("bob", worth(1, 0))).decision(BargainingDecided)
        assert (decision.agreement, decision.superseded) == (("0.5",), 1)

    def test_another_word_is_not_taken_for_the_same(self) -> None:
        """A digest of 32 bits has twins that anybody finds in seconds, such as these two."""
        sitting = Sitting(opened(WAY, revising="first"))
        sitting.say("ann", worth(TWINS[0], 1, 0)).say("ann", worth(TWINS[1], 1, 0))
        assert sitting.state.spoken["ann"].speech == worth(TWINS[0], 1, 0)
        assert sitting.refused("ann").startswith("equivocated")

    def test_several_issues_are_settled_together(self) -> None:
        flat = Evaluation(Decimal(1), (Decimal(0), Decimal(0), Decimal(0)))
        ann = UtilityDeclared(evaluations=(*worth(0, 4).evaluations, flat))
        bob = UtilityDeclared(evaluations=(*worth(4, 0).evaluations, *worth(0, 1, 0).evaluations))
        decision = decided(opened(CAKE, WAY), ann, bob)
        assert (decision.agreement, decision.number) == (("0.5", "middle"), None)


class TestStanding:
    def test_what_parties_have_said_is_shown(self) -> None:
        sitting = Sitting(opened()).turns(("ann", worth(0, 1, weight=3, reservation="0.5")))
        shown = standing("s", sitting.state)
        assert shown.columns == ("party", "weights", "best", "none", "position")
        assert shown.rows == (("ann", "3", "3", "0.5", "2"),)
        assert shown.remarks == ("1 of 2 parties have said what outcomes are worth",)

    def test_under_a_seal_only_how_many_have_spoken(self) -> None:
        sitting = Sitting(opened(visibility="sealed")).turns(("ann", worth(0, 1)))
        shown = standing("s", sitting.state)
        assert (shown.rows, shown.remarks[0][:6]) == ((), "1 of 2")


class TestTies:
    TWINS = (worth(2, 2, 1), worth(3, 3, 1))

    def test_equals_are_listed_and_one_of_them_is_taken(self) -> None:
        decision = decided(opened(WAY), *self.TWINS)
        assert decision.agreement[0] in {"left", "middle"}
        assert (decision.equals, decision.equals_count) == ((0, 1), 2)

    def test_the_earliest_is_the_first_of_the_outcomes(self) -> None:
        assert decided(opened(WAY, tie_break="earliest"), *self.TWINS).agreement == ("left",)

    def test_a_tie_may_be_left_unresolved(self) -> None:
        decision = decided(opened(WAY, tie_break="refuse"), *self.TWINS)
        assert (decision.outcome, decision.agreement) == ("tie_unresolved", ())
        assert decision.alternatives[0].reason == "tie_unresolved"

    def test_of_very_many_equals_some_are_listed(self) -> None:
        wide = RangeIssue("x", Decimal(0), Decimal(999), Decimal(1))
        sitting = Sitting(opened(wide)).turns(("ann", worth(1, 1)), ("bob", worth(1, 1)))
        decision = sitting.close().state.decision
        assert isinstance(decision, BargainingDecided)
        BARGAINING.verify(sitting.hearing, decision)  # type: ignore[arg-type]  # one of its own
        assert (len(decision.equals), decision.equals_count) == (100, 1000)


class TestBounds:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"rule": Policy("single_text")}, "policy.unknown"),
            ({"participants": PAIR[:1]}, "negotiation.parties"),
            ({"subject": "x" * 1001}, "negotiation.text"),
            (
                {
                    "issues": (RangeIssue("x", Decimal(0), Decimal(99_999), Decimal(1)),),
                    "participants": tuple(Participant(f"a{n}") for n in range(4)),
                },
                "negotiation.issues",
            ),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, fields: dict[str, object], code: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_opening(opened(**fields))
        assert caught.value.code == code

    @pytest.mark.parametrize(
        "word",
        [
            UtilityDeclared(evaluations=()),
            worth(1),
            worth(1, 2, weight=-1),
            worth(1, "NaN"),
            worth(1, 2, reservation="1e99"),
            UtilityDeclared(evaluations=worth(1, 2).evaluations, note="x" * 1001),
        ],
    )
    def test_utilities_that_do_not_fit_do_not_count(self, word: UtilityDeclared) -> None:
        sitting = Sitting(opened()).say("ann", word)
        assert sitting.refused("ann").startswith("invalid")

    def test_words_are_written_as_text(self) -> None:
        assert BARGAINING.say(worth(1, 2)).startswith("weights 1, values ")
        assert BARGAINING.say(worth(1, 2)) != BARGAINING.say(worth(1, 3))
        BARGAINING.check_speech(opened(), BidPlaced(amount=1))
        assert BARGAINING.say(BidPlaced(amount=1)) == ""

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        assert "that of a bargaining" in proved_wrong(Sitting(opened()))


WORTH = st.integers(0, 6)
THREE = st.tuples(WORTH, WORTH, WORTH)


class TestPromises:
    @settings(max_examples=60)
    @given(st.sampled_from(sorted(CONCEPTS)), THREE, THREE, WORTH, WORTH)
    def test_whatever_follows_is_proved_and_leaves_nobody_worse_off(
        self,
        rule: str,
        ann: tuple[int, ...],
        bob: tuple[int, ...],
        least_ann: int,
        least_bob: int,
    ) -> None:
        decision = decided(
            opened(WAY, rule=Policy(rule)),
            worth(*ann, reservation=least_ann),
            worth(*bob, weight="0.5", reservation=least_bob),
        )
        assert all(Fraction(gain.gain) >= 0 for gain in decision.gains)

    def test_a_party_gains_by_saying_what_is_not_so(self) -> None:
        """No solution is truthful: who claims to need no agreement gets more of the cake."""
        honest = decided(opened(), worth(0, 1), worth(1, 0))
        lying = decided(opened(), worth(0, 1, reservation="0.5"), worth(1, 0))
        assert Decimal(lying.agreement[0]) > Decimal(honest.agreement[0])
