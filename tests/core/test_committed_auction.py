"""Bids under seal: commitments bind and hide, and who does not reveal has made no bid."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from mabeam.core.auction import (
    COMMITTED_AUCTION,
    AuctionDecided,
    BidCommitted,
    BidPlaced,
    BidRevealed,
    CommitsClosed,
    CommittedAuctionDecided,
    CommittedAuctionOpened,
    Forfeit,
    Ranked,
    Seal,
    commitment_of,
)
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Alternative,
    Closed,
    Considered,
    Open,
    Participant,
    Speech,
    standing,
)
from mabeam.core.testing import Past, Said, given, said
from mabeam.core.testing.history import ENTITY, NS_PER_SECOND
from support.auctions import expect_refused, forgeries, heard, proved, reasons, state_of

OPENING = CommittedAuctionOpened(
    lot="desk", reserve=5, bond=100, commit_for_ms=10_000, open_for_ms=20_000
)
NAMED = msgspec.structs.replace(OPENING, participants=tuple(map(Participant, ("ann", "bob"))))
ALL_IN = CommitsClosed()


def salt(agent: str) -> str:
    return f"salt of {agent} ".ljust(20, "x")


def commits(agent: str, amount: int) -> Said:
    return said(BidCommitted(commitment=commitment_of(ENTITY, agent, amount, salt(agent))), agent)


def reveals(agent: str, amount: int) -> Said:
    return said(BidRevealed(amount=amount, salt=salt(agent)), agent)


def seal(agent: str, amount: int, position: int, revealed_at: int = 0) -> Seal:
    commitment = commitment_of(ENTITY, agent, amount, salt(agent))
    if not revealed_at:
        return Seal(agent, commitment, position)
    return Seal(agent, commitment, position, amount, salt(agent), revealed_at)


PAST: tuple[Past, ...] = (
    commits("ann", 12),
    commits("bob", 9),
    commits("cyd", 50),
    commits("dan", 4),
    ALL_IN,
    reveals("bob", 9),
    reveals("ann", 12),
    reveals("dan", 4),
    reveals("cyd", 20),
)


class TestCommitments:
    def test_it_is_the_digest_of_five_lines(self) -> None:
        text = "mabeam.commitment.v1\nlogin\nann\n25\n0123456789abcdef"
        expected = hashlib.sha256(text.encode()).hexdigest()
        assert commitment_of("login", "ann", 25, "0123456789abcdef") == expected
        assert expected == "e7a207e043cbe52d0b912d65266715693e2e275af16ddda437273704af358a36"

    @hypothesis_given(
        st.tuples(
            st.sampled_from(["s", "t"]),
            st.sampled_from(["ann", "bob"]),
            st.integers(1, 30),
            st.text(min_size=16, max_size=20),
        ),
        st.tuples(
            st.sampled_from(["s", "t"]),
            st.sampled_from(["ann", "bob"]),
            st.integers(1, 30),
            st.text(min_size=16, max_size=20),
        ),
    )
    def test_other_bids_have_other_commitments(
        self, one: tuple[str, str, int, str], other: tuple[str, str, int, str]
    ) -> None:
        assert (commitment_of(*one) == commitment_of(*other)) == (one == other)


class TestOpening:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("reserve", -1),
            ("bond", -1),
            ("commit_for_ms", -1),
            ("commit_for_ms", 20_000),
            ("lot", "x" * 1001),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, field: str, value: object) -> None:
        opening = msgspec.structs.replace(OPENING, **{field: value})
        given(SESSION).when(Open(opening)).then_rejected(f"auction.{field}", field=field)

    def test_a_rule_of_other_auctions_is_refused(self) -> None:
        opening = msgspec.structs.replace(OPENING, rule=Policy("uniform"))
        given(SESSION).when(Open(opening)).then_rejected("policy.unknown")
        given(SESSION).when(Open(OPENING)).then(OPENING)


class TestDecisions:
    def test_the_bids_revealed_are_cleared_and_the_others_forfeit_their_bond(self) -> None:
        unrevealed = seal("cyd", 50, 4)
        assert proved(OPENING, *PAST) == CommittedAuctionDecided(
            outcome="decided",
            rule=Policy("second_price"),
            considered=Considered(1, 11),
            alternatives=(
                Alternative("bob", "9", 7, "outbid"),
                Alternative("cyd", f"sealed {unrevealed.commitment[:8]}", 4, "not_revealed"),
                Alternative("dan", "4", 9, "below_reserve"),
                Alternative("cyd", "20", 10, "mismatch: it is not what was committed to"),
            ),
            lot="desk",
            winner="ann",
            price=9,
            ranking=(Ranked("ann", 12, 2), Ranked("bob", 9, 3)),
            price_basis="second_bid",
            seals=(
                seal("ann", 12, 2, 8),
                seal("bob", 9, 3, 7),
                seal("cyd", 50, 4),
                seal("dan", 4, 5, 9),
            ),
            forfeits=(Forfeit("cyd", 100),),
        )

    def test_under_the_first_price_the_winner_pays_its_bid(self) -> None:
        opening = msgspec.structs.replace(OPENING, rule=Policy("first_price"))
        decision = proved(opening, *PAST)
        assert (decision.winner, decision.price, decision.price_basis) == ("ann", 12, "own_bid")

    def test_a_lone_bid_pays_the_reserve(self) -> None:
        decision = proved(OPENING, commits("ann", 9), ALL_IN, reveals("ann", 9))
        assert (decision.winner, decision.price, decision.price_basis) == ("ann", 5, "reserve")

    def test_the_latest_commitment_counts(self) -> None:
        past = (commits("ann", 9), commits("ann", 7), ALL_IN, reveals("ann", 9))
        assert reasons(proved(OPENING, *past)) == {"ann": "mismatch"}
        assert proved(OPENING, *past, reveals("ann", 7)).winner == "ann"

    @pytest.mark.parametrize(
        ("past", "reason"),
        [
            ((reveals("ann", 9),), "too_early"),
            ((ALL_IN, commits("ann", 9)), "commits_closed"),
            ((ALL_IN, reveals("ann", 9)), "not_committed"),
            (
                (commits("ann", 9), commits("bob", 9), ALL_IN, *[reveals("ann", 9)] * 2),
                "revealed_already",
            ),
            ((said(BidPlaced(amount=9), "ann"),), "not_understood"),
            ((said(BidCommitted(commitment="A" * 64), "ann"),), "invalid"),
            ((said(BidRevealed(amount=9, salt="short"), "ann"),), "invalid"),
            ((said(BidRevealed(amount=0, salt="x" * 16), "ann"),), "invalid"),
            ((said(BidRevealed(amount=1, salt="x" * 129), "ann"),), "invalid"),
        ],
        ids=str,
    )
    def test_words_out_of_place_do_not_count(self, past: tuple[Past, ...], reason: str) -> None:
        refused = heard(OPENING, *past).refused["ann"]
        assert refused.reason.partition(":")[0] == reason

    def test_nobody_can_pass_off_the_commitment_of_another(self) -> None:
        copied = commitment_of(ENTITY, "ann", 12, salt("ann"))
        past = (commits("ann", 12), said(BidCommitted(commitment=copied), "eve"), ALL_IN)
        copy = said(BidRevealed(amount=12, salt=salt("ann")), "eve")
        decision = proved(OPENING, *past, reveals("ann", 12), copy)
        assert (decision.winner, decision.forfeits) == ("ann", (Forfeit("eve", 100),))

    def test_nobody_forfeits_who_could_not_reveal(self) -> None:
        """No coordinator was there to close the commits before the session's time ended."""
        decision = proved(OPENING, commits("ann", 9), reveals("ann", 9))
        assert (decision.outcome, decision.forfeits) == ("no_quorum", ())
        forged = msgspec.structs.replace(decision, forfeits=(Forfeit("ann", 100),))
        expect_refused(heard(OPENING, commits("ann", 9), reveals("ann", 9)), forged)

    def test_a_late_reveal_is_no_bid(self) -> None:
        past = (commits("ann", 9), ALL_IN, Closed(reason="deadline"), reveals("ann", 9))
        state = state_of(OPENING, *past)
        assert dict(state.late) == {"ann": 5}
        assert state.course.seals["ann"].amount is None

    @pytest.mark.parametrize(
        ("tie_break", "outcome"),
        [("canonical", "decided"), ("earliest", "decided"), ("refuse", "tie_unresolved")],
    )
    def test_ties_are_broken_by_when_was_committed_not_revealed(
        self, tie_break: str, outcome: str
    ) -> None:
        opening = msgspec.structs.replace(OPENING, tie_break=tie_break)
        past = (commits("bob", 9), commits("ann", 9), ALL_IN, reveals("ann", 9), reveals("bob", 9))
        decision = proved(opening, *past)
        assert decision.outcome == outcome
        if tie_break == "earliest":
            assert decision.winner == "bob"
        lost = set(reasons(decision).values())
        assert lost == {"tie_lost" if outcome == "decided" else "tie_unresolved"}

    def test_below_the_quorum_nobody_wins(self) -> None:
        opening = msgspec.structs.replace(OPENING, quorum=2)
        decision = proved(opening, commits("ann", 9), ALL_IN, reveals("ann", 9))
        assert (decision.outcome, reasons(decision)) == ("no_quorum", {"ann": "no_quorum"})
        assert proved(OPENING).outcome == "no_quorum"


