"""Facts about one agent. Names and fields are on disk: add, never change."""

from __future__ import annotations

from mabeam.core.events import Event, event_type

__all__ = ["Deregistered", "HandlerFailed", "Registered", "Resumed", "Suspended", "Updated"]


@event_type("mabeam.agent.registered.v1", kind="agent")
class Registered(Event, frozen=True, kw_only=True):
    """The agent is here and can do this.

    Attributes:
        role: ``coordinator executor evaluator optimizer monitor`` or a role of your own.
        capabilities: What it can do, sorted.
        metadata: Free text by name.
    """

    role: str = "executor"
    capabilities: tuple[str, ...] = ()
    metadata: dict[str, str] = {}


@event_type("mabeam.agent.updated.v1", kind="agent")
class Updated(Event, frozen=True, kw_only=True):
    """The agent now is as stated here, in full.

    Attributes:
        role: Its role in the team.
        capabilities: What it can do, sorted.
        metadata: Free text by name.
    """

    role: str = "executor"
    capabilities: tuple[str, ...] = ()
    metadata: dict[str, str] = {}


@event_type("mabeam.agent.suspended.v1", kind="agent")
class Suspended(Event, frozen=True, kw_only=True):
    """The agent takes no part until it is resumed.

    Attributes:
        reason: Why, for people.
    """

    reason: str = ""


@event_type("mabeam.agent.resumed.v1", kind="agent")
class Resumed(Event, frozen=True, kw_only=True):
    """The agent takes part again."""


@event_type("mabeam.agent.deregistered.v1", kind="agent")
class Deregistered(Event, frozen=True, kw_only=True):
    """The agent is gone. Its name may be registered anew.

    Attributes:
        reason: Why, for people.
    """

    reason: str = ""


@event_type("mabeam.agent.handler_failed.v1", kind="agent")
class HandlerFailed(Event, frozen=True, kw_only=True):
    """A handler of the agent raised; the agent goes on.

    Attributes:
        handler: Name of the handler.
        event: Id of the event it was given.
        error: Class of what it raised.
        message: Text of what it raised.
    """

    handler: str
    event: str
    error: str
    message: str
