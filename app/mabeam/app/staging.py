"""A scenario from its beginning to its end, in one space, told while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Final, TypeAlias

import msgspec

from mabeam.app.composition import connect
from mabeam.app.console.style import Style
from mabeam.app.narration import Narrator
from mabeam.app.scenario import Scenario, play, unmet
from mabeam.infra.observability import bind_log
from mabeam.infra.system import SystemIds
from mabeam.projections.world import fingerprint

__all__ = ["Performance", "Tell", "fresh_space", "perform"]

Tell: TypeAlias = Callable[[Iterable[str]], None]

_PREFIX_MAX: Final = 24
_SUFFIX: Final = 6


class Performance(msgspec.Struct, frozen=True):
    """What a scenario came to.

    Attributes:
        space: Name of the space.
        position: Position of its last event.
        fingerprint: SHA-256 of the state there, as this process came to see it live.
        unmet: What is not as the scenario expects.
    """

    space: str
    position: int
    fingerprint: str
    unmet: tuple[str, ...]


def fresh_space(prefix: str) -> str:
    """Return the name of a space that nobody has used yet."""
    return f"{prefix[:_PREFIX_MAX]}-{SystemIds().new_id()[-_SUFFIX:]}"


async def perform(
    scenario: Scenario, space: str, server: str, *, style: Style, tell: Tell
) -> Performance:
    """Play a scenario and coordinate it; tell each chapter when it is over.

    Raises:
        Rejected: The scenario asks for what a rule forbids.
        StoreUnavailable: No server answers at the address.
    """
    bind_log(space=space)
    async with connect(space, server=server) as joined:
        before = joined.state.position
        narrator = Narrator(joined.store, style)
        overdue: list[str] = []
        async with aclosing(play(joined, scenario)) as chapters:
            async for chapter in chapters:
                tell(await narrator.tell(chapter))
                overdue += filter(None, [chapter.overdue])
        world = await joined.caught_up()
        missed = await unmet(scenario.expect, world, joined.store, before)
        return Performance(space, world.position, fingerprint(world), (*overdue, *missed))
