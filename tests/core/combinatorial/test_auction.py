"""Combinatorial auctions as sessions: which bids count, what is decided, and who checks it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from mabeam.core.combinatorial import (
    COMBINATORIAL_AUCTION,
    BidsPlaced,
    Bundle,
    BundlesAwarded,
    BundlesOffered,
    Good,
)
from mabeam.core.combinatorial.language import AMOUNT_MAX
from mabeam.core.consensus import BallotCast
from mabeam.core.session import (
    SESSION,
    Cancelled,
    Decision,
    Open,
    Participant,
    standing,
)
from mabeam.core.testing import given, said
from support.bundles import (
    CLOSED,
    LLG,
    awards,
    bids,
    decided,
    offered,
    paid,
)


class TestOpening:
    def test_goods_with_units_and_reserves_are_offered(self) -> None:
        opening = offered(Good("gpu hour", 10**6, AMOUNT_MAX))
        given(SESSION).when(Open(opening)).then(opening)

    @pytest.mark.parametrize(
        ("opening", "code", "field"),
        [
            (BundlesOffered(goods=()), "bundles.range", "number of goods"),
            (offered(*(Good(f"{n}") for n in range(257))), "bundles.range", "number of goods"),
            (offered(Good("A"), Good("A")), "bundles.goods", "goods"),
            (offered(Good("")), "bundles.label", "name of a good"),
            (offered(Good("x" * 65)), "bundles.label", "name of a good"),
            (offered(Good("a\nb")), "bundles.label", "name of a good"),
            (offered(Good("A", 0)), "bundles.range", "quantity of A"),
            (offered(Good("A", 1, -1)), "bundles.range", "reserve of A"),
            (offered(solver_ms=0), "bundles.range", "solver_ms"),
            (offered(bundles_max=201), "bundles.range", "bundles_max"),
            (offered(tie_break="refuse"), "bundles.tie_break", "tie_break"),
            (offered(rule="third_price"), "policy.unknown", "policy"),
            (offered(parameters={"fallback": "none"}), "policy.parameters", "policy.parameters"),
            (offered(rule="core", parameters={"x": 1}), "policy.parameters", "policy.parameters"),
        ],
    )
    def test_what_cannot_be_held_is_refused(
        self, opening: BundlesOffered, code: str, field: str
    ) -> None:
        given(SESSION).when(Open(opening)).then_rejected(code, field=field)


class TestBids:
    @pytest.mark.parametrize(
        ("bundle", "why"),
        [
            (Bundle({"A": 1}, 0), "amount of bundle 0"),
            (Bundle({"A": 1}, AMOUNT_MAX + 1), "amount of bundle 0"),
            (Bundle({}, 1), "goods of bundle 0"),
            (Bundle({"C": 1}, 1), "no such good"),
            (Bundle({"A": 0}, 1), "units of A"),
            (Bundle({"A": 2}, 1), "units of A"),
            (Bundle({"A": 1}, 1, "x" * 65), "group of bundle 0"),
            (Bundle({"A": 1}, 1, "\n"), "group of bundle 0"),
        ],
    )
    def test_what_cannot_count_does_not_and_says_why(self, bundle: Bundle, why: str) -> None:
        decision = decided(
            offered(), said(BidsPlaced(bundles=(bundle,)), "ann"), bids("ben", ("A", 5))
        )
        assert awards(decision) == {"ben": {"A": 1}}
        assert why in decision.alternatives[0].reason

    def test_more_bundles_than_allowed_do_not_count(self) -> None:
        opening = offered(bundles_max=1)
        decision = decided(opening, bids("ann", ("A", 1), ("B", 1)))
        assert decision.outcome == "no_quorum"
        assert "number of bundles" in decision.alternatives[0].reason

    def test_the_rule_for_bids_minds_bids_alone(self) -> None:
        COMBINATORIAL_AUCTION.check_speech(offered(), BallotCast(value=Decimal(1)))
        assert COMBINATORIAL_AUCTION.say(BallotCast(value=Decimal(1))) == ""

    def test_bids_are_said_in_words(self) -> None:
        word = BidsPlaced(bundles=(Bundle({"B": 2, "A": 1}, 7), Bundle({"A": 1}, 3, "day")))
        assert COMBINATORIAL_AUCTION.say(word) == "A + 2 B for 7 xor A for 3 [day]"

    def test_xor_bundles_exclude_each_other_and_or_bundles_do_not(self) -> None:
        both = (("A", 5), ("B", 4))
        assert awards(decided(offered(), bids("ann", *both))) == {"ann": {"A": 1}}
        free = decided(offered(), bids("ann", *both, language="or"))
        assert [award.goods for award in free.awards] == [{"A": 1}, {"B": 1}]

    def test_labelled_bundles_exclude_those_of_their_label(self) -> None:
        word = BidsPlaced(
            bundles=(Bundle({"A": 1}, 5, "x"), Bundle({"B": 1}, 4, "x"), Bundle({"B": 1}, 3, "y"))
        )
        decision = decided(offered(), said(word, "ann"))
        assert [award.number for award in decision.awards] == [0, 2]

    def test_the_latest_word_replaces_all_bundles_before_it(self) -> None:
        decision = decided(offered(), bids("ann", ("A", 9)), bids("ann", ("B", 2)))
        assert (awards(decision), decision.superseded) == ({"ann": {"B": 1}}, 1)


class TestDecisions:
    def test_vcg(self) -> None:
        decision = decided(offered(), *LLG)
        assert (decision.outcome, decision.pricing) == ("decided", "vcg")
        assert awards(decision) == {"ann": {"A": 1}, "ben": {"B": 1}}
        assert (paid(decision), decision.revenue) == ({"ann": "40", "ben": "20"}, "60")
        assert [(lost.agent, lost.reason) for lost in decision.alternatives] == [("cyd", "outbid")]

    def test_core(self) -> None:
        decision = decided(offered(rule="core"), *LLG)
        assert (paid(decision), decision.revenue) == ({"ann": "60", "ben": "40"}, "100")
        halves = decided(
            offered(rule="core"),
            bids("ann", ("A", 8)),
            bids("ben", ("B", 7)),
            bids("cyd", ("AB", 10)),
        )
        assert paid(halves) == {"ann": "11/2", "ben": "9/2"}

    def test_pay_as_bid(self) -> None:
        decision = decided(offered(rule="pay_as_bid"), *LLG)
        assert (paid(decision), decision.marginal) == ({"ann": "80", "ben": "60"}, ())

    def test_units_are_counted(self) -> None:
        """Two apples: A wants one for 5, B one for 2, C both for 6 or none."""
        apples = Good("a", 2)
        decision = decided(
            offered(apples), bids("A", ("a", 5)), bids("B", ("a", 2)), bids("C", ("aa", 6))
        )
        assert paid(decision) == {"A": "4", "B": "1"}

    def test_a_reserve_is_paid_at_least_and_may_leave_goods_unsold(self) -> None:
        goods = (Good("A", 1, 50), Good("B", 2, 10))
        decision = decided(
            offered(*goods), bids("ann", ("A", 80)), bids("ben", ("A", 49)), bids("cyd", ("B", 10))
        )
        assert paid(decision) == {"ann": "50", "cyd": "10"}
        assert decision.unsold == {"B": 1}
        assert decision.alternatives[0].reason == "below_reserve"

    def test_who_names_nothing_has_spoken(self) -> None:
        opening = offered(participants=(Participant("ann"), Participant("ben")))
        session = given(SESSION, opening, bids("ann"), bids("ben", ("A", 3))).state
        assert session.completed_id
        decision = decided(opening, bids("ann"), bids("ben", ("A", 3)))
        assert decision.alternatives[0].reason == "no_bid"

    def test_nothing_is_sold_without_bids_or_quorum(self) -> None:
        nothing = decided(offered())
        assert (nothing.outcome, nothing.unsold) == ("no_quorum", {"A": 1, "B": 1})
        alone = decided(offered(quorum=2), bids("ann", ("A", 3)))
        assert [lost.reason for lost in alone.alternatives] == ["no_quorum"]
        assert decided(offered(Good("A", 1, 9)), bids("ann", ("A", 3))).outcome == "no_quorum"

    def test_a_long_word_is_cut_where_it_is_listed(self) -> None:
        many = tuple((letter, 1) for letter in "ABABABABABABABAB")
        decision = decided(offered(), bids("ann", *many), bids("ben", ("AB", 50)))
        assert len(decision.alternatives[0].said) == 100

    def test_two_resources_against_two_that_are_worth_more(self) -> None:
        """A scenario of the system this one descends from."""
        goods = (Good("cpu"), Good("mem"), Good("storage"))
        one = Bundle({"cpu": 1, "mem": 1}, 20)
        other = Bundle({"cpu": 1, "storage": 1}, 25)
        decision = decided(
            offered(*goods, rule="pay_as_bid"),
            said(BidsPlaced(bundles=(one,)), "b1"),
            said(BidsPlaced(bundles=(other,)), "b2"),
        )
        assert (awards(decision), paid(decision)) == (
            {"b2": {"cpu": 1, "storage": 1}},
            {"b2": "25"},
        )
        absent = said(BidsPlaced(bundles=(Bundle({"gpu": 1}, 20),)), "b1")
        nothing = decided(offered(*goods), absent)
        assert (nothing.outcome, "no such good" in nothing.alternatives[0].reason) == (
            "no_quorum",
            True,
        )

    def test_parts_that_are_worth_more_than_the_whole_win(self) -> None:
        """Likewise; there the whole won for 24 where the parts bring 35."""
        goods = (Good("cpu"), Good("mem"), Good("storage"))
        words = (("b1", {"cpu": 1, "mem": 1}, 25), ("b2", {"storage": 1}, 10))
        past = [said(BidsPlaced(bundles=(Bundle(g, a),)), who) for who, g, a in words]
        whole = Bundle({"cpu": 1, "mem": 1, "storage": 1}, 24)
        decision = decided(offered(*goods), *past, said(BidsPlaced(bundles=(whole,)), "b3"))
        assert set(awards(decision)) == {"b1", "b2"}
        assert decision.main is not None
        assert decision.main.value == 35

    def test_three_resources_that_are_valued_one_by_one(self) -> None:
        """Likewise: each good goes for the second-highest value; welfare 1,450."""
        values = {
            "alpha": (("A", 450), ("B", 650), ("S", 200)),
            "beta": (("A", 380), ("B", 720), ("S", 280)),
            "gamma": (("A", 420), ("B", 600), ("S", 150)),
        }
        past = [bids(agent, *wanted, language="or") for agent, wanted in values.items()]
        decision = decided(offered(Good("A"), Good("B"), Good("S")), *past)
        # Beta has two of them, and pays 650 for the one and 200 for the other.
        assert paid(decision) == {"alpha": "420", "beta": "850"}
        assert decision.main is not None
        assert decision.main.value == 1450


class TestLifeCycle:
    def test_late_ineligible_and_repeated_words_change_nothing(self) -> None:
        opening = offered(participants=(Participant("ann"), Participant("ben"), Participant("cyd")))
        past = (*LLG, bids("eve", ("AB", 999)), bids("ann", ("A", 80)))
        late = given(SESSION, opening, *past, CLOSED, bids("ann", ("A", 1))).state
        assert dict(late.late) == {"ann": 8}
        decision = decided(opening, *past)
        assert (paid(decision), decision.superseded) == ({"ann": "40", "ben": "20"}, 0)
        assert decision.alternatives[-1].reason == "not_eligible"

    def test_it_can_be_taken_back_until_it_is_decided(self) -> None:
        state = given(SESSION, offered(), *LLG, said(Cancelled(), "operator")).state
        opener = state.opened_by
        assert given(SESSION, offered(), *LLG, said(Cancelled(), opener)).state.outcome == (
            "cancelled"
        )


class TestShowing:
    def test_the_result_says_who_gets_what(self) -> None:
        decision = decided(offered(), *LLG)
        assert COMBINATORIAL_AUCTION.result(decision) == "ann: A; ben: B"
        assert COMBINATORIAL_AUCTION.result(decided(offered())) is None

    def test_bids_are_shown_with_a_quick_look_at_who_would_win(self) -> None:
        opening = offered(Good("A", 1, 50), Good("B"))
        state = given(SESSION, opening, *LLG, bids("dan", ("A", 3))).state
        shown = standing("s", state)
        assert shown.columns == ("bidder", "bundle", "amount", "provisional")
        assert shown.rows == (
            ("ann", "A", "80", "accepted"),
            ("ben", "B", "60", "accepted"),
            ("cyd", "A + B", "100", ""),
            ("dan", "A", "3", "below reserve"),
        )
        assert shown.remarks[0].startswith("Accepted in this quick look: 140")
        assert standing("s", given(SESSION, offered()).state).remarks == ()

    def test_under_seal_it_tells_only_who_has_bid(self) -> None:
        opening = offered(visibility="sealed")
        shown = standing("s", given(SESSION, opening, *LLG).state)
        assert shown.rows == (("ann", "2"), ("ben", "3"), ("cyd", "4"))
        assert shown.remarks == ("the bids are sealed until the closing",)
        assert len(standing("s", given(SESSION, opening, *LLG, CLOSED).state).columns) == 4


WORDS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "ben", "cyd", "dan"]),
        st.lists(
            st.tuples(
                st.sampled_from(["A", "B", "C", "AB", "BC", "AC", "ABC", "AA"]), st.integers(1, 12)
            ),
            max_size=3,
        ),
        st.sampled_from(["xor", "or"]),
    ),
    max_size=5,
)


class TestAnyBids:
    @settings(max_examples=60, deadline=None)
    @hypothesis_given(WORDS, st.sampled_from(["vcg", "core", "pay_as_bid"]), st.integers(0, 3))
    def test_every_decision_is_proved_and_nobody_pays_more_than_it_said(
        self, words: list[tuple[str, list[tuple[str, int]], str]], rule: str, reserve: int
    ) -> None:
        opening = offered(Good("A", 2, reserve), Good("B"), Good("C"), rule=rule)
        past = [bids(agent, *wanted, language=language) for agent, wanted, language in words]
        decision = decided(opening, *past)
        said_by: dict[str, int] = {}
        for award in decision.awards:
            said_by[award.agent] = said_by.get(award.agent, 0) + award.amount
        for payment in decision.payments:
            assert 0 <= Fraction(payment.amount) <= said_by[payment.agent]
        assert sum(map(Fraction, paid(decision).values())) == Fraction(decision.revenue)

    @settings(max_examples=30, deadline=None)
    @hypothesis_given(WORDS)
    def test_the_order_of_arrival_changes_no_value(
        self, words: list[tuple[str, list[tuple[str, int]], str]]
    ) -> None:
        latest = list({word[0]: word for word in words}.values())
        value_of: Callable[[Decision], int] = lambda decision: (  # noqa: E731 - it is short
            decision.main.value if isinstance(decision, BundlesAwarded) and decision.main else 0
        )
        opening = offered(Good("A", 2), Good("B"), Good("C"))
        there, back = (
            decided(opening, *(bids(a, *w, language=x) for a, w, x in order))
            for order in (latest, latest[::-1])
        )
        assert value_of(there) == value_of(back)
