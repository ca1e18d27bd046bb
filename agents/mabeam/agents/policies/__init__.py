"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies.bundles import BundleTrader, TruthfulBundleBidder
from mabeam.agents.policies.policy import AgentPolicy, PolicyAgent, policies, policy_of

__all__ = [
    "AgentPolicy",
    "BundleTrader",
    "PolicyAgent",
    "TruthfulBundleBidder",
    "policies",
    "policy_of",
]
