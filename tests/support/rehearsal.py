"""A space without server and event loop, for state machines: a log, its fold, coordinators.

Writers compare and set as on a server, and an append that the log has seen is recorded
once. Anybody may publish past all that: what it likes, as often as it likes, garbage too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from mabeam.agents.author import Author, agent_source
from mabeam.core.actors import COORDINATOR, COORDINATOR_SOURCE
from mabeam.core.decider import Decider
from mabeam.core.envelope import Envelope, Recorded, decode, encode, envelope_of, wire_subject
from mabeam.core.errors import Conflict, Rejected
from mabeam.core.events import Event
from mabeam.core.ports import Write
from mabeam.core.reactor import Append, Effects, Send
from mabeam.core.session import SESSIONS
from mabeam.core.subjects import Boundary, boundary_filter
from mabeam.core.variable import VARIABLES
from mabeam.projections.verification import divergences_at
from mabeam.projections.world import WORLD, World

__all__ = ["NS_PER_SECOND", "Rehearsal", "source_of"]

SPACE: Final = "rehearsal"
NS_PER_SECOND: Final = 1_000_000_000
SIZE_MAX: Final = 1_000_000
# Tokens up to and with the entity: root, space, kind, entity.
BOUNDARY_TOKENS: Final = 4

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")


def source_of(actor: str) -> str:
    """Return the source under which an actor speaks."""
    return COORDINATOR_SOURCE if actor == COORDINATOR else agent_source(actor)


class Counter:
    """Gives ids and times that can be told apart at a glance."""

    def __init__(self) -> None:
        self._given = 0

    def new_id(self) -> str:
        """Return the next id."""
        self._given += 1
        return f"id-{self._given}"

    def now_ns(self) -> int:
        """Return no time at all: what producers think of it matters nowhere."""
        return 0


class Rehearsal:
    """A space.

    Attributes:
        log: What is recorded.
        wire: The same as it was published: subject and body.
        world: What it comes to.
        now_ns: The log's clock; it stands still unless it is set.

    Args:
        lenient: Whether speech may slip in just before an append that was compared and set,
            as it may on a replicated stream.
        verified: Whether each event of the coordinator must follow from the state before it.
    """

    def __init__(self, *, lenient: bool = False, verified: bool = True) -> None:
        self.log: list[Recorded] = []
        self.wire: list[tuple[str, bytes]] = []
        self.world: World = WORLD.initial
        self.now_ns = NS_PER_SECOND
        self.ids: Final = Counter()
        self.author: Final = Author(self.ids, self.ids)
        self._lenient = lenient
        # What slips in between decision and record is not what the decision was made on.
        self._verified = verified and not lenient
        # The last position on each boundary, and the last one that was compared and set.
        self._tails: dict[str, int] = {}
        self._compared: dict[str, int] = {}
        self._seen: set[tuple[str, str, str]] = set()

    def publish(self, boundary: Boundary, event: Event, by: str, id: str = "") -> Recorded:  # noqa: A002 - the CloudEvents word
        """Record an event as any client may, without comparing anything."""
        return self._record(
            envelope_of(event, boundary, source=source_of(by), id=id or self.ids.new_id())
        )

    def repeat(self, recorded: Recorded) -> Recorded:
        """Record an event once more, as a client does that is unsure of the first time."""
        return self._record(recorded.envelope)

    def litter(self, subject: str, body: bytes) -> Recorded:
        """Record what is no event."""
        return self._keep(f"mabeam.{SPACE}.{subject}", body)

    def command(
        self,
        boundary: Boundary,
        decider: Decider[CommandT, StateT],
        state: StateT,
        command: CommandT,
        by: str,
    ) -> bool:
        """Carry a command through; tell whether it was allowed."""
        try:
            events = decider.decide(command, state)
        except Rejected:
            return False
        if events:
            expect = self._tails.get(prefix_of(boundary), 0)
            self.append(self.author.says(boundary, events, source=source_of(by), expect=expect))
        return True

    def append(self, *writes: Write) -> None:
        """Record all events of all writes or none.

        Raises:
            Conflict: A boundary is not where a write expects it.
        """
        events = [event for write in writes for event in write.events]
        identities = [(wire_subject(SPACE, one), one.id, one.commitid) for one in events]
        if identities[0] in self._seen:
            return
        for write in writes:
            self._compare(write)
        self._seen.update(identities)
        for event in events:
            recorded = self._record(event)
            self._compared[prefix_of(recorded.boundary)] = recorded.position

    def due(self, boundary: Boundary) -> Effects:
        """Return what a coordinator would do about an entity now."""
        if boundary.kind == "session":
            return SESSIONS.react(boundary.entity, self.world.session(boundary.entity), self.now_ns)
        return VARIABLES.react(boundary.entity, self.world.variable(boundary.entity), self.now_ns)

    def carry_out(self, effects: Effects) -> bool:
        """Record what a coordinator has decided, perhaps long ago; tell whether it was in time."""
        try:
            self._follow(effects.append)
            for send in effects.send:
                self._follow(self._received(send).append)
        except Conflict:
            return False
        return True

    def _received(self, send: Send) -> Effects:
        name = send.boundary.entity
        if send.boundary.kind == "session":
            return SESSIONS.receive(name, self.world.session(name), send)
        return VARIABLES.receive(name, self.world.variable(name), send)

    def rest(self) -> None:
        """Let a coordinator do what is due until nothing is."""
        for _ in range(10 * len(self.log) + 50):
            length = len(self.log)
            for boundary in self.entities():
                assert self.carry_out(self.due(boundary)), "nobody else is at work"
            if len(self.log) == length:
                return
        raise AssertionError(f"never at rest: {self.log[-3:]}")

    def entities(self) -> tuple[Boundary, ...]:
        """Return the entities that coordinators mind."""
        sessions = (Boundary("session", name) for name in sorted(self.world.sessions))
        variables = (Boundary("variable", name) for name in sorted(self.world.variables))
        return (*sessions, *variables)

    def of(self, boundary: Boundary) -> list[Recorded]:
        """Return the events of an entity that can be read."""
        return [one for one in self.log if one.boundary == boundary and one.problem is None]

    def _follow(self, appends: Iterable[Append]) -> None:
        for append in appends:
            self.append(*self.author.follows(append))

    def _compare(self, write: Write) -> None:
        if write.expect is None:
            return
        prefix = prefix_of(write.boundary)
        actual = self._tails.get(prefix, 0)
        slipped_in = self._lenient and self._compared.get(prefix, 0) <= write.expect <= actual
        if write.expect != actual and not slipped_in:
            raise Conflict(str(write.boundary), write.expect, actual)

    def _record(self, envelope: Envelope) -> Recorded:
        return self._keep(wire_subject(SPACE, envelope), encode(envelope, SIZE_MAX))

    def _keep(self, subject: str, body: bytes) -> Recorded:
        recorded = decode(len(self.log) + 1, self.now_ns, subject, body)
        if self._verified and recorded.actor == COORDINATOR and recorded.problem is None:
            assert list(divergences_at(self.world, recorded)) == []
        self.log.append(recorded)
        self.wire.append((subject, body))
        tokens = subject.split(".")
        if len(tokens) > BOUNDARY_TOKENS:
            self._tails[".".join(tokens[:BOUNDARY_TOKENS])] = recorded.position
        self.world = WORLD.apply(self.world, recorded)
        return recorded


def prefix_of(boundary: Boundary) -> str:
    """Return how all subjects of a boundary begin."""
    return boundary_filter(SPACE, boundary).removesuffix(".>")
