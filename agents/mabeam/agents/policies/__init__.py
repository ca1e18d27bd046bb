"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies.graphs import GraphAgent
from mabeam.agents.policies.hierarchies import Delegate
from mabeam.agents.policies.policy import AgentPolicy, PolicyAgent, policies, policy_of

__all__ = ["AgentPolicy", "Delegate", "GraphAgent", "PolicyAgent", "policies", "policy_of"]
