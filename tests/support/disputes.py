"""A variable over which two agents disagree, to see how the conflict goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session import Opening
from mabeam.core.subjects import Boundary
from mabeam.core.variable import (
    VARIABLE,
    AllocationType,
    Candidate,
    ChoiceType,
    Declare,
    Declared,
    IntegerType,
    OpenConflict,
    Proposed,
    ResolutionChosen,
    Value,
    VariableState,
    VariableType,
)
from support.rehearsal import NS_PER_SECOND, Rehearsal

__all__ = [
    "ALONE",
    "BOTH",
    "IT",
    "LAST",
    "TEXTS",
    "WHOLE",
    "Dispute",
    "auction",
    "escalation",
    "policy",
]

IT = Boundary("variable", "it")
WHOLE = IntegerType(0, 100, 5)
TEXTS = ChoiceType(("red", "green", "blue"))
ALONE = AllocationType(100, exclusive=True)
LAST = Policy("last_writer")
BOTH = (Candidate("p", "ann", "green", 2, 1), Candidate("q", "bob", "blue", 3, 1))


def policy(name: str, fallback: Policy = LAST, **fields: object) -> Policy:
    given = {"fallback": {"name": fallback.name, "parameters": fallback.parameters}}
    return Policy(name, parameters=given | ({"fields": fields} if fields else {}))


def escalation(supervisor: str = "boss", fallback: Policy = LAST, **fields: object) -> Policy:
    asked = policy("escalation", fallback, **fields)
    return Policy("escalation", parameters=asked.parameters | {"supervisor": supervisor})


class Dispute(Rehearsal):
    """A space with one variable, over which ann and bob disagree."""

    def __init__(
        self,
        type_: VariableType,
        on_conflict: Policy,
        said: Sequence[tuple[str, Value]],
        *,
        verified: bool = True,
        checked: bool = True,
    ) -> None:
        super().__init__(verified=verified)
        if checked:
            command = Declare(type_, on_conflict=on_conflict)
            assert self.command(IT, VARIABLE, VariableState(), command, "lead")
        else:
            self.publish(IT, Declared(type=type_, on_conflict=on_conflict), "lead")
        for by, value in said:
            self.publish(IT, Proposed(value=value, base=1), by)
        self.rest()

    @property
    def state(self) -> VariableState:
        return self.world.variable("it").variable.state

    @property
    def conflict(self) -> OpenConflict:
        assert self.state.conflict is not None
        return self.state.conflict

    @property
    def session(self) -> Boundary:
        """The session that the conflict is referred to."""
        return Boundary("session", self.conflict.session)

    @property
    def opening(self) -> Opening:
        opening = self.world.session(self.conflict.session).state.opening
        assert opening is not None
        return opening

    def say(self, event: Event, by: str) -> None:
        self.publish(self.session, event, by)

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS_PER_SECOND)
        self.rest()

    def events(self, type_: type[Event]) -> list[Any]:
        return [one.data for one in self.log if isinstance(one.data, type_)]

    def ways(self) -> list[str]:
        """Return the policies that were chosen, one after the other."""
        return [event.chosen.name for event in self.events(ResolutionChosen)]


def auction(**options: Any) -> Dispute:  # noqa: ANN401 - as for Dispute
    return Dispute(TEXTS, policy("auction"), [("ann", "green"), ("bob", "blue")], **options)
