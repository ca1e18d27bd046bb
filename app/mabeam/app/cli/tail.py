"""`mabeam tail`: events as they are recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, placed, space_argument
from mabeam.app.cli.positions import HOW, position_after

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.core.ports import Page
    from mabeam.core.subjects import Filter

__all__ = ["tail"]


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam tail team",
        "mabeam tail team --since -5m --kind session",
        "mabeam tail team --no-follow --actor coder",
        "mabeam tail team --since 1 --json | jq .data",
    ),
)
@space_argument
@click.option("--since", metavar="POS", help=f"Begin with this place in the log: {HOW}.")
@click.option("--kind", metavar="NAME", help="Only of this kind: agent, variable, session, ...")
@click.option("--entity", metavar="NAME", help="Only of the entity of this name.")
@click.option("--event", metavar="NAME", help="Only of this short name, such as bid_placed.")
@click.option("--actor", metavar="NAME", help="Only what this one said.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after so many.")
@click.option("--no-follow", is_flag=True, help="End when all that is recorded has been shown.")
@as_json
@placed
def tail(  # noqa: PLR0913 - each is an option of its own
    *,
    place: Place,
    space: str,
    since: str | None,
    kind: str | None,
    entity: str | None,
    event: str | None,
    actor: str | None,
    limit: int | None,
    no_follow: bool,
    json: bool,
) -> None:
    """Show events as they are recorded, until Ctrl-C.

    Each event of SPACE is one line of words, or with --json a whole CloudEvent with its
    position and the time at which the log recorded it. The first is the next one to come,
    with --no-follow the first of all; --since begins elsewhere.
    """
    from mabeam.app.cli.running import complete
    from mabeam.core.subjects import Filter

    wanted = Filter(kind, entity, event, actor)
    complete(_tail(place, space, wanted, _Part(since, limit, not no_follow), json=json))


@dataclass(frozen=True, slots=True)
class _Part:
    """Which part of the log is shown."""

    since: str | None
    limit: int | None
    follows: bool


async def _tail(place: Place, space: str, wanted: Filter, part: _Part, *, json: bool) -> None:
    from mabeam.app.cli.output import note

    async with place.log(space, stays=part.follows) as store:
        after = 0
        if part.since is not None:
            after = await position_after(store, part.since)
        elif part.follows:
            after = await store.head()
            note(f"following {space} behind position {after}; Ctrl-C ends")
        if not part.follows:
            await _write(store.read(wanted, after=after), part.limit, json=json)
            return
        async with store.follow(wanted, after=after) as pages:
            await _write(pages, part.limit, json=json)


async def _write(pages: AsyncIterator[Page], limit: int | None, *, json: bool) -> None:
    from mabeam.app.cli.lines import json_line, line
    from mabeam.app.cli.output import style, write_lines

    paint = style()
    left = limit
    async for page in pages:
        shown = page[:left]
        write_lines(json_line(recorded) if json else line(recorded, paint) for recorded in shown)
        if left is not None:
            left -= len(shown)
            if not left:
                return
