"""Ready policies of agents, one module for each family of protocols.

Each is data and a pure method: configure one by its fields, or derive from it with a ``tag`` of
your own, and let a `PolicyAgent` follow it. Amounts are whole numbers in minor units.
"""

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
    worth_of,
)
from mabeam.agents.policies.bundles import (
    BundleTrader,
    TruthfulBundleBidder,
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
from mabeam.agents.policies.numbers import (
    FixedVoter,
    Supervisor,
    VoterInTheMiddle,
)
from mabeam.agents.policies.policy import (
    AgentPolicy,
    PolicyAgent,
    policies,
    policy_of,
)
from mabeam.agents.policies.proposals import (
    ProposerOnce,
    StubbornProposer,
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
    "BundleTrader",
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
    "FixedVoter",
    "GraphAgent",
    "HonestVoter",
    "LimitTrader",
    "MajorityFollower",
    "MarketMaker",
    "OutcryBidder",
    "PolicyAgent",
    "PostedPriceBuyer",
    "ProposerOnce",
    "RankedVoter",
    "RefiningVoter",
    "RequestingParty",
    "ShadingBidder",
    "SilentVoter",
    "StubbornNegotiator",
    "StubbornProposer",
    "Supervisor",
    "TextJudge",
    "TitForTatNegotiator",
    "TruthfulBidder",
    "TruthfulBundleBidder",
    "UtilityDeclarer",
    "VoterInTheMiddle",
    "policies",
    "policy_of",
    "worth_of",
]
