"""Ready policies of agents, one module for each family of protocols."""

from mabeam.agents.policies.allocation import CapableContractor, CostReporter, FailingContractor
from mabeam.agents.policies.negotiation import (
    ConcedingNegotiator,
    RequestingParty,
    StubbornNegotiator,
    TextJudge,
    TitForTatNegotiator,
    UtilityDeclarer,
)
from mabeam.agents.policies.policy import AgentPolicy, PolicyAgent, policies, policy_of

__all__ = [
    "AgentPolicy",
    "CapableContractor",
    "ConcedingNegotiator",
    "CostReporter",
    "FailingContractor",
    "PolicyAgent",
    "RequestingParty",
    "StubbornNegotiator",
    "TextJudge",
    "TitForTatNegotiator",
    "UtilityDeclarer",
    "policies",
    "policy_of",
]
