"""Combinatorial auctions as sessions: which bids count, what is decided, and who checks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from mabeam.core.combinatorial import (
    COMBINATORIAL_AUCTION,
    BidsPlaced,
    Bundle,
    BundleRef,
    BundlesAwarded,
    BundlesOffered,
    Claim,
    ClearingProblem,
    ClearingSolution,
    Economy,
    Found,
    Good,
    Payment,
    clear_exactly,
    examine,
)
from mabeam.core.combinatorial.certificate import PRICES_KEPT_MAX, economy_of
from mabeam.core.combinatorial.language import AMOUNT_MAX, sale_of
from mabeam.core.combinatorial.outcome import auction_sale
from mabeam.core.consensus import BallotCast, ConsensusDecided
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Closed,
    Considered,
    Decision,
    Hearing,
    Open,
    Participant,
    hearing,
    standing,
)
from mabeam.core.testing import Past, Said, given, said

CLOSED = Closed(reason="deadline")
TWO = (Good("A"), Good("B"))


def bids(agent: str, *bundles: tuple[str, int], language: str = "xor") -> Said:
    """Return a word on bundles of single letters; a letter twice is two units."""
    wanted = tuple(Bundle({g: goods.count(g) for g in goods}, amount) for goods, amount in bundles)
    return said(BidsPlaced(bundles=wanted, language=language), agent)  # type: ignore[arg-type]  # xor or or


LLG = (bids("ann", ("A", 80)), bids("ben", ("B", 60)), bids("cyd", ("AB", 100)))


def heard(opening: BundlesOffered, *past: Past) -> Hearing[BundlesOffered]:
    state = given(SESSION, opening, *past, CLOSED).state
    return cast("Hearing[BundlesOffered]", hearing("s", state))


def solution_of(found: Hearing[BundlesOffered]) -> ClearingSolution | None:
    assert COMBINATORIAL_AUCTION.problem is not None
    asked = COMBINATORIAL_AUCTION.problem(found)
    return None if asked is None else clear_exactly(cast("ClearingProblem", asked))


def concluded(found: Hearing[BundlesOffered], solution: ClearingSolution | None) -> BundlesAwarded:
    if solution is None:
        decision = COMBINATORIAL_AUCTION.decide(found)
    else:
        assert COMBINATORIAL_AUCTION.conclude is not None
        decision = COMBINATORIAL_AUCTION.conclude(found, solution)
    assert isinstance(decision, BundlesAwarded)
    return decision


def decided(opening: BundlesOffered, *past: Past) -> BundlesAwarded:
    """Decide a closed auction, and let the certificate prove it."""
    found = heard(opening, *past)
    decision = concluded(found, solution_of(found))
    COMBINATORIAL_AUCTION.verify(found, decision)
    return decision


def offered(
    *goods: Good,
    rule: str = "vcg",
    parameters: dict[str, Any] | None = None,
    **fields: Any,  # noqa: ANN401 - fields of many kinds
) -> BundlesOffered:
    policy = Policy(rule, 1, parameters or {})
    return BundlesOffered(goods=goods or TWO, rule=policy, **fields)


def awards(decision: BundlesAwarded) -> dict[str, dict[str, int]]:
    return {award.agent: award.goods for award in decision.awards}


def paid(decision: BundlesAwarded) -> dict[str, str]:
    return {payment.agent: payment.amount for payment in decision.payments}


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


class TestUnproved:
    """What a solver could not prove is said, and priced by the declared fallback."""

    UNPROVED = Found((0, 1), 140, 150, (), "")

    def solution(
        self,
        opening: BundlesOffered | None = None,
        **changes: Any,  # noqa: ANN401 - fields of many kinds
    ) -> tuple[Hearing[BundlesOffered], ClearingSolution]:
        found = heard(opening or offered(), *LLG)
        solution = solution_of(found)
        assert solution is not None
        main = msgspec.structs.replace(solution.main, bound=150, proof="")
        return found, msgspec.structs.replace(solution, main=main, **changes)

    def test_vcg_gives_way_to_pay_as_bid(self) -> None:
        found, solution = self.solution()
        decision = concluded(found, solution)
        COMBINATORIAL_AUCTION.verify(found, decision)
        assert (decision.pricing, paid(decision)) == ("pay_as_bid", {"ann": "80", "ben": "60"})
        assert decision.main is not None
        assert (decision.main.value, decision.main.bound, decision.main.proof) == (140, 150, "")

    def test_or_to_core_if_so_declared(self) -> None:
        opening = offered(parameters={"fallback": "core"})
        core = solution_of(heard(offered(rule="core"), *LLG))
        assert core is not None
        found, solution = self.solution(opening=opening, blocks=core.blocks, closing=core.closing)
        decision = concluded(found, solution)
        COMBINATORIAL_AUCTION.verify(found, decision)
        assert (decision.pricing, decision.revenue) == ("core", "100")

    def test_or_still_to_pay_as_bid_if_no_core_was_found(self) -> None:
        found, solution = self.solution(opening=offered(parameters={"fallback": "core"}))
        decision = concluded(found, solution)
        COMBINATORIAL_AUCTION.verify(found, decision)
        assert decision.pricing == "pay_as_bid"

    def test_without_any_solver_the_greedy_bids_stand(self) -> None:
        found = heard(offered(rule="core"), *LLG)
        decision = concluded(found, None)
        COMBINATORIAL_AUCTION.verify(found, decision)
        assert decision.main is not None
        assert decision.main.value <= 140 <= decision.main.bound

    def test_of_many_goods_and_winners_the_prices_are_not_kept(self) -> None:
        sale = sale_of(["A"], [1], (), {})
        found = Found((), 0, 0, (0,) * 100, "prices")
        assert economy_of(sale, found).proof == "prices"
        many = economy_of(sale, found, economies=PRICES_KEPT_MAX)
        assert (many.proof, many.prices) == ("solver", ())

    def test_prices_that_prove_nothing_are_not_kept(self) -> None:
        sale = sale_of(["A"], [1], (), {})
        assert economy_of(sale, Found((), 0, 3, (3000,), "")).prices == ()


class TestExamination:
    def test_it_tells_what_was_proved_and_what_is_believed(self) -> None:
        found = heard(offered(), *LLG)
        decision = decided(offered(), *LLG)
        assert {claim.checked for claim in examine(found, decision)} == {"prices"}

    def test_the_word_of_a_solver_is_proved_where_a_search_can(self) -> None:
        found = heard(offered(rule="pay_as_bid"), *LLG)
        decision = decided(offered(rule="pay_as_bid"), *LLG)
        assert decision.main is not None
        told = msgspec.structs.replace(decision.main, proof="solver", prices=())
        decision = msgspec.structs.replace(decision, main=told)
        (claim,) = examine(found, decision)
        assert claim.claimed == "solver"
        assert claim.checked in {"prices", "search"}

    def test_where_it_cannot_that_is_said(self) -> None:
        odd = [bids(f"b{n}", *((pair, 10) for pair in ("AB", "BC", "CA"))) for n in range(3)]
        opening = offered(Good("A"), Good("B"), Good("C"), rule="pay_as_bid")
        found, decision = heard(opening, *odd), decided(opening, *odd)
        assert decision.main is not None
        assert decision.main.proof == "search"
        told = msgspec.structs.replace(decision.main, proof="solver", prices=())
        decision = msgspec.structs.replace(decision, main=told)
        assert examine(found, decision, nodes_max=0) == (Claim("all", "solver", ""),)
        assert examine(found, decision, nodes_max=900) == (Claim("all", "solver", "search"),)

    def test_a_false_word_of_a_solver_is_found_out(self) -> None:
        """The greedy bids are worth 20, the best 23; who says that 20 is the best is refused."""
        past = (bids("ann", ("A", 14)), bids("ben", ("AB", 20)), bids("cyd", ("B", 9)))
        found = heard(offered(rule="pay_as_bid"), *past)
        lie = ClearingSolution(Found((1,), 20, 20, (), "solver"))
        placed = auction_sale(found).placed
        accepted = tuple(n for n, one in enumerate(placed) if one.agent == "ben")
        lie = msgspec.structs.replace(lie, main=Found(accepted, 20, 20, (), "solver"))
        with pytest.raises(Rejected, match="23 or more"):
            COMBINATORIAL_AUCTION.verify(found, concluded(found, lie))


def variants(decision: BundlesAwarded) -> Iterator[tuple[str, BundlesAwarded]]:
    """Yield the decision with one thing changed at a time."""
    replace = msgspec.structs.replace
    main, core = decision.main, decision.core
    assert main is not None
    for field, value in {
        "outcome": "no_quorum",
        "rule": Policy("pay_as_bid"),
        "considered": Considered(1, 2),
        "alternatives": (),
        "superseded": 3,
        "awards": decision.awards[:1],
        "payments": decision.payments[:1],
        "revenue": "59",
        "unsold": {"A": 1},
        "pricing": "pay_as_bid" if decision.pricing == "vcg" else "vcg",
        "main": None,
        "marginal": decision.marginal[:1],
    }.items():
        yield field, replace(decision, **{field: value})
    yield "goods", replace(decision, awards=(replace(decision.awards[0], goods={"Z": 1}),))
    first = decision.payments[0]
    for amount in ("1", "80/2", "x", "1/0"):
        payments = (replace(first, amount=amount), *decision.payments[1:])
        yield f"payment {amount}", replace(decision, payments=payments)
    twice = (*decision.payments, decision.payments[-1])
    yield "payment twice", replace(decision, payments=twice)

    def changed(economy: Economy) -> Iterator[tuple[str, Economy]]:
        yield "without", replace(economy, without="eve")
        yield "value", replace(economy, value=economy.value + 1)
        yield "bound above", replace(economy, bound=economy.bound + 1)
        yield "bound below", replace(economy, bound=economy.bound - 1)
        yield "unproved", replace(economy, proof="")
        yield "accepted less", replace(economy, accepted=economy.accepted[1:])
        yield "accepted twice", replace(economy, accepted=economy.accepted * 2)
        stranger = (BundleRef("eve", 0),)
        yield "accepted stranger", replace(economy, accepted=stranger)
        yield "prices", replace(economy, prices=(1, 1))
        yield "prices missing", replace(economy, prices=())
        yield "prices below 0", replace(economy, prices=(-1, 1))
        yield "prices of other goods", replace(economy, prices=(1, 1, 1))

    for name, economy in changed(main):
        yield f"main {name}", replace(decision, main=economy)
    for name, economy in changed(decision.marginal[0]):
        rest = decision.marginal[1:]
        yield f"marginal {name}", replace(decision, marginal=(economy, *rest))
    if core is not None:
        yield "core", replace(decision, core=None)
        coalition = core.coalitions[0]
        nought = replace(coalition.weights, revenue="0")
        everyone = tuple(BundleRef(a, 0) for a in ("ann", "ben", "cyd"))
        for name, proof in {
            "coalitions": replace(core, coalitions=()),
            "weights": replace(core, coalitions=(replace(coalition, weights=nought),)),
            "formed": replace(core, coalitions=(replace(coalition, accepted=everyone),)),
            "least": replace(core, least=()),
            "most": replace(core, most=core.most[:1]),
            "scale": replace(core, scale=2),
            "closing value": replace(core, closing=replace(core.closing, value=9)),
            "closing bound": replace(core, closing=replace(core.closing, bound=99)),
            "closing without": replace(core, closing=replace(core.closing, without="ann")),
        }.items():
            yield f"core {name}", replace(decision, core=proof)


class TestForgery:
    @pytest.mark.parametrize("rule", ["vcg", "core"])
    def test_any_change_is_found_out(self, rule: str) -> None:
        opening = offered(rule=rule)
        found, decision = heard(opening, *LLG), decided(opening, *LLG)
        names: list[str] = []
        for name, forged in variants(decision):
            if forged == decision:
                continue
            with pytest.raises(Rejected) as caught:
                COMBINATORIAL_AUCTION.verify(found, forged)
            assert caught.value.code == "bundles.certificate", name
            names.append(name)
        assert len(names) >= 40

    def test_bids_that_cannot_go_together_are_found_out(self) -> None:
        found, decision = heard(offered(), *LLG), decided(offered(), *LLG)
        assert decision.main is not None
        everyone = tuple(BundleRef(agent, 0) for agent in ("ann", "ben", "cyd"))
        main = msgspec.structs.replace(decision.main, accepted=everyone)
        with pytest.raises(Rejected, match="fit together"):
            COMBINATORIAL_AUCTION.verify(found, msgspec.structs.replace(decision, main=main))

    def test_a_winner_is_not_part_of_the_economy_without_it(self) -> None:
        found, decision = heard(offered(), *LLG), decided(offered(), *LLG)
        first = decision.marginal[0]
        swapped = msgspec.structs.replace(
            first, accepted=(BundleRef(first.without, 0),), value=80, bound=80
        )
        forged = msgspec.structs.replace(decision, marginal=(swapped, *decision.marginal[1:]))
        with pytest.raises(Rejected, match="no such bid"):
            COMBINATORIAL_AUCTION.verify(found, forged)

    def test_a_sale_where_nothing_was_sold_is_found_out(self) -> None:
        found, decision = heard(offered()), decided(offered())
        for changes in ({"revenue": "1"}, {"main": Economy(0, 0)}, {"pricing": "vcg"}):
            with pytest.raises(Rejected, match="awards"):
                COMBINATORIAL_AUCTION.verify(found, msgspec.structs.replace(decision, **changes))

    def test_less_than_is_quickly_found_is_refused(self) -> None:
        past = (bids("ann", ("A", 9)), bids("ben", ("B", 8)), bids("cyd", ("AB", 10)))
        found = heard(offered(rule="pay_as_bid"), *past)
        placed = auction_sale(found).placed
        cyd = tuple(n for n, one in enumerate(placed) if one.agent == "cyd")
        forged = concluded(found, ClearingSolution(Found(cyd, 10, 30, (), "")))
        with pytest.raises(Rejected, match="17 or more, as quickly found"):
            COMBINATORIAL_AUCTION.verify(found, forged)

    def test_a_search_that_cannot_be_repeated_is_refused(self) -> None:
        """Five pairs of ten goods are the best, but without prices that takes too long to see."""
        goods = "ABCDEFGHIJ"
        pairs = [f"{one}{other}" for one, other in zip(goods, goods[1:] + "A", strict=True)]
        past = [bids(f"b{n:02}", *((pair, 10) for pair in pairs)) for n in range(14)]
        opening = offered(*map(Good, goods), rule="pay_as_bid")
        found = heard(opening, *past)
        solution = solution_of(found)
        assert solution is not None
        assert solution.main.value == 50
        main = msgspec.structs.replace(solution.main, prices=(0,) * 10, proof="search")
        forged = concluded(found, ClearingSolution(main))
        with pytest.raises(Rejected, match="a search that ends"):
            COMBINATORIAL_AUCTION.verify(found, forged)

    def test_awards_and_payments_that_only_sum_up_are_found_out(self) -> None:
        found, decision = heard(offered(), *LLG), decided(offered(), *LLG)
        shifted = (Payment("ann", "41"), Payment("ben", "19"))
        with pytest.raises(Rejected, match="payments"):
            COMBINATORIAL_AUCTION.verify(found, msgspec.structs.replace(decision, payments=shifted))
        raised = tuple(msgspec.structs.replace(one, amount=99) for one in decision.awards)
        with pytest.raises(Rejected, match="awards"):
            COMBINATORIAL_AUCTION.verify(found, msgspec.structs.replace(decision, awards=raised))

    def test_another_decision_is_none_of_this(self) -> None:
        other = ConsensusDecided(
            outcome="decided", rule=Policy("x"), considered=Considered(1, 2), value=None
        )
        with pytest.raises(Rejected, match="a decision on bundles"):
            COMBINATORIAL_AUCTION.verify(heard(offered()), other)
        assert COMBINATORIAL_AUCTION.result(other) is None


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