class TestCourse:
    def test_commits_close_when_all_named_have(self) -> None:
        given(SESSION, NAMED, commits("ann", 9)).when_reacting(SESSIONS).then_appends()
        past = (commits("ann", 9), commits("bob", 7))
        given(SESSION, NAMED, *past).when_reacting(SESSIONS).then_appends(ALL_IN)

    def test_or_with_their_time(self) -> None:
        reacting = given(SESSION, NAMED, commits("ann", 9)).when_reacting
        at_ns = 11 * NS_PER_SECOND
        reacting(SESSIONS, now_ns=at_ns - 1).then_appends().then_schedules(at_ns)
        reacting(SESSIONS, now_ns=at_ns).then_appends(ALL_IN)

    def test_half_of_the_session_is_for_commits_unless_stated(self) -> None:
        opening = msgspec.structs.replace(OPENING, commit_for_ms=0)
        assert state_of(opening).course.commits_end_ns == 11 * NS_PER_SECOND

    def test_the_session_closes_when_all_have_revealed(self) -> None:
        past = (commits("ann", 9), commits("bob", 7), ALL_IN, reveals("ann", 9))
        given(SESSION, NAMED, *past).when_reacting(SESSIONS).then_appends().then_schedules(
            21 * NS_PER_SECOND
        )
        given(SESSION, NAMED, *past, reveals("bob", 7)).when_reacting(SESSIONS).then_appends(
            Closed(reason="complete")
        )

    def test_at_once_where_nobody_has_committed(self) -> None:
        given(SESSION, OPENING, ALL_IN).when_reacting(SESSIONS).then_appends(
            Closed(reason="complete")
        )

    def test_a_second_announcement_changes_nothing(self) -> None:
        before = state_of(OPENING, commits("ann", 9), ALL_IN).course
        assert state_of(OPENING, commits("ann", 9), ALL_IN, ALL_IN).course == before


