"""`mabeam doctor`: what is wrong, and the one thing to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, complete_space, placed

if TYPE_CHECKING:
    from mabeam.app.cli.checks import Check
    from mabeam.app.cli.place import Place

__all__ = ["doctor"]


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam doctor",
        "mabeam doctor team --server nats://10.0.0.7:4222",
    ),
)
@click.argument("space", required=False, shell_complete=complete_space)
@as_json
@placed
def doctor(place: Place, space: str | None, *, json: bool) -> int:
    """Find what is wrong, and how to fix it.

    Checks machine, server and spaces, or only the one SPACE. Exits with 1 if a check fails.
    """
    from mabeam.app.cli.output import write_json
    from mabeam.app.cli.running import complete
    from mabeam.projections.world import plain

    found = complete(_look(place, space, shows=not json))
    if json:
        write_json(plain(found))
    return Code.CHECK_FAILED if any(check.verdict == "fail" for check in found) else Code.OK


async def _look(place: Place, space: str | None, *, shows: bool) -> list[Check]:
    from mabeam.app.cli.checks import checks
    from mabeam.app.cli.output import write_lines

    found: list[Check] = []
    async for check in checks(place, space):
        found.append(check)
        if shows:
            write_lines(_lines(check))
    return found


def _lines(check: Check) -> list[str]:
    from mabeam.app.cli.output import style
    from mabeam.app.console.style import visible

    paint = style()
    colour = {"ok": paint.good, "warn": paint.doubtful, "fail": paint.bad}[check.verdict]
    lines = [f"{colour(f'{check.verdict:<4}')}  {check.name:<16}  {visible(check.found)}"]
    if check.fix:
        lines.append(f"      {'':<16}  {paint.strong('fix:')} {check.fix}")
    return lines
