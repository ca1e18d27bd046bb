"""`mabeam state`: how things stand, or stood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, placed, space_argument
from mabeam.app.cli.positions import HOW

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place

__all__ = ["state"]


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam state team",
        "mabeam state team variables.temperature.state.value",
        "mabeam state team agents.*.state.status --at 12",
        "mabeam state team sessions --at -5m --json",
    ),
)
@space_argument
@click.argument("path", default="")
@click.option("--at", metavar="POS", help=f"As of this place in the log: {HOW}.")
@as_json
@placed
def state(place: Place, space: str, path: str, at: str | None, *, json: bool) -> None:
    """Show how things stand, or stood.

    Shows the state of SPACE, or the part of it at PATH: names joined by dots, and * for every
    name.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.reading import world_of
    from mabeam.app.cli.running import complete
    from mabeam.app.scenario.paths import at_path
    from mabeam.projections.world import plain

    found = at_path(plain(complete(world_of(place, space, at))), path)
    if isinstance(found, str) and not json:
        write_lines([found])
    else:
        write_json(found, pretty=not json)
