"""`mabeam log`: look after the log itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mabeam.app.cli.copies import backup, export, restore
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, placed, space_argument
from mabeam.app.cli.sites import archive, mirror, promote

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.app.custody import Check

__all__ = ["log"]


@click.group
def log() -> None:
    """Check, back up, restore, mirror and archive a log."""


@log.command(
    cls=ExampleCommand,
    examples=("mabeam log check team", "mabeam log check team --json"),
)
@space_argument
@as_json
@placed
def check(place: Place, space: str, *, json: bool) -> int:
    """Read every event of SPACE and check all that must hold.

    Looks at the stream and its copies, at the sequence of events, commits, ids and record
    times, at those who share the events, and at saved states. Exits with 1 if a check fails.
    """
    from mabeam.app.cli.running import complete
    from mabeam.app.cli.verdicts import told

    return told(complete(_check(place, space, shows=not json)), json=json)


async def _check(place: Place, space: str, *, shows: bool) -> list[Check]:
    from mabeam.app.cli.progress import Progress
    from mabeam.app.cli.verdicts import gather
    from mabeam.app.custody import look_at
    from mabeam.infra.jetstream.inspection import inspect_space

    async with place.connection(space) as connection:
        head = (await inspect_space(connection, space)).head
        with Progress("events", head) as progress:
            return await gather(look_at(connection, space, progress.reached), shows=shows)


for command in (backup, restore, export, archive, mirror, promote):
    log.add_command(command)
