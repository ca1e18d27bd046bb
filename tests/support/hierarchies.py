"""A small hierarchy, and its sessions in one line."""

from __future__ import annotations

from typing import cast

import msgspec

from mabeam.core.events import Event
from mabeam.core.hierarchy import (
    HIERARCHY,
    Delegated,
    Delegation,
    Deliberation,
    HierarchyDecided,
    HierarchyOpened,
    Node,
    child_name,
)
from mabeam.core.reactor import Effects
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    ChildEnded,
    Closed,
    Hearing,
    Participant,
    hearing,
)
from mabeam.core.testing import (
    Past,
    given,
    said,
)

__all__ = [
    "CLOSED",
    "MS",
    "TREE",
    "appended",
    "asks",
    "decided",
    "effects",
    "ends",
    "from_coordinator",
    "heard",
    "node",
    "opening",
    "reasons",
    "state_of",
]


CLOSED = Closed(reason="deadline")
MS = 1_000_000


def node(name: str, agents: str, parent: str = "", **fields: object) -> Node:
    members = tuple(Participant(agent) for agent in agents.split())
    return msgspec.convert({"name": name, "members": members, "parent": parent, **fields}, Node)


TREE = (
    node("east", "ann bob cyd", "top", stake_max=10),
    node("west", "dan eve", "top", stake_max=10),
    node("top", "ann dan"),
)


def opening(**fields: object) -> HierarchyOpened:
    usual = HierarchyOpened(
        nodes=TREE,
        protocol="poll",
        default="wait",
        at="east",
        stake=5,
        node_ms=1000,
        patience_ms=2000,
        open_for_ms=60_000,
    )
    return msgspec.structs.replace(usual, **fields)


def from_coordinator(*events: Event) -> list[Past]:
    return [said(event, "coordinator") for event in events]


def asks(*names: str, nodes: tuple[Node, ...] = TREE) -> Delegated:
    known = {one.name: one for one in nodes}
    return Delegated(to=tuple(Delegation(name, known[name].members) for name in names))


def ends(name: str, outcome: str = "decided", result: str = "", support: str = "1") -> ChildEnded:
    fields = {"child": child_name("it", name), "outcome": outcome, "result": result}
    return msgspec.convert({**fields, "support": support}, ChildEnded)


def state_of(opened: HierarchyOpened, *past: Past) -> Deliberation:
    return cast("Deliberation", given(SESSION, opened, *past).state.course)


def effects(opened: HierarchyOpened, *past: Past, now_ns: int = 0) -> Effects:
    return given(SESSION, opened, *past).when_reacting(SESSIONS, now_ns=now_ns).effects


def appended(opened: HierarchyOpened, *past: Past, now_ns: int = 0) -> Event:
    (append,) = effects(opened, *past, now_ns=now_ns).append
    return append.parts[0].events[0]


def heard(opened: HierarchyOpened, *past: Past) -> Hearing[HierarchyOpened]:
    state = given(SESSION, opened, *past, CLOSED).state
    return cast("Hearing[HierarchyOpened]", hearing("it", state))


def decided(opened: HierarchyOpened, *past: Past) -> HierarchyDecided:
    """Decide a closed session, and let the certificate prove it."""
    found = heard(opened, *past)
    decision = HIERARCHY.decide(found)
    assert isinstance(decision, HierarchyDecided)
    HIERARCHY.verify(found, decision)
    return decision


def reasons(opened: HierarchyOpened, *past: Past) -> dict[str, str]:
    refused = given(SESSION, opened, *past).state.refused
    return {agent: one.reason.partition(":")[0] for agent, one in refused.items()}
