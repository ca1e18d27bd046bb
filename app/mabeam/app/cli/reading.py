"""Reading a space without taking part in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mabeam.app.cli.positions import position_at

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.projections.world import World

__all__ = ["world_of"]


async def world_of(place: Place, space: str, at: str | None) -> World:
    """Return everything known about a space, now or as of a place in its log.

    Raises:
        NotFound: There is no such space, or no such place in its log.
    """
    from mabeam.app.replaying import folded

    async with place.log(space) as store:
        return await folded(store, None if at is None else await position_at(store, at))
