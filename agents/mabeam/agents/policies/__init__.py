"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies.auctions import ShadingBidder, TruthfulBidder
from mabeam.agents.policies.numbers import FixedVoter, Supervisor, VoterInTheMiddle
from mabeam.agents.policies.policy import AgentPolicy, PolicyAgent, policies, policy_of
from mabeam.agents.policies.proposals import ProposerOnce, StubbornProposer

__all__ = [
    "AgentPolicy",
    "FixedVoter",
    "PolicyAgent",
    "ProposerOnce",
    "ShadingBidder",
    "StubbornProposer",
    "Supervisor",
    "TruthfulBidder",
    "VoterInTheMiddle",
    "policies",
    "policy_of",
]
