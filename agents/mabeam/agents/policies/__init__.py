"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies.markets import (
    FisherBuyer,
    LimitTrader,
    MarketMaker,
    PostedPriceBuyer,
)
from mabeam.agents.policies.policy import AgentPolicy, PolicyAgent, policies, policy_of

__all__ = [
    "AgentPolicy",
    "FisherBuyer",
    "LimitTrader",
    "MarketMaker",
    "PolicyAgent",
    "PostedPriceBuyer",
    "policies",
    "policy_of",
]
