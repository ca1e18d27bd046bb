"""`mabeam market`: opened, traded in and watched from the shell."""

from __future__ import annotations

import pytest

from mabeam.app.cli.codes import Code
from mabeam.app.ordering import cancellation_of, order_of
from mabeam.app.telling import tell
from mabeam.core.consensus import ConsensusOpened
from mabeam.core.errors import NotFound, Rejected
from mabeam.core.events import Event
from mabeam.core.market import (
    Account,
    CallMarketDecided,
    CallMarketOpened,
    ContinuousMarketDecided,
    ContinuousMarketOpened,
    Endowment,
    Fill,
    FisherMarketDecided,
    FisherMarketOpened,
    OrderCancelled,
    OrderPlaced,
    OrderReplaced,
    PostedPriceDecided,
    PostedPriceOpened,
    Priced,
    PurchaseMade,
    SheetOrder,
    SheetPlaced,
    Supply,
    Traded,
    UtilitiesStated,
    Utility,
)
from mabeam.core.policies import Policy
from mabeam.core.session import SESSION, Considered, Participant
from mabeam.core.testing import given, history, said
from support.command import Done, invoke, run, start
from support.events import fresh_id
from support.nats_server import NatsServer


class Shell:
    """The command on a fresh space of a server."""

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self.space = f"market-{fresh_id()[-12:]}"

    def __call__(self, verb: str, *arguments: str, group: str = "market") -> Done:
        return invoke(group, verb, self.space, *arguments, "--server", self.server.url)

    def done(self, verb: str, *arguments: str, group: str = "market") -> str:
        found = self(verb, *arguments, group=group)
        assert found.code == Code.OK, found.err
        return found.out.strip()


@pytest.fixture
def shell(nats_server: NatsServer) -> Shell:
    return Shell(nats_server)


@pytest.mark.jetstream
class TestCommands:
    def test_a_book_is_traded_in_and_shown(self, shell: Shell) -> None:
        opened = shell.done(
            *("open", "continuous", "--good", "cpu", "--name", "book", "--for", "600"),
            *("--budget", "ann=1000", "--holding", "ann=3", "--holding", "sue=50"),
        )
        assert opened == "book"
        assert shell.done("order", "book", "sell", "5", "@", "96", "--by", "sue") == "2"
        assert shell.done("order", "book", "buy 2@97", "--by", "ann", "--note", "urgent") == "3"
        shown = shell("show", "book", "--json").json
        assert shown["standing"]["rows"][0][:4] == ["sell", "96", "3", "sue"]
        assert "sell  96     3         sue" in shell("show", "book").out
        assert shell.done("cancel-order", "book", "2", "--by", "sue") == "4"
        assert shell("show", "book", "--json").json["standing"]["rows"] == []
        assert shell("cancel-order", "book", "99", "--by", "sue").code == Code.NOT_FOUND
        assert shell("order", "book", "barter 2", "--by", "sue").code == Code.INVALID_DATA
        assert shell("show", "book", "--at", "2", "--follow").code == Code.USAGE

    def test_the_generic_verbs_do_the_same(self, shell: Shell) -> None:
        shell.done(*("open", "call_market", "--set", "good=cpu", "--name", "cpu"), group="session")
        orders = 'orders=[{"side":"buy","quantity":2,"price":9}]'
        shell.done("say", "cpu", "--set", orders, "--by", "ann", group="session")
        assert shell.done("order", "cpu", "sell 1 @ 4", "sell 1 @ 5", "--by", "sue", "--json")
        assert "2 would clear at 5 to 9" in shell("show", "cpu").err
        shell.done("cancel", "cpu", group="session")

    def test_a_process_of_its_own_knows_all_protocols(self, shell: Shell) -> None:
        fields = ("--set", "good=cpu", "--set", "price=3", "--set", "quantity=2", "--name", "sale")
        place = ("--server", shell.server.url)
        done = run("session", "open", shell.space, "posted_price", *fields, *place)
        assert (done.code, done.out) == (Code.OK, "sale\n"), done.err

    def test_a_market_is_opened_and_waited_for(self, shell: Shell) -> None:
        waited = shell.done(
            *("open", "posted-price", "--good", "gpu", "--set", "price=3", "--set", "quantity=1"),
            *("--for", "0.2", "--name", "gpu", "--wait"),
        )
        assert waited == "gpu: no_quorum deadline"
        as_json = shell(
            *("open", "fisher", "--supply", "cpu=10", "--supply", "gpu=1", "--name", "shares"),
            *("--budget", "ann=10", "--trader", "ann", "--for", "0.2", "--wait", "--json"),
        )
        assert (as_json.json["protocol"], as_json.json["outcome"]) == ("fisher_market", "no_quorum")

    def test_numbers_are_asked_for(self, shell: Shell) -> None:
        wrong = shell("open", "continuous", "--good", "cpu", "--budget", "ann")
        assert wrong.code == Code.USAGE
        assert "not NAME=NUMBER" in wrong.err
        twice = shell("open", "fisher", "--supply", "cpu=1", "--supply", "cpu=2")
        assert twice.code == Code.USAGE
        assert "--supply names 'cpu' twice" in twice.err

    def test_the_book_is_followed(self, shell: Shell) -> None:
        shell.done("open", "continuous", "--good", "cpu", "--name", "book", "--for", "600")
        place = ("--server", shell.server.url)
        with start("market", "show", shell.space, "book", "--follow", *place) as following:
            while following.line() != "phase     open":
                pass
            shell.done("order", "book", "sell 5 @ 96", "--by", "sue")
            while not following.line().startswith("sell  96     5         sue"):
                pass
            shell.done("cancel", "book", group="session")
            assert "cancelled" in following.wait().out


