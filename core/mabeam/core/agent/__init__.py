"""Agents: who is here and what they can do."""

from mabeam.core.agent.decider import (
    AGENT,
    AgentCommand,
    AgentState,
    Deregister,
    Register,
    Resume,
    Suspend,
    Update,
)
from mabeam.core.agent.events import (
    Deregistered,
    HandlerFailed,
    Registered,
    Resumed,
    Suspended,
    Updated,
)

__all__ = [
    "AGENT",
    "AgentCommand",
    "AgentState",
    "Deregister",
    "Deregistered",
    "HandlerFailed",
    "Register",
    "Registered",
    "Resume",
    "Resumed",
    "Suspend",
    "Suspended",
    "Update",
    "Updated",
]
