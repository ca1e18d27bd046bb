"""Host agents over any store: let them hear, say what they answer, isolate their faults."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import structlog

from mabeam.agents.agent import Agent, Answer, Handler, Heard, Proposal
from mabeam.agents.author import Author, agent_source
from mabeam.agents.transact import transact
from mabeam.core.agent.decider import AGENT, Register
from mabeam.core.agent.events import HandlerFailed
from mabeam.core.decider import Entity
from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError, MabeamError, StoreError
from mabeam.core.events import Event, decode_data, encode_data, type_of
from mabeam.core.ids import derived_id
from mabeam.core.ports import EventStore, Write
from mabeam.core.session.events import Opening, Speech
from mabeam.core.session.protocol import protocol_of
from mabeam.core.subjects import Boundary
from mabeam.core.telemetry import SILENCE, Handling, Telemetry
from mabeam.core.variable.decider import check_proposal
from mabeam.core.variable.events import Proposed
from mabeam.projections.runner import Live
from mabeam.projections.world import WORLD, World

__all__ = ["AgentRunner"]

INBOX_MAX: Final = 1_000
RETRY_SECONDS: Final = 1.0
_UNKNOWN: Final = Entity(0, AGENT.initial)
_log: Final = structlog.get_logger(__name__)


class AgentRunner:
    """Registers agents and lets them take part. Use it as an asynchronous context manager.

    One follower serves all agents of the process. Each agent hears one event after the
    other, in the order of the log, while the agents work side by side. An agent that
    lags by a thousand events slows the others' hearing, so memory stays bounded.

    Args:
        store: The log of the space.
        author: Writes the envelopes of what agents say.
        agents: Whom to host; all names differ.
        telemetry: Looks on.
    """

    def __init__(
        self,
        store: EventStore,
        author: Author,
        agents: Sequence[Agent],
        *,
        telemetry: Telemetry = SILENCE,
    ) -> None:
        self._store: Final = store
        self._telemetry: Final = telemetry
        self._author: Final = author
        self._agents: Final = tuple(agents)
        self._live: Final = Live(WORLD, store)
        self._inboxes: Final[dict[str, asyncio.Queue[Recorded]]] = {
            agent.name: asyncio.Queue(INBOX_MAX) for agent in agents
        }
        if len(self._inboxes) != len(self._agents):
            raise ValueError("two agents have the same name")
        self._able: Final[dict[type[Event], tuple[Agent, ...]]] = {}
        self._stack: Final = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Register the agents and start to listen.

        Raises:
            Rejected: A name is registered otherwise.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._live)
            following = self._telemetry.following(self._store.space, "agents", self._live)
            _ = stack.enter_context(following)
            world = await self._live.caught_up()
            for agent in self._agents:
                await self._register(agent)
            self._recall(await self._openings(world))
            tasks = [
                asyncio.create_task(self._hear(world.position), name="agents-hear"),
                *(
                    asyncio.create_task(self._work(agent), name=f"agent-{agent.name}")
                    for agent in self._agents
                ),
            ]
            stack.push_async_callback(_stop, tasks)
            self._stack.push_async_callback(stack.pop_all().aclose)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening. The agents stay registered, and recall open sessions next time."""
        await self._stack.aclose()

    async def _register(self, agent: Agent) -> None:
        boundary = Boundary("agent", agent.name)
        command = Register(agent.role, tuple(agent.capabilities), dict(agent.metadata))

        def decide(world: World) -> tuple[Write, ...]:
            entity = world.agents.get(agent.name, _UNKNOWN)
            events = AGENT.decide(command, entity.state)
            if not events:
                return ()
            source = agent_source(agent.name)
            return (self._author.says(boundary, events, source=source, expect=entity.position),)

        await transact(self._store, self._live, decide)

    async def _openings(self, world: World) -> list[Recorded]:
        """Read the openings of the sessions that are open, in the order of the log."""
        positions = sorted(
            session.state.opened_at
            for session in world.sessions.values()
            if session.state.phase == "open"
        )
        found: list[Recorded] = []
        for position in positions:
            async for page in self._store.read(after=position - 1, until=position):
                found.extend(page)
        return found

    def _recall(self, openings: Sequence[Recorded]) -> None:
        for recorded in openings[-INBOX_MAX:]:
            session = self._live.state.session(recorded.entity).state
            # In a session of several steps, whoever has spoken may be asked for more.
            spoken = session.spoken if session.course is None else ()
            for part in recorded.parts:
                for agent in self._hearers(part):
                    if agent.name not in spoken:
                        self._inboxes[agent.name].put_nowait(part)

    async def _hear(self, after: int) -> None:
        position = after
        while True:
            try:
                async with self._store.follow(after=position) as pages:
                    async for page in pages:
                        for recorded in page:
                            for part in recorded.parts:
                                for agent in self._hearers(part):
                                    await self._inboxes[agent.name].put(part)
                            position = recorded.position
            except StoreError as error:
                _log.warning("agents lost the log, trying again", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    def _hearers(self, recorded: Recorded) -> list[Agent]:
        """Return the agents that hear an event, in the order in which they are hosted."""
        try:
            event = recorded.data
        except CodecError:
            return []
        # Most events are heard by few, so nobody is asked twice about events of one type.
        able = self._able.get(type(event))
        if able is None:
            able = tuple(agent for agent in self._agents if agent.handlers_of(event))
            self._able[type(event)] = able
        participants = event.participants if isinstance(event, Opening) and able else ()
        may_speak = {participant.agent for participant in participants}
        return [
            agent
            for agent in able
            if agent.name != recorded.actor and (not may_speak or agent.name in may_speak)
        ]

    async def _work(self, agent: Agent) -> None:
        inbox = self._inboxes[agent.name]
        while True:
            recorded = await inbox.get()
            world = await self._live.wait_for(recorded.position)
            state = world.agents.get(agent.name, _UNKNOWN).state
            if state.status != "active":
                continue
            for handler in agent.handlers_of(recorded.data):
                await self._call(agent, handler, Heard(recorded, world))

    async def _call(self, agent: Agent, handler: Handler, heard: Heard) -> None:
        with self._telemetry.handling(self._store.space, "agent", heard.recorded) as handling:
            try:
                answers = handler(agent, heard.recorded.data, heard)
                if inspect.isawaitable(answers):
                    answers = await answers
                writes = self._writes(agent, heard, _several(answers))
            except Exception as error:  # noqa: BLE001 - an agent's fault is its own, and recorded
                handling.failed(error)
                await self._report(agent, handler, heard, error)
            else:
                await self._record(agent, heard, writes, handling)

    async def _record(
        self, agent: Agent, heard: Heard, writes: Sequence[Write], handling: Handling
    ) -> None:
        try:
            for write in writes:
                position = await self._store.append(write)
                # What it hears next it sees with its own words, and says nothing twice.
                await self._live.wait_for(position)
        except MabeamError as error:
            handling.failed(error)
            _log.error(
                "answer not recorded",
                space=self._store.space,
                agent=agent.name,
                position=heard.position,
                correlation_id=heard.recorded.envelope.correlationid,
                error=str(error),
            )

    def _writes(self, agent: Agent, heard: Heard, answers: Sequence[Answer]) -> list[Write]:
        session = heard.world.session(heard.entity)
        # In a session of several steps the same opening, heard again, may ask for another word.
        step = () if session.state.course is None else (session.position,)
        writes: list[Write] = []
        for index, answer in enumerate(answers):
            boundary, event = _said(agent, heard, answer)
            writes.append(
                self._author.says(
                    boundary,
                    (event,),
                    source=agent_source(agent.name),
                    correlation_id=heard.recorded.envelope.correlationid,
                    causation_id=heard.recorded.id,
                    # A restarted agent that hears the same again must not speak twice.
                    id=derived_id(heard.recorded.id, agent.name, index, *step),
                )
            )
        return writes

    async def _report(self, agent: Agent, handler: Handler, heard: Heard, error: Exception) -> None:
        name = getattr(handler, "__name__", "handler")
        correlation_id = heard.recorded.envelope.correlationid
        _log.warning(
            "handler failed",
            space=self._store.space,
            agent=agent.name,
            handler=name,
            position=heard.position,
            correlation_id=correlation_id,
            exc_info=error,
        )
        failed = HandlerFailed(
            handler=name,
            event=heard.recorded.id,
            error=type(error).__name__,
            message=str(error)[:1_000],
        )
        write = self._author.says(
            Boundary("agent", agent.name),
            (failed,),
            source=agent_source(agent.name),
            correlation_id=correlation_id,
            causation_id=heard.recorded.id,
        )
        try:
            await self._store.append(write)
        except MabeamError as trouble:
            _log.warning("failure not recorded", agent=agent.name, error=str(trouble))


def _several(answers: object) -> Sequence[Answer]:
    if answers is None:
        return ()
    given = answers if isinstance(answers, list | tuple) else (answers,)  # pyright: ignore[reportUnknownVariableType]  - checked below
    for answer in given:  # pyright: ignore[reportUnknownVariableType]  - checked below
        if not isinstance(answer, Event | Proposal):
            raise TypeError(f"a handler returned {type(answer).__name__}, which is no answer")  # pyright: ignore[reportUnknownArgumentType]  - only its name
    return given  # pyright: ignore[reportReturnType, reportUnknownVariableType]  - checked above


def _said(agent: Agent, heard: Heard, answer: Answer) -> tuple[Boundary, Event]:
    """Return what to record for an answer, having refused what could never count."""
    if isinstance(answer, Proposal):
        view = heard.world.variable(answer.variable)
        value = check_proposal(answer.variable, view, agent.name, answer.value)
        proposed = Proposed(value=value, base=view.variable.state.position, reason=answer.reason)
        return Boundary("variable", answer.variable), proposed
    # Structs do not check what they are made of; what could not be read back is refused here.
    type_ = type_of(answer)
    event = decode_data(type_, encode_data(answer, type_))
    opening = heard.world.session(heard.entity).state.opening
    if isinstance(event, Speech) and opening is not None:
        protocol_of(opening).check_speech(opening, event)
    return heard.recorded.boundary, event


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