class TestStanding:
    def test_sealed_bids_stay_sealed_until_they_are_revealed(self) -> None:
        past = (commits("ann", 9), commits("bob", 7))
        shown = standing(ENTITY, state_of(OPENING, *past))
        assert [row[:2] for row in shown.rows] == [("ann", "sealed"), ("bob", "sealed")]
        assert shown.remarks == ("bids are committed to",)
        later = standing(ENTITY, state_of(OPENING, *past, ALL_IN, reveals("bob", 7)))
        assert [row[:2] for row in later.rows] == [("bob", "7"), ("ann", "sealed")]
        assert later.remarks == ("bids are revealed",)


class NotABid(Speech, frozen=True, kw_only=True):
    """Something said that is no bid."""


OTHER = AuctionDecided(
    outcome="no_quorum", rule=OPENING.rule, considered=Considered(1, 2), lot="desk"
)
TIES = (commits("bob", 9), commits("ann", 9), ALL_IN, reveals("ann", 9), reveals("bob", 9))


class TestCertificate:
    @pytest.mark.parametrize(
        ("changes", "past"),
        [
            ({}, PAST),
            ({"rule": Policy("first_price")}, PAST),
            ({"quorum": 9}, PAST),
            ({"tie_break": "refuse"}, TIES),
            ({"tie_break": "earliest"}, TIES),
        ],
        ids=["second price", "first price", "no quorum", "tie refused", "tie"],
    )
    def test_no_field_can_be_changed(
        self, changes: dict[str, object], past: tuple[Past, ...]
    ) -> None:
        opening = msgspec.structs.replace(OPENING, **changes)
        found = heard(opening, *past)
        forged = list(forgeries(proved(opening, *past)))
        assert len(forged) > 20
        for one in forged:
            expect_refused(found, one)

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        expect_refused(heard(OPENING), OTHER)
        assert COMMITTED_AUCTION.result(OTHER) is None

    def test_the_winner_is_what_the_variable_becomes(self) -> None:
        assert COMMITTED_AUCTION.result(proved(OPENING, *PAST)) == "ann"
        assert COMMITTED_AUCTION.result(proved(OPENING)) is None

    def test_words_are_written_for_people(self) -> None:
        assert COMMITTED_AUCTION.say(BidCommitted(commitment="ab" * 32)) == "sealed abababab"
        assert COMMITTED_AUCTION.say(BidRevealed(amount=9, salt="x")) == "9"
        assert COMMITTED_AUCTION.say(NotABid()) == ""
        COMMITTED_AUCTION.check_speech(OPENING, NotABid())
