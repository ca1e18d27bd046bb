"""Where a fold may begin: behind the latest checkpoint that can be read, or at zero."""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

import structlog

from mabeam.core.errors import EventTooLarge, MabeamError, StoreError
from mabeam.core.ports import Checkpoint, CheckpointStore
from mabeam.projections.projection import Projection

__all__ = ["StateCodec", "resume", "save"]

StateT = TypeVar("StateT")
_log: Final = structlog.get_logger(__name__)


class StateCodec(Protocol[StateT]):
    """How a projection's state becomes bytes and back."""

    def encode(self, state: StateT) -> bytes:
        """Write a state."""
        ...

    def decode(self, raw: bytes) -> StateT:
        """Read what `encode` wrote; raise a `MabeamError` for anything else."""
        ...


async def resume(
    projection: Projection[StateT],
    checkpoints: CheckpointStore,
    codec: StateCodec[StateT],
    *,
    until: int,
) -> tuple[int, StateT]:
    """Return position and state of the latest readable checkpoint, else 0 and the initial state.

    Args:
        projection: The fold.
        checkpoints: Where its checkpoints are.
        codec: How they are written.
        until: The greatest position wanted. A checkpoint behind the head of the log is one
            of another log, so nobody should ask for more than that.

    Raises:
        StoreError: The checkpoints cannot be reached.
    """
    while True:
        found = await checkpoints.load(projection.name, projection.version, until=until)
        if found is None:
            return 0, projection.initial
        try:
            return found.position, codec.decode(found.state)
        except MabeamError as error:
            _log.warning(
                "checkpoint ignored",
                projection=projection.name,
                position=found.position,
                error=str(error),
            )
        until = found.position - 1


async def save(
    projection: Projection[StateT],
    checkpoints: CheckpointStore,
    codec: StateCodec[StateT],
    position: int,
    state: StateT,
) -> None:
    """Save a checkpoint; if that fails, say so in the log and go on without.

    A checkpoint only shortens the next start.
    """
    checkpoint = Checkpoint(projection.name, projection.version, position, codec.encode(state))
    try:
        await checkpoints.save(checkpoint)
    except (StoreError, EventTooLarge) as error:
        _log.warning(
            "checkpoint not saved",
            projection=projection.name,
            position=position,
            error=str(error),
        )
