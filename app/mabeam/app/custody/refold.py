"""Saved states against the log: none may be ahead of it, and each is what the log folds to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mabeam.app.custody.check import Check
from mabeam.app.custody.glance import RESTORE
from mabeam.core.errors import MabeamError
from mabeam.core.ports import Checkpoint, EventStore
from mabeam.infra.jetstream import Connection
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.saved import saved
from mabeam.projections.packing import Packed
from mabeam.projections.plain import fingerprint
from mabeam.projections.projection import Projection
from mabeam.projections.resuming import StateCodec
from mabeam.projections.world import WORLD, World

__all__ = ["FOLDS", "Fold", "checkpoints"]


@dataclass(frozen=True, slots=True)
class Fold:
    """A projection whose saved states can be read.

    Attributes:
        projection: The fold.
        codec: How its states are written.
    """

    projection: Projection[Any]
    codec: StateCodec[Any]


FOLDS: Final[Sequence[Fold]] = (Fold(WORLD, Packed(World)),)
"""The folds of which mabeam itself saves states."""

_REBUILD: Final = "raise the projection's version, so that its state is folded anew"
_FORGET: Final = "nothing is lost: what cannot be read is passed over and folded anew"


async def checkpoints(
    connection: Connection, store: EventStore, folds: Sequence[Fold] = FOLDS
) -> list[Check]:
    """Judge the checkpoints of a space: one line if all are fine, else one for each that is not.

    Args:
        connection: Where the space is.
        store: Its log.
        folds: The projections whose states can be read and folded again here. Others are
            only compared with the head.
    """
    name = f"{store.space}: checkpoints"
    faults: list[Check] = []
    fitting: list[Checkpoint] = []
    async for subject, checkpoint in saved(Api(connection), store.space):
        if checkpoint is None:
            faults.append(Check(name, "warn", f"{subject} holds none", _FORGET))
        elif checkpoint.position > (head := await store.head()):
            found = f"{subject} is at {checkpoint.position:,}, and the log ends at {head:,}"
            fix = f"the log lost events or was replaced: {RESTORE}"
            faults.append(Check(name, "fail", found, fix))
        else:
            fitting.append(checkpoint)
    compared = 0
    for fold in folds:
        identity = (fold.projection.name, fold.projection.version)
        own = [one for one in fitting if (one.projection, one.version) == identity]
        compared += len(own)
        faults += [check async for check in _differences(store, fold, own, name)]
    if faults:
        return faults
    if not fitting:
        return [Check(name, "ok", "none")]
    said = f"{len(fitting):,}, none ahead of the log"
    return [Check(name, "ok", f"{said}, {compared:,} the same as a refold" if folds else said)]


async def _differences(
    store: EventStore, fold: Fold, kept: Sequence[Checkpoint], name: str
) -> AsyncIterator[Check]:
    """Fold the log again and tell which of the saved states of one projection are others."""
    state, position = fold.projection.initial, 0
    for checkpoint in sorted(kept, key=lambda one: one.position):
        async for page in store.read(after=position, until=checkpoint.position):
            for recorded in page:
                state = fold.projection.apply(state, recorded)
        position = checkpoint.position
        said = f"{checkpoint.projection} {checkpoint.version} at {position:,}"
        try:
            found = fold.codec.decode(checkpoint.state)
        except MabeamError as error:
            yield Check(name, "warn", f"{said} cannot be read: {error}", _FORGET)
        else:
            if fingerprint(found) != fingerprint(state):
                yield Check(name, "fail", f"{said} is not what the log folds to", _REBUILD)
