"""Agreement on a number: which ballots count, what is decided, how a stranger checks it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import cast

import msgspec
import pytest
from hypothesis import assume
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from mabeam.core.auction import AuctionDecided, BidPlaced
from mabeam.core.consensus import (
    CONSENSUS,
    BallotCast,
    ConsensusDecided,
    ConsensusOpened,
    Contribution,
)
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Alternative,
    Closed,
    Considered,
    Decision,
    Hearing,
    Open,
    Participant,
    Speech,
    hearing,
    standing,
)
from mabeam.core.session.protocol import protocol_of
from mabeam.core.testing import Past, Said, given, said
from support.tampering import refuses_corruptions

CLOSED = Closed(reason="deadline")
UNIT = ConsensusOpened(low=Decimal(0), high=Decimal(1))


def vote(agent: str, value: str | int) -> Said:
    return said(BallotCast(value=Decimal(value)), agent)


def asked(
    low: str | int = 0,
    high: str | int = 1,
    *,
    step: str | None = None,
    default: str | None = None,
    quorum: int = 0,
    weights: dict[str, int] | None = None,
) -> ConsensusOpened:
    return ConsensusOpened(
        low=Decimal(low),
        high=Decimal(high),
        step=None if step is None else Decimal(step),
        default=None if default is None else Decimal(default),
        quorum=quorum,
        participants=tuple(Participant(*named) for named in (weights or {}).items()),
    )


def heard(opening: ConsensusOpened, *past: Past) -> Hearing[ConsensusOpened]:
    """Return the hearing of a closed vote."""
    state = given(SESSION, opening, *past, CLOSED).state
    return cast("Hearing[ConsensusOpened]", hearing("s", state))


def decided(opening: ConsensusOpened, *past: Past) -> ConsensusDecided:
    """Decide a closed vote, and let the certificate prove it."""
    found = heard(opening, *past)
    decision = CONSENSUS.decide(found)
    assert isinstance(decision, ConsensusDecided)
    CONSENSUS.verify(found, decision)
    return decision


def reasons(decision: Decision) -> dict[str, str]:
    return {lost.agent: lost.reason for lost in decision.alternatives}


class TestOpening:
    @pytest.mark.parametrize(
        "opening",
        [
            UNIT,
            asked(-1, -1),
            asked("0.1", "0.9", step="0.2", default="0.3"),
            asked(0, "1e30"),
            asked(0, "0.000000000000000000000000000001", step="1e-30"),
        ],
    )
    def test_a_question_that_has_answers_is_asked(self, opening: ConsensusOpened) -> None:
        given(SESSION).when(Open(opening)).then(opening)

    @pytest.mark.parametrize(
        ("opening", "code", "field", "value", "allowed"),
        [
            (asked(1, 0), "consensus.range", "low", "1", "at most 0"),
            (asked(step="0"), "consensus.step", "step", "0", "above 0"),
            (asked(step="-0.1"), "consensus.step", "step", "-0.1", "above 0"),
            (asked(default="1.1"), "consensus.default", "default", "1.1", "0 to 1, on the step"),
            (asked(default="-1"), "consensus.default", "default", "-1", "0 to 1, on the step"),
            (asked(step="0.2", default="0.3"), "consensus.default", "default", "0.3", "0 to 1, on"),
            (asked("nan"), "consensus.number", "low", "NaN", "a number below 1e30"),
            (asked(high="inf"), "consensus.number", "high", "Infinity", "a number below 1e30"),
            (asked(high="1e31"), "consensus.number", "high", "1E+31", "a number below 1e30"),
            (asked(step="1e-31"), "consensus.number", "step", "1E-31", "a number below 1e30"),
            (asked(default="0." + "1" * 31), "consensus.number", "default", "0.111", "30 digits"),
        ],
        ids=str,
    )
    def test_a_question_that_has_none_is_refused(
        self, opening: ConsensusOpened, code: str, field: str, value: str, allowed: str
    ) -> None:
        refusal = given(SESSION).when(Open(opening)).then_rejected(code, field=field)
        assert refusal.value.startswith(value)
        assert allowed in refusal.allowed

    def test_an_unknown_rule_is_refused(self) -> None:
        opening = ConsensusOpened(low=Decimal(0), high=Decimal(1), rule=Policy("mode"))
        refusal = given(SESSION).when(Open(opening)).then_rejected("policy.unknown", field="policy")
        known = "median version 1, trimmed_mean version 1, weighted_mean version 1"
        assert refusal.allowed == known

    def test_more_liars_than_the_team_can_bear_are_refused(self) -> None:
        """Of four, two may not lie: the original asked for seven, by the count of its votes."""
        two = Policy("trimmed_mean", parameters={"liars": 2})
        four = msgspec.structs.replace(asked(weights=dict.fromkeys("abcd", 1)), rule=two)
        refusal = given(SESSION).when(Open(four)).then_rejected("consensus.participants")
        allowed = "more than twice as many as may lie, which is 2"
        assert (refusal.field, refusal.value, refusal.allowed) == ("participants", "4", allowed)
        five = msgspec.structs.replace(asked(weights=dict.fromkeys("abcde", 1)), rule=two)
        given(SESSION).when(Open(five)).then(five)
        everybody = msgspec.structs.replace(asked(), rule=two)
        given(SESSION).when(Open(everybody)).then(everybody)


class NotABallot(Speech, frozen=True, kw_only=True):
    """Something said that is no ballot."""


class TestBallots:
    @pytest.mark.parametrize("value", ["nan", "snan", "inf", "-inf", "1e31", "1e999999", "1" * 31])
    def test_a_ballot_that_cannot_be_added_does_not_count_and_says_why(self, value: str) -> None:
        decision = decided(UNIT, vote("eve", value), vote("ann", 1))
        assert decision.value == 1
        (lost,) = decision.alternatives
        assert (lost.agent, lost.position) == ("eve", 2)
        assert lost.reason.startswith("invalid: ")
        assert "[consensus.number]" in lost.reason

    def test_a_ballot_outside_of_the_range_counts_and_is_clamped(self) -> None:
        assert decided(UNIT, vote("ann", 7)).value == 1
        assert decided(UNIT, vote("ann", 7), vote("bob", -6)).value == Decimal("0.5")

    def test_the_rule_for_ballots_minds_ballots_alone(self) -> None:
        CONSENSUS.check_speech(UNIT, NotABallot())
        assert CONSENSUS.say(NotABallot()) == ""
        assert CONSENSUS.say(BallotCast(value=Decimal("0.10"), note="x")) == "0.1"


class TestDecisions:
    def test_the_weighted_mean_of_the_lineage(self) -> None:
        """Negotiate a temperature: 0.1, 1.2 and 0.3 with weights 0.4, 0.3 and 0.3 give 0.49."""
        opening = asked(0, 2, weights={"ann": 4, "bob": 3, "cyd": 3})
        votes = (vote("ann", "0.1"), vote("bob", "1.2"), vote("cyd", "0.3"))
        assert decided(opening, *votes) == ConsensusDecided(
            outcome="decided",
            rule=Policy("weighted_mean"),
            considered=Considered(1, 5),
            value=Decimal("0.49"),
            contributions=(
                Contribution("ann", 4, Decimal("0.1"), 2),
                Contribution("bob", 3, Decimal("1.2"), 3),
                Contribution("cyd", 3, Decimal("0.3"), 4),
            ),
            mean="49/100",
        )

    def test_a_mean_between_two_steps_goes_to_the_nearer(self) -> None:
        opening = asked(0, 1, step="0.25")
        assert decided(opening, vote("ann", "0.3"), vote("bob", "0.4")).value == Decimal("0.25")
        assert decided(opening, vote("ann", "0.4"), vote("bob", "0.4")).value == Decimal("0.5")

    def test_without_a_step_a_mean_has_nine_places(self) -> None:
        votes = (vote("ann", 0), vote("bob", 0), vote("cyd", 1))
        decision = decided(UNIT, *votes)
        assert (decision.value, decision.mean) == (Decimal("0.333333333"), "1/3")

    @pytest.mark.parametrize(
        ("opening", "ballot", "value"),
        [
            (asked("1e-12", "2e-12"), "1e-12", "1e-12"),
            (asked("1e-12", "3e-12"), "2e-12", "2e-12"),
            (asked(0, 1, step="1e-11"), "3.4e-11", "3e-11"),
            (asked(0, "1e30"), "123456789012345678901234567890", "123456789012345678901234567890"),
        ],
        ids=str,
    )
    def test_small_and_large_ranges_keep_their_digits(
        self, opening: ConsensusOpened, ballot: str, value: str
    ) -> None:
        assert decided(opening, vote("ann", ballot)).value == Decimal(value)

    def test_below_the_quorum_the_default_is_taken(self) -> None:
        opening = asked(default="0.7", quorum=2)
        decision = decided(opening, vote("ann", "0.1"))
        assert (decision.outcome, decision.value) == ("default_taken", Decimal("0.7"))
        assert (decision.contributions, decision.mean) == ((), "")
        assert decision.alternatives == (Alternative("ann", "0.1", 2, "no_quorum"),)

    def test_below_the_quorum_and_without_a_default_nothing_is_decided(self) -> None:
        decision = decided(asked(quorum=2), vote("ann", "0.1"))
        assert (decision.outcome, decision.value) == ("no_quorum", None)

    def test_a_quorum_is_one_of_weights(self) -> None:
        opening = asked(quorum=5, weights={"ann": 4, "bob": 1, "cyd": 9})
        assert decided(opening, vote("ann", 1)).outcome == "no_quorum"
        assert decided(opening, vote("ann", 1), vote("bob", 1)).outcome == "decided"

    def test_only_the_latest_ballot_of_each_counts(self) -> None:
        decision = decided(UNIT, vote("ann", 0), vote("bob", 1), vote("ann", 1))
        assert (decision.value, decision.superseded) == (Decimal(1), 1)

    @pytest.mark.parametrize(("first", "again"), [("0.5", "0.50"), ("10", "1E+1"), ("0", "-0.0")])
    def test_who_says_the_same_number_in_another_form_says_nothing_new(
        self, first: str, again: str
    ) -> None:
        opening = msgspec.structs.replace(asked(0, 10), revising="exclude")
        decision = decided(opening, vote("ann", first), vote("ann", again))
        assert (decision.value, decision.superseded) == (Decimal(first), 0)
        assert decision.alternatives == ()

    def test_words_that_do_not_count_are_listed(self) -> None:
        opening = asked(weights={"ann": 1})
        decision = decided(opening, vote("ann", 1), vote("eve", 0))
        assert (decision.value, reasons(decision)) == (Decimal(1), {"eve": "not_eligible"})

    def test_words_of_another_protocol_are_listed(self) -> None:
        decision = decided(UNIT, vote("ann", 1), said(BidPlaced(amount=3), "bob"))
        assert reasons(decision)["bob"].startswith("not_understood: BidPlaced")


DECIMALS = st.decimals(
    min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=6
)
AGENTS = ("ann", "bob", "cyd", "dan")
BALLOTS = st.dictionaries(
    st.sampled_from(AGENTS), st.tuples(st.integers(1, 9), DECIMALS), min_size=1
)


class TestPromises:
    @hypothesis_given(BALLOTS, DECIMALS, DECIMALS, st.none() | st.integers(1, 10**7))
    def test_the_value_is_the_exact_mean_brought_into_the_range(
        self,
        ballots: dict[str, tuple[int, Decimal]],
        low: Decimal,
        high: Decimal,
        millionths: int | None,
    ) -> None:
        assume(low <= high)
        weights = {agent: weight for agent, (weight, _) in ballots.items()}
        step = None if millionths is None else Decimal(millionths) / 10**6
        opening = msgspec.structs.replace(asked(weights=weights), low=low, high=high, step=step)
        votes = (said(BallotCast(value=value), agent) for agent, (_, value) in ballots.items())
        decision = decided(opening, *votes)
        assert decision.value is not None
        found = Fraction(decision.value)
        assert low <= decision.value <= high
        total = sum((weight * Fraction(value) for weight, value in ballots.values()), Fraction(0))
        mean: Fraction = total / sum(weights.values())
        assert Fraction(decision.mean) == mean
        clamped = min(max(mean, Fraction(low)), Fraction(high))
        if step is None:
            assert abs(found - clamped) <= Fraction(1, 2 * 10**9)
        else:
            steps = (found - Fraction(low)) / Fraction(step)
            assert steps.denominator == 1
            assert abs(found - clamped) <= Fraction(step) / 2 or found + Fraction(step) > high

    @hypothesis_given(BALLOTS)
    def test_the_order_of_the_ballots_does_not_matter(
        self, ballots: dict[str, tuple[int, Decimal]]
    ) -> None:
        opening = asked(
            -(10**12), 10**12, weights={a: weight for a, (weight, _) in ballots.items()}
        )
        votes = [said(BallotCast(value=value), agent) for agent, (_, value) in ballots.items()]
        assert decided(opening, *votes).value == decided(opening, *reversed(votes)).value

    def test_one_liar_breaks_the_mean(self) -> None:
        """The control: the mean is known not to bear a single liar. A median would."""
        honest = [vote(agent, "0.5") for agent in AGENTS]
        assert decided(UNIT, *honest).value == Decimal("0.5")
        for lie, end in [("1e29", 1), ("-1e29", 0)]:
            assert decided(UNIT, *honest, vote("eve", lie)).value == end
            assert median([Decimal("0.5")] * len(honest) + [Decimal(lie)]) == Decimal("0.5")


OPENING = asked(0, 2, step="0.5", default="1", quorum=3, weights={"ann": 2, "bob": 1, "cyd": 1})
VOTES = (vote("ann", "0.4"), vote("bob", "1.2"))
BOTH = (Contribution("ann", 2, Decimal("0.4"), 2), Contribution("bob", 1, Decimal("1.2"), 3))
CHANGES: dict[str, dict[str, object]] = {
    "another value": {"value": Decimal(1)},
    "no value": {"value": None},
    "a value off the step": {"value": Decimal("0.7")},
    "another mean": {"mean": "3/4"},
    "a mean not reduced": {"mean": "20/30"},
    "no mean": {"mean": ""},
    "a mean that is no number": {"mean": "much"},
    "a mean of nothing": {"mean": "1/0"},
    "a ballot dropped": {"contributions": BOTH[:1]},
    "no ballots": {"contributions": ()},
    "a ballot listed twice": {"contributions": (*BOTH, BOTH[0])},
    "a ballot invented": {"contributions": (*BOTH, Contribution("eve", 1, Decimal(2), 4))},
    "a ballot changed": {"contributions": (BOTH[0], Contribution("bob", 1, Decimal("1.3"), 3))},
    "a ballot from elsewhere": {
        "contributions": (BOTH[0], Contribution("bob", 1, Decimal("1.2"), 9))
    },
    "a weight changed": {"contributions": (BOTH[0], Contribution("bob", 9, Decimal("1.2"), 3))},
    "a value that is no number": {"value": Decimal("sNaN")},
    "a ballot that is no number": {
        "contributions": (BOTH[0], Contribution("bob", 1, Decimal("sNaN"), 3))
    },
    "another outcome": {"outcome": "no_quorum"},
    "the default though there is a quorum": {
        "outcome": "default_taken",
        "value": Decimal(1),
        "contributions": (),
        "mean": "",
    },
    "another rule": {"rule": Policy("mode")},
    "another closing": {"considered": Considered(1, 3)},
    "other words replaced": {"superseded": 1},
    "somebody unheard invented": {"alternatives": (Alternative("eve", "2", 4, "not_eligible"),)},
}


class TestCertificates:
    def test_the_decision_that_follows_is_proved(self) -> None:
        decision = decided(OPENING, *VOTES)
        assert (decision.value, decision.mean) == (Decimal("0.5"), "2/3")

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_a_corrupted_decision_is_refused(self, change: dict[str, object]) -> None:
        corrupted = msgspec.structs.replace(decided(OPENING, *VOTES), **change)
        with pytest.raises(Rejected) as caught:
            CONSENSUS.verify(heard(OPENING, *VOTES), corrupted)
        assert caught.value.code == "consensus.certificate"
        assert caught.value.field

    @pytest.mark.parametrize(
        "change",
        [
            {
                "outcome": "decided",
                "value": Decimal("0.5"),
                "contributions": BOTH[:1],
                "mean": "2/5",
            },
            {"value": Decimal("0.5")},
            {"outcome": "no_quorum", "value": None},
            {"contributions": BOTH[:1]},
            {"mean": "2/5"},
            {"alternatives": ()},
        ],
        ids=str,
    )
    def test_without_a_quorum_only_the_default_is_proved(self, change: dict[str, object]) -> None:
        missed = decided(OPENING, VOTES[0])
        assert missed.outcome == "default_taken"
        with pytest.raises(Rejected):
            CONSENSUS.verify(heard(OPENING, VOTES[0]), msgspec.structs.replace(missed, **change))

    @pytest.mark.parametrize(
        "rule",
        [
            Policy("weighted_mean"),
            Policy("weighted_mean", parameters={"share_percent_max": 50}),
            Policy("median", parameters={"share_percent_max": 40}),
            Policy("trimmed_mean", parameters={"liars": 1}),
        ],
        ids=str,
    )
    def test_whatever_is_changed_in_a_decision_is_noticed(self, rule: Policy) -> None:
        team = asked(0, 9, default="1", quorum=3, weights={"ann": 9, "bob": 1, "cyd": 2})
        opening = msgspec.structs.replace(team, rule=rule)
        past = (vote("ann", 1), vote("bob", 2), vote("cyd", 9), vote("eve", 3))
        found = heard(opening, *past)
        protocol = protocol_of(opening)
        assert refuses_corruptions(protocol, found, CONSENSUS.decide(found)) > 30  # type: ignore[arg-type]  # of some opening

    def test_who_was_dropped_and_who_may_not_vote_must_be_listed(self) -> None:
        opening = msgspec.structs.replace(
            asked(0, 9, weights={"ann": 1, "bob": 1, "cyd": 1}),
            rule=Policy("trimmed_mean", parameters={"liars": 1}),
        )
        past = (vote("ann", 1), vote("bob", 2), vote("cyd", 9), vote("eve", 3))
        decision = decided(opening, *past)
        assert list(reasons(decision).values()) == ["trimmed", "trimmed", "not_eligible"]
        for place in range(3):
            left = decision.alternatives[:place] + decision.alternatives[place + 1 :]
            with pytest.raises(Rejected, match="alternatives"):
                CONSENSUS.verify(
                    heard(opening, *past), msgspec.structs.replace(decision, alternatives=left)
                )

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        other = AuctionDecided(
            outcome="no_quorum", rule=Policy("second_price"), considered=Considered(1, 2), lot="x"
        )
        with pytest.raises(Rejected, match="a decision of a consensus"):
            CONSENSUS.verify(heard(OPENING, *VOTES), other)
        assert CONSENSUS.result(other) is None


class TestResult:
    def test_the_value_is_what_the_variable_becomes(self) -> None:
        assert CONSENSUS.result(decided(OPENING, *VOTES)) == Decimal("0.5")
        assert CONSENSUS.result(decided(OPENING)) == Decimal(1)

    def test_where_nothing_is_decided_nothing_becomes_of_it(self) -> None:
        assert CONSENSUS.result(decided(asked(quorum=1))) is None


def test_decisions_survive_the_wire() -> None:
    decision = decided(OPENING, *VOTES)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=ConsensusDecided) == decision


def test_how_it_stands_is_shown_with_what_it_would_come_to() -> None:
    state = given(SESSION, asked(weights={"ann": 3, "bob": 1}), vote("ann", "0.2")).state
    shown = standing("s", state)
    assert shown.rows == (("ann", "3", "0.2", "2"),)
    assert shown.remarks == ("as it stands: 0.2",)
    assert standing("s", given(SESSION, asked()).state).remarks == ()


def test_under_seal_only_who_has_voted_is_shown_until_the_closing() -> None:
    sealed = msgspec.structs.replace(UNIT, visibility="sealed")
    shown = standing("s", given(SESSION, sealed, vote("ann", "0.2")).state)
    assert shown.rows == (("ann", "2"),)
    assert shown.remarks == ("the ballots are sealed until the closing",)
    closed = standing("s", given(SESSION, sealed, vote("ann", "0.2"), CLOSED).state)
    assert closed.rows == (("ann", "1", "0.2", "2"),)
