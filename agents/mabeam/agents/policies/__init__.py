"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies import auctions
from mabeam.agents.policies.graphs import GraphAgent
from mabeam.agents.policies.hierarchies import Delegate
from mabeam.agents.policies.liars import (
    DraggingVoter,
    EquivocatingVoter,
    HonestVoter,
    SilentVoter,
)
from mabeam.agents.policies.policy import AgentPolicy, PolicyAgent, policies, policy_of
from mabeam.agents.policies.refinement import RefiningVoter

__all__ = [
    "AgentPolicy",
    "Delegate",
    "DraggingVoter",
    "EquivocatingVoter",
    "GraphAgent",
    "HonestVoter",
    "PolicyAgent",
    "RefiningVoter",
    "SilentVoter",
    "policies",
    "policy_of",
]
__all__ = ["AgentPolicy", "PolicyAgent", "auctions", "policies", "policy_of"]
