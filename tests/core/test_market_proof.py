"""The certificate of a call market: whatever follows is proved, and nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from mabeam.core.auction import AuctionDecided
from mabeam.core.errors import Rejected
from mabeam.core.market import (
    CALL_MARKET,
    SheetOrder,
    SheetPlaced,
)
from mabeam.core.market.rules import MECHANISMS, shape_of
from mabeam.core.policies import Policy
from mabeam.core.session import (
    Alternative,
    Considered,
)
from mabeam.core.testing import Said, said
from support.call_markets import BUYERS, SELLERS, decided, heard, market, sheet

OTHER = AuctionDecided(
    outcome="no_quorum", rule=Policy("average"), considered=Considered(1, 7), lot="cpu"
)
CROWD = (*SELLERS, *BUYERS, sheet("cyd", "buy 1 @ 35"))
CHANGES: dict[str, dict[str, object]] = {
    "another outcome": {"outcome": "no_quorum"},
    "another rule": {"rule": Policy("vcg")},
    "another closing": {"considered": Considered(1, 9)},
    "other words replaced": {"superseded": 7},
    "another good": {"good": "gpu"},
    "another status": {"status": "excess_supply"},
    "a reason for nothing": {"reason": "price_gap_too_large"},
    "a lower low": {"low": "1"},
    "a higher low": {"low": "85"},
    "a low that clears too": {"low": "50"},
    "no low": {"low": ""},
    "no fraction": {"low": "2/0"},
    "not in lowest terms": {"low": "80/2"},
    "a number of a billion digits": {"low": "1e999999999"},
    "a higher high": {"high": "1000"},
    "a high that clears too": {"high": "41"},
    "more to trade": {"efficient": 3},
    "more welfare": {"welfare": "101"},
    "another price": {"price": "61"},
    "no price": {"price": ""},
    "more volume": {"volume": 3},
    "another average": {"average": "61"},
    "a surplus": {"surplus": "1"},
    "no exchanges": {"exchanges": ()},
    "no payments": {"payments": ()},
    "nobody who lost": {"alternatives": ()},
    "others who lost": {"alternatives": (Alternative("eve", "buy 1 @ 35", 6, "priced_out"),)},
    "another sheet": {"alternatives": (Alternative("cyd", "buy 1 @ 36", 6, "priced_out"),)},
    "another reason": {"alternatives": (Alternative("cyd", "buy 1 @ 35", 6, "tie_lost"),)},
}


class TestCertificates:
    @pytest.mark.parametrize("rule", [name for name, _ in MECHANISMS.known()])
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_a_corrupted_decision_is_refused(self, rule: str, change: dict[str, object]) -> None:
        right = decided(market(rule), *CROWD)
        if all(getattr(right, field) == value for field, value in change.items()):
            return
        with pytest.raises(Rejected) as caught:
            CALL_MARKET.verify(
                heard(market(rule), *CROWD), msgspec.structs.replace(right, **change)
            )
        assert caught.value.code == "market.certificate"

    @pytest.mark.parametrize("rule", [name for name, _ in MECHANISMS.known()])
    def test_every_corrupted_part_is_refused(self, rule: str) -> None:
        right = decided(market(rule), *CROWD)
        found = heard(market(rule), *CROWD)
        corrupted: list[dict[str, object]] = []
        first = right.exchanges[0]
        for field, value in (
            ("buyer", "cyd"),
            ("bid", 1),
            ("seller", "eve"),
            ("ask", 1),
            ("quantity", 2),
            ("quantity", 0),
            ("pays", "1"),
            ("gets", "99"),
        ):
            changed = msgspec.structs.replace(first, **{field: value})
            corrupted.append({"exchanges": (changed, *right.exchanges[1:])})
        corrupted.append({"exchanges": (*right.exchanges, first)})
        if len(right.exchanges) > 1:
            corrupted.append({"exchanges": right.exchanges[::-1]})
        paid = right.payments[0]
        for field, value in (
            ("agent", "eve"),
            ("bought", 9),
            ("sold", 9),
            ("pays", "1/3"),
            ("gets", "1/3"),
        ):
            changed_payment = msgspec.structs.replace(paid, **{field: value})
            corrupted.append({"payments": (changed_payment, *right.payments[1:])})
        for change in corrupted:
            with pytest.raises(Rejected, match="does not prove"):
                CALL_MARKET.verify(found, msgspec.structs.replace(right, **change))

    def test_pieces_cut_in_two_are_refused(self) -> None:
        past = (sheet("ann", "buy 2 @ 9"), sheet("sue", "sell 2 @ 1"))
        right = decided(market(), *past)
        half = msgspec.structs.replace(right.exchanges[0], quantity=1)
        cut = msgspec.structs.replace(right, exchanges=(half, half))
        with pytest.raises(Rejected, match="exchanges"):
            CALL_MARKET.verify(heard(market(), *past), cut)

    def test_a_trade_without_a_quorum_is_refused(self) -> None:
        opening = market(quorum=9)
        traded = decided(market(), *CROWD).exchanges
        forged = msgspec.structs.replace(decided(opening, *CROWD), exchanges=traded)
        with pytest.raises(Rejected, match="exchanges"):
            CALL_MARKET.verify(heard(opening, *CROWD), forged)

    def test_a_trade_where_nothing_meets_is_refused(self) -> None:
        past = (sheet("ann", "buy 1 @ 1"), sheet("sue", "sell 1 @ 9"))
        right = decided(market(), *past)
        for change in ({"low": "5", "high": "5"}, {"efficient": 1}, {"reason": ""}):
            with pytest.raises(Rejected):
                CALL_MARKET.verify(heard(market(), *past), msgspec.structs.replace(right, **change))

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        with pytest.raises(Rejected, match="a decision of a call market"):
            CALL_MARKET.verify(heard(market(), *CROWD), OTHER)
        assert CALL_MARKET.result(OTHER) is None

    @settings(max_examples=300)
    @hypothesis_given(st.data())
    def test_whatever_follows_is_proved(self, data: st.DataObject) -> None:
        rule = data.draw(st.sampled_from([name for name, _ in MECHANISMS.known()]))
        parameters: dict[str, str] = {}
        if rule in {"pairwise", "k_double_auction"}:
            parameters = {"k": data.draw(st.sampled_from(["0", "1/3", "1"]))}
        if rule == "trade_reduction":
            parameters = {"first": data.draw(st.sampled_from(["buyer", "seller"]))}
        opening = market(
            rule,
            parameters=parameters,
            quorum=data.draw(st.integers(0, 2)),
            tie_break=data.draw(st.sampled_from(["canonical", "earliest", "refuse"])),
            self_trade=data.draw(st.sampled_from(["refuse", "allow"])),
        )
        shape = shape_of(opening.rule)
        past: list[Said] = []
        for agent in data.draw(st.lists(st.sampled_from("abcdefgh"), max_size=8)):
            sides = st.sampled_from(["buy", "sell"])
            side = data.draw(sides)
            orders = data.draw(
                st.lists(
                    st.builds(
                        SheetOrder,
                        sides if shape.both_sides else st.just(side),
                        st.integers(1, min(shape.quantity_max, 3)),
                        st.integers(0, 5),
                    ),
                    max_size=min(shape.orders_max, 3),
                )
            )
            past.append(said(SheetPlaced(orders=tuple(orders)), agent))
        decided(opening, *past)
