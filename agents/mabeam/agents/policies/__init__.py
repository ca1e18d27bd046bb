"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies.policy import AgentPolicy, PolicyAgent, policies, policy_of
from mabeam.agents.policies.voting import ApprovingVoter, MajorityFollower, RankedVoter

__all__ = [
    "AgentPolicy",
    "ApprovingVoter",
    "MajorityFollower",
    "PolicyAgent",
    "RankedVoter",
    "policies",
    "policy_of",
]
