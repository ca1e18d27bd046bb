"""What it takes to keep a read model current, and the state that its rows are taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from mabeam.core.ports import CheckpointStore, EventStore, ReadModel
from mabeam.projections.resuming import StateCodec, resume, save
from mabeam.projections.tabulation import TableProjection

__all__ = ["PoisonPolicy", "Upkeep"]

StateT = TypeVar("StateT")

PoisonPolicy: TypeAlias = Literal["stop", "skip", "park"]
"""What becomes of an event that cannot be applied: the projection stops before it, goes on
without it, or goes on and keeps it in a list to be tried again."""

LEASE_SECONDS: Final = 5.0
CHECKPOINT_EVERY: Final = 10_000
STEP_EVENTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Upkeep(Generic[StateT]):
    """A read model, the log it is made of, and how it is kept current.

    Attributes:
        projection: What the tables are.
        store: The log.
        model: Where the tables are.
        holder: Name of this process among those that may be active; that of no other.
        checkpoints: Where states are kept that shorten a start; None to fold from zero.
        codec: How they are written; needed with ``checkpoints``.
        poison: What becomes of an event that cannot be applied.
        lease_seconds: How long the others wait for an active process that is not heard of.
        checkpoint_every: Keep a state after so many events, and at the end.
        step_events: How many events one transaction takes, where so many are there.
    """

    projection: TableProjection[StateT]
    store: EventStore
    model: ReadModel
    holder: str
    checkpoints: CheckpointStore | None = None
    codec: StateCodec[StateT] | None = None
    poison: PoisonPolicy = "stop"
    lease_seconds: float = LEASE_SECONDS
    checkpoint_every: int = CHECKPOINT_EVERY
    step_events: int = STEP_EVENTS

    def __post_init__(self) -> None:
        """See that checkpoints can be written."""
        if self.checkpoints is not None and self.codec is None:
            raise ValueError("checkpoints need a codec for the state")

    async def state_at(self, position: int, known: tuple[int, StateT] | None = None) -> StateT:
        """Return the state at a position.

        Args:
            position: Where.
            known: A position and the state there, from which to go on; else a checkpoint is
                looked for.

        Raises:
            StoreError: The log cannot be read.
        """
        if known is None or known[0] > position:
            known = await self._resumed(position)
        after, state = known
        if after < position:
            async for page in self.store.read(after=after, until=position):
                state = self.projection.advance(state, page)
        return state

    async def keep_state(self, position: int, state: StateT) -> None:
        """Save a checkpoint, if there are checkpoints."""
        if self.checkpoints is not None and self.codec is not None:
            await save(self.projection.fold, self.checkpoints, self.codec, position, state)

    async def _resumed(self, until: int) -> tuple[int, StateT]:
        fold = self.projection.fold
        if self.checkpoints is None or self.codec is None:
            return 0, fold.initial
        return await resume(fold, self.checkpoints, self.codec, until=until)
