"""What a scenario expects, held against what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mabeam.app.scenario.model import Expectation
from mabeam.app.scenario.paths import at_path
from mabeam.core.errors import NotFound
from mabeam.core.ports import EventStore
from mabeam.projections.world import World, plain

__all__ = ["missed", "unmet"]


async def unmet(expected: Expectation, world: World, store: EventStore, after: int) -> list[str]:
    """Say what is not as expected.

    Args:
        expected: What must be so.
        world: The state in the end.
        store: The log.
        after: Events behind this position are counted.
    """
    found = list(missed(expected.state, world))
    if expected.events:
        counts: Counter[str] = Counter()
        async for page in store.read(after=after, until=world.position):
            counts.update(recorded.type for recorded in page)
        found += (
            f"{counts[type_]} events {type_}, expected {number}"
            for type_, number in expected.events.items()
            if counts[type_] != number
        )
    return found


def missed(expected: Mapping[str, Any], world: World) -> Iterator[str]:
    """Say which parts of the state do not have the values expected of them."""
    state = plain(world) if expected else None
    for path, value in expected.items():
        try:
            found = at_path(state, path)
        except NotFound as error:
            yield f"{path} is absent, expected {_text(value)}: {error}"
            continue
        if found != value:
            yield f"{path} is {_text(found)}, expected {_text(value)}"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