class TestOrders:
    CONTINUOUS = ContinuousMarketOpened(good="cpu")

    def test_words_become_orders(self) -> None:
        assert order_of(self.CONTINUOUS, ["buy", "10", "@", "95"], "now") == OrderPlaced(
            side="buy", quantity=10, price=95, note="now"
        )
        assert order_of(self.CONTINUOUS, ["sell 5"]) == OrderPlaced(side="sell", quantity=5)
        sheet = order_of(CallMarketOpened(good="cpu"), ["buy 2@9,", "sell 1 @ 10"])
        assert sheet == SheetPlaced(orders=(SheetOrder("buy", 2, 9), SheetOrder("sell", 1, 10)))
        sale = PostedPriceOpened(good="cpu", price=1, quantity=1)
        assert order_of(sale, ["buy", "3"]) == PurchaseMade(quantity=3)
        shares = FisherMarketOpened(goods=(Supply("a=b"),), endowments=(Endowment("ann", 1),))
        assert order_of(shares, ["a=b=3"]) == UtilitiesStated(values=(Utility("a=b", 3),))

    @pytest.mark.parametrize(
        ("opening", "words"),
        [
            (CONTINUOUS, ["buy"]),
            (CONTINUOUS, ["take", "3"]),
            (CONTINUOUS, ["buy", "three"]),
            (CONTINUOUS, ["buy", "9" * 5000]),
            (CONTINUOUS, ["buy", "3", "@"]),
            (CONTINUOUS, ["buy 3 sell 4"]),
            (CallMarketOpened(good="cpu"), ["buy 3"]),
            (PostedPriceOpened(good="cpu", price=1, quantity=1), ["sell 3"]),
            (PostedPriceOpened(good="cpu", price=1, quantity=1), ["buy 3 @ 1"]),
            (FisherMarketOpened(goods=(), endowments=()), ["cpu"]),
            (ConsensusOpened(low=0, high=1), ["buy 3"]),  # type: ignore[arg-type]  # any numbers
        ],
        ids=lambda given: str(given)[:30],
    )
    def test_what_says_nothing_is_refused(self, opening: Event, words: list[str]) -> None:
        with pytest.raises(Rejected):
            order_of(opening, words)  # type: ignore[arg-type]  # all are openings

    def test_orders_are_taken_back_by_position_or_id(self) -> None:
        state = given(
            SESSION, self.CONTINUOUS, said(OrderPlaced(side="buy", quantity=1, price=1), "ann")
        ).state
        assert cancellation_of(state, "2") == OrderCancelled(order="event-2")
        assert cancellation_of(state, "event-2") == OrderCancelled(order="event-2")
        with pytest.raises(NotFound):
            cancellation_of(state, "3")
        with pytest.raises(NotFound):
            cancellation_of(state, "event-3")
        with pytest.raises(Rejected, match="no book"):
            cancellation_of(given(SESSION, CallMarketOpened(good="cpu")).state, "2")


