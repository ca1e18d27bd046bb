"""Ready policies of agents, one module for each family of protocols."""

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
from mabeam.agents.policies.voting import ApprovingVoter, MajorityFollower, RankedVoter

__all__ = [
    "AgentPolicy",
    "ApprovingVoter",
    "Delegate",
    "DraggingVoter",
    "EquivocatingVoter",
    "GraphAgent",
    "HonestVoter",
    "MajorityFollower",
    "PolicyAgent",
    "RankedVoter",
    "RefiningVoter",
    "SilentVoter",
    "policies",
    "policy_of",
]
