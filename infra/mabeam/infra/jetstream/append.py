"""Append events so that every outcome is known: recorded, refused, or honestly unknown.

A timeout says nothing, a conflict may be the echo of one's own lost append, and a
duplicate may be a stranger's. All three are settled in the same way: read the boundary
from the leader and compare the commit id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from mabeam.core.errors import OutcomeUnknown, StoreError, StoreUnavailable
from mabeam.core.ports import Guard, Write
from mabeam.infra.jetstream.answers import ApiError, Failure, PublishAnswer, failure_of, final_error
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.plan import Plan
from mabeam.infra.jetstream.publisher import Publisher
from mabeam.infra.jetstream.replies import Lost
from mabeam.infra.jetstream.settlement import Settlement
from mabeam.infra.jetstream.turns import Turns

__all__ = ["Appender"]

_FROZEN: Final = (
    "the server answers reads but takes no events: see its log; after a write error, "
    "of a full disk for one, it takes none until it is started again"
)

_log: Final = structlog.get_logger(__name__)


class Appender:
    """Records the events of one space.

    Args:
        space: Name of the space.
        publisher: Sends them.
        settlement: Looks up what became of them.
        limit: Bytes that an encoded event may have.
    """

    def __init__(
        self, space: str, publisher: Publisher, settlement: Settlement, limit: int
    ) -> None:
        self._space = space
        self._publisher = publisher
        self._settlement = settlement
        self._limit = limit
        self._turns = Turns()

    async def append(
        self, writes: Sequence[Write], guards: Sequence[Guard], deadline: float
    ) -> int:
        """Do what `mabeam.core.ports.EventStore.append` promises, until the deadline."""
        plan = Plan.of(self._space, writes, guards, self._limit)
        if not plan.checks and not plan.guards:
            # Speech needs no turn: whatever stands before it, it is recorded.
            return await self._record(plan, deadline)
        # A replicated stream refuses a condition on what another append in flight names.
        boundaries = sorted(check.subjects for check in (*plan.checks, *plan.guards))
        await self._turns.take(boundaries)
        try:
            return await self._record(plan, deadline)
        finally:
            self._turns.give_back(boundaries)

    async def _record(self, plan: Plan, deadline: float) -> int:
        if len(plan.messages) == 1:
            # The usual case takes the direct way; what goes wrong on it takes its course.
            try:
                answer = await self._publisher.publish(plan.messages[0], deadline)
            except Lost as error:
                return await self._course(plan, deadline).run(error)
            if answer.error is None and not answer.duplicate:
                return answer.seq
            return await self._course(plan, deadline).run(answer)
        return await self._course(plan, deadline).run(None)

    def _course(self, plan: Plan, deadline: float) -> _Course:
        return _Course(plan, self._publisher, self._settlement, self._limit, deadline)


class _Course:
    """The course of one append, over as many attempts as it takes."""

    def __init__(
        self,
        plan: Plan,
        publisher: Publisher,
        settlement: Settlement,
        limit: int,
        deadline: float,
    ) -> None:
        self._limit = limit
        self._plan = plan
        self._publisher = publisher
        self._settlement = settlement
        self._patience = Patience(deadline)
        self._deadline = deadline
        # Whether an attempt was sent whose outcome is not known.
        self._open = False
        self._last: Exception | None = None

    async def run(self, first: PublishAnswer | Lost | None) -> int:
        """Attempt it until it is settled.

        Args:
            first: What came of a first attempt, if there was one.
        """
        outcome = first
        while True:
            try:
                position = await self._judge(await self._send() if outcome is None else outcome)
            except StoreUnavailable as error:
                raise await self._unsettled() from error
            if position is not None:
                return position
            outcome = None
            if not await self._patience.pause():
                raise await self._unsettled() from self._last

    async def _judge(self, outcome: PublishAnswer | Lost) -> int | None:
        """Find out what an attempt has led to; return the position, or None to try again."""
        if isinstance(outcome, Lost):
            self._open = True
            self._last = outcome
            # Speech is sent again under the same message id: the server knows it.
            return await self._settlement.recorded(self._plan, self._deadline)
        if outcome.error is not None:
            return await self._refused(outcome.error)
        if outcome.duplicate:
            return await self._duplicate(outcome.seq)
        return outcome.seq

    async def _send(self) -> PublishAnswer | Lost:
        messages = self._plan.messages
        try:
            if len(messages) == 1:
                return await self._publisher.publish(messages[0], self._deadline)
            return await self._publisher.publish_batch(messages, self._deadline)
        except Lost as lost:
            return lost

    async def _refused(self, error: ApiError) -> int | None:
        self._last = RuntimeError(str(error))
        match failure_of(error):
            case Failure.CONFLICT:
                return await self._conflict()
            case Failure.DUPLICATE:
                return await self._duplicate_batch()
            case Failure.TRANSIENT:
                return None
            case Failure.FINAL:
                if self._open:
                    position = await self._settlement.recorded(self._plan, self._deadline)
                    if position is not None:
                        return position
                raise final_error(error, self._plan.size_max, self._limit)

    async def _conflict(self) -> int | None:
        """Settle a refused condition: it may be the echo of an earlier attempt."""
        self._open = True
        if self._plan.guards:
            fenced = await self._settlement.fenced(self._plan, self._deadline)
            if fenced is not None:
                return await self._settlement.before(fenced, self._plan, self._deadline)
        position = await self._settlement.recorded(self._plan, self._deadline)
        if position is None and self._has_looked_enough:
            # Nothing stands behind the expected position. An append in flight will soon
            # be seen, a leader that lags will soon be another; a wrong expectation stays.
            conflict = await self._settlement.ahead(self._plan, self._deadline)
            if conflict is not None:
                raise conflict
        return position

    async def _duplicate(self, position: int) -> int | None:
        """Settle an event that the server took for a known one."""
        stored = await self._settlement.at(position, self._deadline)
        if stored is None:
            return None
        recorded = await self._settlement.ours(self._plan, 0, stored, self._deadline)
        if recorded is None:
            # The id is another's. Ours may yet have been recorded earlier, under a fresh one.
            recorded = await self._settlement.spoken(self._plan, self._deadline)
        if recorded is None:
            self._evade(stored.seq, stored.subject)
        return recorded

    async def _duplicate_batch(self) -> int | None:
        """Settle a batch of which the server knows an id, but does not say which."""
        self._open = True
        settlement = self._settlement
        seek = settlement.recorded if self._plan.checks else settlement.spoken
        position = await seek(self._plan, self._deadline)
        if position is None and self._has_looked_enough:
            self._evade(0, "")
        return position

    @property
    def _has_looked_enough(self) -> bool:
        return self._patience.attempts >= self._settlement.looks

    def _evade(self, position: int, subject: str) -> None:
        _log.warning(
            "message id used up by another event",
            commit_id=self._plan.commit_id,
            position=position,
            subject=subject,
        )
        self._plan = self._plan.under_fresh_ids()

    async def _unsettled(self) -> StoreError:
        error: StoreError = StoreUnavailable("the log took no events in time; nothing was recorded")
        if self._open:
            error = OutcomeUnknown(self._plan.boundary, self._plan.commit_id)
        if await self._settlement.is_readable(self._plan):
            # A server that meets a full or broken disk leaves appends unanswered from then on.
            error.add_note(_FROZEN)
            _log.error("log is readable but takes no events", reason=_FROZEN)
        return error
