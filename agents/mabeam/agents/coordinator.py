"""Coordinators: processes that carry out what protocols decide.

A durable consumer, shared by all coordinators of a space, says which entity to look at;
the live fold says how it stands; the reactors say what is still to be done. Any number of
coordinators may run. Compare-and-set lets one of them record each step, the others find
it done. One that dies between any two steps loses nothing, because what it had not
settled is handed to another; and doubles nothing, because ids and states tell.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Final, Self
from weakref import WeakValueDictionary

import structlog

from mabeam.agents.author import Author
from mabeam.agents.deadlines import Deadlines
from mabeam.core.envelope import Recorded
from mabeam.core.errors import ConfigurationError, Conflict, MabeamError, StoreError
from mabeam.core.ports import Delivery, EventStore, Page, Solver
from mabeam.core.reactor import Append, Effects, Send, Solve
from mabeam.core.session.reactor import SESSIONS, Solved
from mabeam.core.subjects import Boundary
from mabeam.core.telemetry import SILENCE, Telemetry
from mabeam.core.variable.reactor import VARIABLES
from mabeam.projections.runner import Live
from mabeam.projections.world import WORLD, World

__all__ = ["CONSUMER", "Coordinator"]

CONSUMER: Final = "coordinator"
AT_ONCE_MAX: Final = 64
ATTEMPTS_MAX: Final = 200
RETRY_SECONDS: Final = 1.0
_log: Final = structlog.get_logger(__name__)


class Coordinator:
    """One coordinator of a space. Use it as an asynchronous context manager.

    Args:
        store: The log of the space.
        author: Writes the envelopes of what is decided.
        ack_wait_seconds: After so long, what a dead coordinator had in hand goes to another.
        telemetry: Looks on.
        solver: Solves what decisions depend on; without one such sessions are left to
            coordinators that have one.
    """

    def __init__(
        self,
        store: EventStore,
        author: Author,
        *,
        ack_wait_seconds: float = 5.0,
        telemetry: Telemetry = SILENCE,
        solver: Solver | None = None,
    ) -> None:
        self._store: Final = store
        self._solver: Final = solver
        self._telemetry: Final = telemetry
        self._author: Final = author
        self._ack_wait_seconds: Final = ack_wait_seconds
        self._live: Final = Live(WORLD, store, on_page=self._see)
        self._deadlines: Final = Deadlines(store.now_ns, self._deadline_reached)
        self._locks: Final[WeakValueDictionary[Boundary, asyncio.Lock]] = WeakValueDictionary()
        self._at_once: Final = asyncio.Semaphore(AT_ONCE_MAX)
        self._running: Final[set[asyncio.Task[None]]] = set()
        self._solving: Final[dict[Boundary, asyncio.Task[None]]] = {}
        self._stack: Final = AsyncExitStack()
        self._log: Final = _log.bind(space=store.space)

    async def __aenter__(self) -> Self:
        """Fold the history, arm the deadlines it leaves open, and start to react."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._deadlines)
            await stack.enter_async_context(self._live)
            following = self._telemetry.following(self._store.space, "coordinator", self._live)
            _ = stack.enter_context(following)
            await self._live.caught_up()
            consuming = asyncio.create_task(self._consume(), name="coordinator")
            stack.push_async_callback(self._stop, consuming)
            self._stack.push_async_callback(stack.pop_all().aclose)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop reacting; what is in hand is handed to other coordinators."""
        await self._stack.aclose()

    async def _stop(self, consuming: asyncio.Task[None]) -> None:
        tasks = {consuming, *self._running, *self._solving.values()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    def _see(self, page: Page, world: World) -> None:
        for recorded in page:
            match recorded.kind:
                case "session":
                    self._arm_session(recorded, world)
                case "variable":
                    self._arm_referral(recorded.entity, world, recorded.recorded_ns)
                case _:
                    pass

    def _arm_session(self, recorded: Recorded, world: World) -> None:
        """Arm the deadline of a session, or what one of several steps waits for."""
        name, now_ns = recorded.entity, recorded.recorded_ns
        session = world.session(name)
        state = session.state
        if state.phase != "open":
            self._deadlines.disarm(recorded.boundary)
        elif state.course is not None:
            self._arm_next(recorded.boundary, lambda: SESSIONS.react(name, session, now_ns))
        elif state.opened_at == recorded.position:
            self._deadlines.arm(recorded.boundary, state.due_ns)

    def _arm_referral(self, name: str, world: World, now_ns: int) -> None:
        """Arm the end of patience with the session that a conflict was referred to."""
        boundary, view = Boundary("variable", name), world.variable(name)
        conflict = view.variable.state.conflict
        if conflict is None or not conflict.session:
            self._deadlines.disarm(boundary)
        else:
            self._arm_next(boundary, lambda: VARIABLES.react(name, view, now_ns))

    def _arm_next(self, boundary: Boundary, react: Callable[[], Effects]) -> None:
        """Arm what an entity waits for, which changes as it goes on."""
        try:
            due = react()
        except Exception:  # noqa: BLE001 - a fault in a protocol's code must not stop the fold
            self._log.exception("deadline unknown", entity=str(boundary))
            return
        for timer in due.schedule:
            self._deadlines.arm(timer.boundary, timer.due_ns)

    async def _consume(self) -> None:
        while True:
            try:
                async with self._store.consume(
                    CONSUMER, ack_wait_seconds=self._ack_wait_seconds
                ) as deliveries:
                    async for delivery in deliveries:
                        await self._at_once.acquire()
                        task = asyncio.create_task(self._handle(delivery))
                        self._running.add(task)
                        task.add_done_callback(self._running.discard)
            except StoreError as error:
                self._log.warning("coordinator lost the log, trying again", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _handle(self, delivery: Delivery) -> None:
        recorded = delivery.recorded
        try:
            with self._telemetry.handling(self._store.space, "coordinator", recorded):
                await self._live.wait_for(recorded.position)
                is_done = await self._settle(
                    recorded.boundary, recorded.recorded_ns, recorded.envelope.correlationid
                )
            if is_done:
                await delivery.ack()
            else:
                # Whoever dies while solving, or fails, must have left it to be handed out again.
                await delivery.retry(self._ack_wait_seconds)
        except MabeamError as error:
            self._log.warning(
                "reaction postponed",
                position=recorded.position,
                correlation_id=recorded.envelope.correlationid,
                error=str(error),
            )
            # If this fails too, the event is handed out again when the wait for its ack ends.
            with suppress(StoreError):
                await delivery.retry(RETRY_SECONDS)
        except Exception:  # noqa: BLE001 - see below
            # A fault in a protocol's code must not stop the other sessions; the event is
            # handed out again, so the fault stays visible until it is mended.
            self._log.exception(
                "reaction failed",
                position=recorded.position,
                correlation_id=recorded.envelope.correlationid,
            )
        finally:
            self._at_once.release()

    async def _deadline_reached(self, boundary: Boundary, now_ns: int) -> None:
        with self._telemetry.handling(self._store.space, "deadline", None):
            await self._settle(boundary, now_ns, "")

    async def _settle(self, boundary: Boundary, now_ns: int, correlation_id: str) -> bool:
        """Carry out every step that is due for an entity; tell whether none is under way still."""
        async with self._locks.setdefault(boundary, asyncio.Lock()):
            for attempt in range(ATTEMPTS_MAX):
                effects, correlation_id = self._due(boundary, now_ns, correlation_id)
                if not effects.append:
                    break
                if not await self._record(effects.append, correlation_id):
                    await asyncio.sleep(random.random() * 0.002 * min(attempt, 10))  # noqa: S311 - only to part rivals
            else:
                raise Conflict(str(boundary), None, None)
            for solve in effects.solve:
                self._begin(solve, correlation_id)
            for send in effects.send:
                await self._deliver(send, correlation_id)
            for timer in effects.schedule:
                self._deadlines.arm(timer.boundary, timer.due_ns)
            return not effects.solve

    def _due(self, boundary: Boundary, now_ns: int, correlation_id: str) -> tuple[Effects, str]:
        world = self._live.state
        match boundary.kind:
            case "session":
                session = world.session(boundary.entity)
                correlation_id = session.state.correlation_id or correlation_id
                return SESSIONS.react(boundary.entity, session, now_ns), correlation_id
            case "variable":
                view = world.variable(boundary.entity)
                conflict = view.variable.state.conflict
                if conflict is not None:
                    correlation_id = conflict.correlation_id or correlation_id
                return VARIABLES.react(boundary.entity, view, now_ns), correlation_id
            case _:
                return Effects(), correlation_id

    async def _record(self, appends: tuple[Append, ...], correlation_id: str) -> bool:
        """Record outputs in order; tell whether all of them found the log as expected."""
        for append in appends:
            try:
                position = await self._store.append(*self._author.follows(append, correlation_id))
            except Conflict:
                await self._live.caught_up()
                return False
            await self._live.wait_for(position)
            for part in append.parts:
                self._log.debug(
                    "decided",
                    position=position,
                    correlation_id=correlation_id,
                    entity=str(part.boundary),
                    events=[type(event).__name__ for event in part.events],
                )
        return True

    def _begin(self, solve: Solve, correlation_id: str) -> None:
        """Let a problem be solved beside all else, which does not wait for it; once at a time."""
        if self._solver is None:
            raise ConfigurationError("this coordinator has no solver; one that has must decide")
        boundary = solve.boundary
        if boundary not in self._solving:
            task = asyncio.create_task(self._solve(self._solver, solve, correlation_id))
            self._solving[boundary] = task
            task.add_done_callback(lambda _: self._solving.pop(boundary))

    async def _solve(self, solver: Solver, solve: Solve, correlation_id: str) -> None:
        """Let a problem be solved, and its entity decide by the solution."""
        entity = str(solve.boundary)
        try:
            solution = await solver.solve(solve.problem)
            await self._deliver(Send(solve.cause, solve.boundary, Solved(solution)), correlation_id)
            # What follows from the decision is done when its own event is handed out.
        except MabeamError as error:
            # The event that made it necessary is handed out again.
            self._log.warning(
                "solution postponed",
                entity=entity,
                correlation_id=correlation_id,
                error=str(error),
            )
        except Exception:  # noqa: BLE001 - as where reactions fail: others go on, the fault stays visible
            self._log.exception("solution failed", entity=entity, correlation_id=correlation_id)

    async def _deliver(self, send: Send, correlation_id: str) -> None:
        """Let another entity receive a command, deciding again after each conflict."""
        for attempt in range(ATTEMPTS_MAX):
            effects = self._received(send)
            if await self._record(effects.append, correlation_id):
                return
            await asyncio.sleep(random.random() * 0.002 * min(attempt, 10))  # noqa: S311 - only to part rivals
        raise Conflict(str(send.boundary), None, None)

    def _received(self, send: Send) -> Effects:
        name, world = send.boundary.entity, self._live.state
        match send.boundary.kind:
            case "session":
                return SESSIONS.receive(name, world.session(name), send)
            case "variable":
                return VARIABLES.receive(name, world.variable(name), send)
            case _:
                return Effects()
