"""A session of every protocol with real agents, in which coordinators may die anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from mabeam.agents.agent import Agent, Heard, hears
from mabeam.agents.policies import (
    AgentPolicy,
    BundleTrader,
    CapableContractor,
    ClockBidder,
    CommittingBidder,
    ConcedingNegotiator,
    CostReporter,
    Delegate,
    DutchBidder,
    FailingContractor,
    FisherBuyer,
    GraphAgent,
    HonestVoter,
    LimitTrader,
    OutcryBidder,
    PolicyAgent,
    PostedPriceBuyer,
    RankedVoter,
    RefiningVoter,
    RequestingParty,
    TextJudge,
    TruthfulBidder,
    TruthfulBundleBidder,
    UtilityDeclarer,
)
from mabeam.core.allocation import AssignmentOpened, ContractNetOpened, Task
from mabeam.core.auction import (
    AuctionOpened,
    ClockAuctionOpened,
    CommittedAuctionOpened,
    DutchAuctionOpened,
    EnglishAuctionOpened,
    MultiUnitAuctionOpened,
)
from mabeam.core.bundle_exchange import BundleOrder, ExchangeOpened
from mabeam.core.combinatorial import Bundle, BundlesOffered, Good
from mabeam.core.consensus import ConsensusOpened
from mabeam.core.hierarchy import HierarchyOpened, Node
from mabeam.core.market import (
    CallMarketOpened,
    ContinuousMarketOpened,
    Endowment,
    FisherMarketOpened,
    OrderPlaced,
    PostedPriceOpened,
    Supply,
)
from mabeam.core.negotiation import (
    BargainingOpened,
    Evaluation,
    NegotiationOpened,
    OptionsIssue,
    RangeIssue,
    ResourceOpened,
    SingleTextOpened,
)
from mabeam.core.optimisation import Constraint, OptimisationOpened, Variable
from mabeam.core.policies import Policy
from mabeam.core.refinement import RefinementOpened
from mabeam.core.session import Participant
from mabeam.core.voting import VoteOpened
from mabeam.infra.solving import WorkerSolver
from support.crashing import Case

__all__ = ["CASES"]

PAIR: Final = (Participant("ann"), Participant("ben"))
TEAM: Final = (*PAIR, Participant("cho"))
LONG_MS: Final = 20_000
ISSUES: Final = (
    RangeIssue("price", Decimal(0), Decimal(4), Decimal(1)),
    OptionsIssue("speed", ("slow", "fast")),
)


def worth(price: tuple[int, int], speed: tuple[int, int]) -> tuple[Evaluation, ...]:
    """Return what both issues are worth to a party."""
    return tuple(Evaluation(Decimal(1), tuple(map(Decimal, ends))) for ends in (price, speed))


SELLER: Final = worth((0, 4), (1, 0))
BUYER: Final = worth((4, 0), (0, 2))


def following(*policies: AgentPolicy) -> Callable[[], Sequence[Agent]]:
    """Return how to make one agent for each policy, in the order of the team."""
    names = [participant.agent for participant in TEAM]

    def made() -> Sequence[Agent]:
        return [PolicyAgent(n, [p]) for n, p in zip(names, policies, strict=False)]

    return made


def bidding(kind: type[Any], *values: int, **fields: object) -> Callable[[], Sequence[Agent]]:
    """Return how to make bidders of a kind."""
    return following(*(kind(value=value, **fields) for value in values))


class Seller(Agent):
    """Offers once in an order book."""

    @hears(ContinuousMarketOpened)
    def offer(self, opened: ContinuousMarketOpened, heard: Heard) -> OrderPlaced:
        """Sell three."""
        return OrderPlaced(side="sell", quantity=3, price=5)


def traders() -> Sequence[Agent]:
    """Return a seller and a buyer."""
    return [Seller("ann"), PolicyAgent("ben", [LimitTrader(side="buy", value=6, quantity=2)])]


TREE: Final = (
    Node("east", PAIR, parent="top", stake_max=1),
    Node("top", (Participant("ann"), Participant("cho"))),
)
CROSSED: Final = Constraint(("x", "y"), tuple(map(Decimal, (3, 0, 0, 3))))

AUCTIONS: Final = [
    Case("sealed", AuctionOpened(lot="desk", participants=PAIR), bidding(TruthfulBidder, 9, 7)),
    Case("deadline", AuctionOpened(lot="desk", open_for_ms=30), bidding(TruthfulBidder, 9, 7)),
    Case(
        "english",
        EnglishAuctionOpened(lot="desk", increment=5, participants=PAIR),
        bidding(OutcryBidder, 21, 12),
    ),
    Case(
        "rising clock",
        ClockAuctionOpened(lot="desk", start=5, step=5, tick_ms=LONG_MS, participants=PAIR),
        bidding(ClockBidder, 22, 13),
    ),
    Case(
        "dutch",
        DutchAuctionOpened(lot="desk", start=20, step=5, tick_ms=LONG_MS, participants=PAIR),
        bidding(DutchBidder, 12, 7),
    ),
    Case(
        "several units",
        MultiUnitAuctionOpened(lot="hour", units=2, participants=PAIR),
        bidding(TruthfulBidder, 9, 7),
    ),
    Case(
        "committed",
        CommittedAuctionOpened(lot="desk", participants=PAIR),
        bidding(CommittingBidder, 9, 7, secret="of no worth, and long enough"),  # noqa: S106 - of a test
    ),
    Case(
        "bundles",
        BundlesOffered(goods=(Good("a"), Good("b")), participants=PAIR),
        following(
            TruthfulBundleBidder(values=(Bundle({"a": 1, "b": 1}, 9),)),
            TruthfulBundleBidder(values=(Bundle({"a": 1}, 5),)),
        ),
        solver=WorkerSolver,
    ),
    Case(
        "exchange",
        ExchangeOpened(goods=("a",), participants=PAIR),
        following(
            BundleTrader(orders=(BundleOrder("sell", {"a": 1}, 3),)),
            BundleTrader(orders=(BundleOrder("buy", {"a": 1}, 8),)),
        ),
        solver=WorkerSolver,
    ),
]
MARKETS: Final = [
    Case(
        "call",
        CallMarketOpened(good="cpu", participants=PAIR),
        following(LimitTrader(side="buy", value=9), LimitTrader(side="sell", value=3)),
    ),
    Case("book", ContinuousMarketOpened(good="cpu", open_for_ms=60), traders),
    Case(
        "posted price",
        PostedPriceOpened(good="cpu", price=1, quantity=2),
        following(PostedPriceBuyer(value=2, quantity=1), PostedPriceBuyer(value=2, quantity=1)),
    ),
    Case(
        "fisher",
        FisherMarketOpened(
            goods=(Supply("cpu"), Supply("gpu")),
            endowments=(Endowment("ann", 2), Endowment("ben", 1)),
            participants=PAIR,
        ),
        following(FisherBuyer(values={"cpu": 1, "gpu": 2}), FisherBuyer(values={"gpu": 3})),
    ),
]
BARGAINS: Final = [
    Case(
        "offers",
        NegotiationOpened(issues=ISSUES, rounds=4, turn_ms=LONG_MS, participants=PAIR),
        following(ConcedingNegotiator(evaluations=SELLER), ConcedingNegotiator(evaluations=BUYER)),
    ),
    Case(
        "single text",
        SingleTextOpened(issues=ISSUES, rounds=4, participants=PAIR),
        following(TextJudge(evaluations=SELLER), TextJudge(evaluations=BUYER)),
    ),
    Case(
        "bargaining",
        BargainingOpened(issues=ISSUES, participants=PAIR),
        following(UtilityDeclarer(evaluations=SELLER), UtilityDeclarer(evaluations=BUYER)),
    ),
    Case(
        "resource",
        ResourceOpened(resource="cpu", amount=100, participants=PAIR),
        following(RequestingParty(wanted=60), RequestingParty(wanted=50)),
    ),
    Case(
        "resource with a ruling",
        ResourceOpened(
            resource="cpu",
            amount=100,
            rounds=2,
            participants=PAIR,
            escalate_to="cho",
            ruling_ms=LONG_MS,
            open_for_ms=300_000,
        ),
        following(
            RequestingParty(wanted=60, concedes=False),
            RequestingParty(wanted=60, concedes=False),
            RankedVoter(ranking=("proportional",)),
        ),
    ),
    Case(
        "contract net",
        ContractNetOpened(task="x", awards=2, reply_by_ms=LONG_MS, participants=TEAM),
        following(
            CapableContractor(cost=1),
            FailingContractor(cost=2, reason="no disk"),
            CapableContractor(cost=9),
        ),
    ),
    Case(
        "assignment",
        AssignmentOpened(tasks=(Task("a"), Task("b")), participants=PAIR),
        following(CostReporter(costs={"a": 1, "b": 3}), CostReporter(costs={"a": 1, "b": 2})),
    ),
]
AGREEMENTS: Final = [
    Case(
        "vote",
        VoteOpened(options=("tea", "coffee"), participants=TEAM),
        following(*(RankedVoter(ranking=(option,)) for option in ("tea", "coffee", "tea"))),
    ),
    Case(
        "consensus",
        ConsensusOpened(low=Decimal(0), high=Decimal(9), participants=PAIR),
        following(HonestVoter(value=Decimal(1)), HonestVoter(value=Decimal(3))),
    ),
    Case(
        "refinement",
        RefinementOpened(low=Decimal(0), high=Decimal(9), tolerance=Decimal(1), participants=TEAM),
        following(*(RefiningVoter(wish=Decimal(3 * number)) for number in range(3))),
    ),
    *(
        Case(
            f"optimisation by {rule}",
            OptimisationOpened(
                variables=(Variable("x", ("0", "1"), "ann"), Variable("y", ("0", "1"), "ben")),
                participants=PAIR,
                rule=Policy(rule, parameters=parameters),
            ),
            following(GraphAgent(constraints=(CROSSED,)), GraphAgent()),
        )
        for rule, parameters in (
            ("bucket_elimination", {}),
            ("max_sum", {}),
            ("mgm", {"rounds": 3, "round_ms": LONG_MS}),
        )
    ),
    Case(
        "hierarchy",
        HierarchyOpened(
            nodes=TREE,
            protocol="consensus",
            question={"low": "0", "high": "10"},
            default="5",
            is_number=True,
            at="east",
            stake=2,
            consult=True,
            node_ms=LONG_MS,
            patience_ms=2 * LONG_MS,
            open_for_ms=300_000,
        ),
        following(*(Delegate(value=Decimal(value)) for value in (1, 2, 9))),
    ),
]
CASES: Final[list[Case]] = [*AUCTIONS, *MARKETS, *BARGAINS, *AGREEMENTS]
