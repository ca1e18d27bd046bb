"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies import auctions
from mabeam.agents.policies.policy import AgentPolicy, PolicyAgent, policies, policy_of

__all__ = ["AgentPolicy", "PolicyAgent", "auctions", "policies", "policy_of"]
