"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies.allocation import (
    CapableContractor,
    CostReporter,
    FailingContractor,
)
from mabeam.agents.policies.auctions import (
    BudgetedBidder,
    ClockBidder,
    CommittingBidder,
    DutchBidder,
    OutcryBidder,
    ShadingBidder,
    TruthfulBidder,
)
from mabeam.agents.policies.graphs import (
    GraphAgent,
)
from mabeam.agents.policies.hierarchies import (
    Delegate,
)
from mabeam.agents.policies.liars import (
    DraggingVoter,
    EquivocatingVoter,
    HonestVoter,
    SilentVoter,
)
from mabeam.agents.policies.markets import (
    FisherBuyer,
    LimitTrader,
    MarketMaker,
    PostedPriceBuyer,
)
from mabeam.agents.policies.negotiation import (
    ConcedingNegotiator,
    RequestingParty,
    StubbornNegotiator,
    TextJudge,
    TitForTatNegotiator,
    UtilityDeclarer,
)
from mabeam.agents.policies.policy import (
    AgentPolicy,
    PolicyAgent,
    policies,
    policy_of,
)
from mabeam.agents.policies.refinement import (
    RefiningVoter,
)
from mabeam.agents.policies.voting import (
    ApprovingVoter,
    MajorityFollower,
    RankedVoter,
)

__all__ = [
    "AgentPolicy",
    "ApprovingVoter",
    "BudgetedBidder",
    "CapableContractor",
    "ClockBidder",
    "CommittingBidder",
    "ConcedingNegotiator",
    "CostReporter",
    "Delegate",
    "DraggingVoter",
    "DutchBidder",
    "EquivocatingVoter",
    "FailingContractor",
    "FisherBuyer",
    "GraphAgent",
    "HonestVoter",
    "LimitTrader",
    "MajorityFollower",
    "MarketMaker",
    "OutcryBidder",
    "PolicyAgent",
    "PostedPriceBuyer",
    "RankedVoter",
    "RefiningVoter",
    "RequestingParty",
    "ShadingBidder",
    "SilentVoter",
    "StubbornNegotiator",
    "TextJudge",
    "TitForTatNegotiator",
    "TruthfulBidder",
    "UtilityDeclarer",
    "policies",
    "policy_of",
]