RULE, SPAN = Policy("average"), Considered(1, 2)
TRADED = Traded(
    order="x",
    agent="ann",
    side="buy",
    fills=(Fill("y", "sue", 10, 5), Fill("z", "tom", 1100, 2)),
    position=3,
)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            CallMarketOpened(good="cpu", participants=(Participant("ann"), Participant("ben"))),
            "calls for orders of 'cpu' to ann and ben, cleared by average",
        ),
        (SheetPlaced(orders=(SheetOrder("buy", 2, 9),), note="x"), "orders buy 2 @ 9 (x)"),
        (
            CallMarketDecided(outcome="no_quorum", rule=RULE, considered=SPAN, good="cpu"),
            "clears nothing: too few have come",
        ),
        (
            CallMarketDecided(
                outcome="decided",
                rule=RULE,
                considered=SPAN,
                good="cpu",
                reason="price_gap_too_large",
            ),
            "clears nothing: price gap too large",
        ),
        (
            CallMarketDecided(
                outcome="decided", rule=RULE, considered=SPAN, good="cpu", volume=2, price="40/3"
            ),
            "clears 2 of cpu at 13.3333",
        ),
        (
            CallMarketDecided(
                outcome="decided",
                rule=RULE,
                considered=SPAN,
                good="cpu",
                volume=2,
                price="1e999999999",
            ),
            "clears 2 of cpu at 1e999999999",
        ),
        (
            CallMarketDecided(
                outcome="decided",
                rule=RULE,
                considered=SPAN,
                good="cpu",
                volume=2,
                average="5",
                surplus="-80",
            ),
            "clears 2 of cpu for 5 each, 80 short",
        ),
        (
            CallMarketDecided(
                outcome="decided",
                rule=RULE,
                considered=SPAN,
                good="cpu",
                volume=2,
                average="5",
                surplus="1/2",
            ),
            "clears 2 of cpu for 5 each, 0.5 left over",
        ),
        (ContinuousMarketOpened(good="cpu"), "opens a book for 'cpu'"),
        (OrderPlaced(side="buy", quantity=1000, price=9), "bids 1,000 at 9"),
        (OrderPlaced(side="sell", quantity=1), "offers 1 at any price"),
        (OrderCancelled(order="x"), "takes back the order x"),
        (OrderReplaced(order="x", quantity=1, price=2), "replaces the order x by 1 at 2"),
        (TRADED, "lets ann trade: it buys 5 from sue at 10 and 2 from tom at 1,100"),
        (
            ContinuousMarketDecided(outcome="decided", rule=RULE, considered=SPAN, good="cpu"),
            "closes the book for cpu: nothing was traded",
        ),
        (
            ContinuousMarketDecided(
                outcome="decided",
                rule=RULE,
                considered=SPAN,
                good="cpu",
                volume=7,
                trades=1,
                average="72/7",
                accounts=(Account("ann"),),
            ),
            "closes the book: 7 of cpu in 1 trade, 10.2857 on average",
        ),
        (
            PostedPriceOpened(good="cpu", price=3, quantity=1000, unit="credits"),
            "sells 1,000 of 'cpu' at 3 credits",
        ),
        (PurchaseMade(quantity=3), "takes 3"),
        (
            PostedPriceDecided(
                outcome="decided",
                rule=RULE,
                considered=SPAN,
                good="cpu",
                price=3,
                sold=2,
                revenue=6,
            ),
            "sold 2 of cpu for 6; 0 are left",
        ),
        (
            FisherMarketOpened(
                goods=(Supply("cpu", 10), Supply("gpu")),
                endowments=(Endowment("ann", 10), Endowment("ben", 1)),
            ),
            "shares out 10 of cpu and 1 of gpu among ann with 10 and ben with 1",
        ),
        (UtilitiesStated(values=(Utility("cpu", 3),)), "values cpu 3"),
        (
            FisherMarketDecided(outcome="no_quorum", rule=RULE, considered=SPAN),
            "shares nothing out: too few have come",
        ),
        (
            FisherMarketDecided(
                outcome="decided",
                rule=RULE,
                considered=SPAN,
                prices=(Priced("cpu", "11/30"), Priced("gpu", "22/3")),
            ),
            "prices cpu at 0.3667 and gpu at 7.3333",
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_is_said_in_markets_has_words(event: Event, words: str) -> None:
    (recorded,) = history(event)
    assert tell(recorded) == words
