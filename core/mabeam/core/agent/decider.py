"""How agents come, change, pause and go."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, assert_never

import msgspec

from mabeam.core.agent.events import (
    Deregistered,
    HandlerFailed,
    Registered,
    Resumed,
    Suspended,
    Updated,
)
from mabeam.core.decider import Decider
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.subjects import check_name

__all__ = [
    "AGENT",
    "AgentCommand",
    "AgentState",
    "Deregister",
    "Register",
    "Resume",
    "Suspend",
    "Update",
]

Status: TypeAlias = Literal["unknown", "active", "suspended", "deregistered"]
CAPABILITY_LENGTH_MAX: Final = 64


class AgentState(msgspec.Struct, frozen=True, gc=False):
    """What is known of an agent.

    Attributes:
        status: ``active`` and ``suspended`` agents are registered.
        role: Its role in the team.
        capabilities: What it can do, sorted.
        metadata: Free text by name.
        since_ns: When its status last changed, nanoseconds since 1970 UTC.
        failures: How many of its handlers' runs have raised.
    """

    status: Status = "unknown"
    role: str = ""
    capabilities: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    since_ns: int = 0
    failures: int = 0

    @property
    def is_registered(self) -> bool:
        """Whether the name is taken."""
        return self.status in {"active", "suspended"}


class Register(msgspec.Struct, frozen=True):
    """Take a name. The same registration again changes nothing."""

    role: str = "executor"
    capabilities: tuple[str, ...] = ()
    metadata: dict[str, str] = {}


class Update(msgspec.Struct, frozen=True):
    """Change what is given and keep the rest."""

    role: str | None = None
    capabilities: tuple[str, ...] | None = None
    metadata: dict[str, str] | None = None


class Suspend(msgspec.Struct, frozen=True):
    """Pause an agent."""

    reason: str = ""


class Resume(msgspec.Struct, frozen=True):
    """End the pause."""


class Deregister(msgspec.Struct, frozen=True):
    """Give the name back."""

    reason: str = ""


AgentCommand: TypeAlias = Register | Update | Suspend | Resume | Deregister


def decide(command: AgentCommand, state: AgentState) -> tuple[Event, ...]:
    """Judge a command against what is known of the agent."""
    match command:
        case Register():
            return _register(command, state)
        case Update():
            return _update(command, state)
        case Suspend():
            _need_registered(state)
            return () if state.status == "suspended" else (Suspended(reason=command.reason),)
        case Resume():
            _need_registered(state)
            return () if state.status == "active" else (Resumed(),)
        case Deregister():
            return (Deregistered(reason=command.reason),) if state.is_registered else ()
        case _:
            assert_never(command)


def evolve(state: AgentState, recorded: Recorded) -> AgentState:
    """Apply one fact."""
    match recorded.data:
        case Registered() as event if not state.is_registered:
            return AgentState(
                "active",
                event.role,
                _in_order(event.capabilities),
                event.metadata,
                recorded.recorded_ns,
                state.failures,
            )
        case Updated() as event:
            return msgspec.structs.replace(
                state,
                role=event.role,
                capabilities=_in_order(event.capabilities),
                metadata=event.metadata,
            )
        case Suspended():
            return _turned(state, "suspended", recorded)
        case Resumed():
            return _turned(state, "active", recorded)
        case Deregistered():
            return _turned(state, "deregistered", recorded)
        case HandlerFailed():
            return msgspec.structs.replace(state, failures=state.failures + 1)
        case _:
            return state


def _turned(state: AgentState, status: Status, recorded: Recorded) -> AgentState:
    # Facts about a name that nobody holds, said by a stray publisher, change nothing.
    if not state.is_registered:
        return state
    return msgspec.structs.replace(state, status=status, since_ns=recorded.recorded_ns)


def _register(command: Register, state: AgentState) -> tuple[Event, ...]:
    event = Registered(
        role=check_name("kind", command.role, "role"),
        capabilities=_capabilities(command.capabilities),
        metadata=dict(sorted(command.metadata.items())),
    )
    if not state.is_registered:
        return (event,)
    if (state.role, state.capabilities, state.metadata) == (
        event.role,
        event.capabilities,
        event.metadata,
    ):
        return ()
    raise Rejected(
        "agent.registered",
        "the name is registered otherwise; update it or deregister it first",
        field="registration",
        value=f"role {event.role}, capabilities {event.capabilities}",
        allowed=f"role {state.role}, capabilities {state.capabilities}",
    )


def _update(command: Update, state: AgentState) -> tuple[Event, ...]:
    _need_registered(state)
    role = state.role if command.role is None else check_name("kind", command.role, "role")
    capabilities = state.capabilities
    if command.capabilities is not None:
        capabilities = _capabilities(command.capabilities)
    metadata = state.metadata
    if command.metadata is not None:
        metadata = dict(sorted(command.metadata.items()))
    if (role, capabilities, metadata) == (state.role, state.capabilities, state.metadata):
        return ()
    return (Updated(role=role, capabilities=capabilities, metadata=metadata),)


def _capabilities(given: tuple[str, ...]) -> tuple[str, ...]:
    for capability in given:
        if not capability.isprintable() or not 0 < len(capability) <= CAPABILITY_LENGTH_MAX:
            raise Rejected(
                "agent.capability",
                "illegal capability",
                field="capabilities",
                value=capability,
                allowed=f"1 to {CAPABILITY_LENGTH_MAX} printable characters",
            )
    return _in_order(given)


def _in_order(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(capabilities)))


def _need_registered(state: AgentState) -> None:
    if not state.is_registered:
        raise Rejected(
            "agent.unknown",
            "no such agent is registered",
            field="status",
            value=state.status,
            allowed="active, suspended",
        )


AGENT: Decider[AgentCommand, AgentState] = Decider(AgentState(), decide, evolve)
