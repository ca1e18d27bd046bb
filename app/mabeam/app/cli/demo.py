"""`mabeam demo`: a team coordinates, and its history replays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, placed

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.app.demo import Demonstration

__all__ = ["demo"]


@click.command(cls=ExampleCommand, examples=("mabeam demo", "mabeam demo --data build/demo"))
@as_json
@placed
def demo(place: Place, *, json: bool) -> int:
    """Watch a team coordinate, then its history replay.

    A coding team holds an auction for a task, votes on a number and clashes over another,
    all over a real NATS server. Then the log is folded again and compared. The history stays
    in the data folder, in a space of its own.
    """
    from mabeam.app.cli.output import write_json
    from mabeam.app.cli.running import complete
    from mabeam.projections.world import plain

    found = complete(_demo(place, shows=not json))
    if json:
        write_json(plain(found))
    if not found.is_proved:
        return Code.DIVERGED
    return Code.CHECK_FAILED if found.performance.unmet else Code.OK


async def _demo(place: Place, *, shows: bool) -> Demonstration:
    from mabeam.app.cli.output import style, write_lines
    from mabeam.app.console.style import PLAIN
    from mabeam.app.demo import demonstrate

    paint = style() if shows else PLAIN
    async with place.address() as url:
        if shows:
            where = "" if place.server else f", data in {place.data}"
            write_lines([paint.faint(f"NATS at {url}{where}")])
        return await demonstrate(
            url,
            style=paint,
            tell=write_lines if shows else lambda _lines: None,
            options=place.options,
        )
