"""What of a decision on bundles is proved, what is believed, and what is found out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mabeam.core.combinatorial import (
    COMBINATORIAL_AUCTION,
    BundleRef,
    BundlesAwarded,
    BundlesOffered,
    Claim,
    ClearingSolution,
    Economy,
    Found,
    Good,
    Marginal,
    Payment,
    examine,
)
from mabeam.core.combinatorial.certificate import PRICES_KEPT_MAX, economy_of
from mabeam.core.combinatorial.language import sale_of
from mabeam.core.combinatorial.outcome import auction_sale
from mabeam.core.consensus import ConsensusDecided
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import (
    Considered,
    Hearing,
)
from support.bundles import (
    LLG,
    bids,
    concluded,
    decided,
    heard,
    offered,
    paid,
    solution_of,
)


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
        found, solution = self.solution(
            opening=opening, blocks=core.blocks, closing=core.closing, paid=core.paid
        )
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
        assert decision.pricing == "pay_as_bid"
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
    for amount in ("1", "80/2", "x", "1/0", "4e1", "1e5000", "9" * 5000):
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

    def test_the_best_without_a_winner_is_no_less_than_what_the_others_have_with_it(self) -> None:
        """Else dan would be paid 3 for taking C. No search is needed to see that."""
        opening = offered(Good("A"), Good("B"), Good("C"))
        past = (
            *(bids("ann", ("A", 14)), bids("ben", ("AB", 20))),
            *(bids("cyd", ("B", 9)), bids("dan", ("C", 5))),
        )
        found, decision = heard(opening, *past), decided(opening, *past)
        assert paid(decision) == {"ann": "11", "cyd": "6", "dan": "0"}
        worse = Economy(20, 20, (BundleRef("ben", 0),), "dan", "solver")
        forged = self.with_marginal(decision, worse, "-3")
        with pytest.raises(Rejected, match=r"without dan: value = .20., allowed: 23 to 28"):
            examine(found, forged, nodes_max=0)

    def test_nor_is_it_more_than_all_have(self) -> None:
        past = (bids("ann", ("A", 14)), bids("ben", ("AB", 20)), bids("cyd", ("B", 9)))
        found = heard(offered(), *past)
        sale = auction_sale(found)
        number = {one.agent: n for n, one in enumerate(sale.placed)}
        main = Found((number["ben"],), 20, 20, (), "solver")
        best = Found(tuple(sorted((number["ann"], number["cyd"]))), 23, 23, (), "solver")
        ben = sale.agents.index("ben")
        forged = concluded(found, ClearingSolution(main, (Marginal(ben, best),)))
        with pytest.raises(Rejected, match=r"without ben: value = .23., allowed: 0 to 20"):
            examine(found, forged, nodes_max=0)

    @staticmethod
    def with_marginal(decision: BundlesAwarded, economy: Economy, pays: str) -> BundlesAwarded:
        """Forge the last of the marginal economies, and what its winner pays by it."""
        payment = Payment(economy.without, pays)
        payments = (*decision.payments[:-1], payment)
        return msgspec.structs.replace(
            decision,
            marginal=(*decision.marginal[:-1], economy),
            payments=payments,
            revenue=str(sum(int(one.amount) for one in payments)),
        )

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
