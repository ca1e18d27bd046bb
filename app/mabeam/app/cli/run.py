"""`mabeam run`: play a scenario file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, placed

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.app.scenario import Scenario
    from mabeam.app.staging import Performance

__all__ = ["run"]


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam run examples/coding-team.toml",
        "mabeam run examples/data-pipeline.toml --space rehearsal",
    ),
)
@click.argument("scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--space", metavar="NAME", help="Play in this space instead of a fresh one.")
@as_json
@placed
def run(place: Place, scenario: Path, space: str | None, *, json: bool) -> int:
    """Run a scenario: who takes part, and what happens among them.

    SCENARIO is a TOML file. Its agents, with the policies it names, are hosted here, and what
    follows from their words is coordinated here. Exits with 1 if something is not as the file
    expects.
    """
    from mabeam.app.cli.output import write_json
    from mabeam.app.cli.running import complete
    from mabeam.app.scenario import scenario_in
    from mabeam.projections.world import plain

    found = complete(_run(place, scenario_in(scenario), space, shows=not json))
    if json:
        write_json(plain(found))
    else:
        _tell(place, found)
    return Code.CHECK_FAILED if found.unmet else Code.OK


async def _run(place: Place, scenario: Scenario, space: str | None, *, shows: bool) -> Performance:
    from mabeam.app.cli.output import style, write_lines
    from mabeam.app.console.style import PLAIN
    from mabeam.app.staging import fresh_space, perform

    async with place.address() as url:
        return await perform(
            scenario,
            space or fresh_space(scenario.space),
            url,
            style=style() if shows else PLAIN,
            tell=write_lines if shows else lambda _lines: None,
        )


def _tell(place: Place, found: Performance) -> None:
    from mabeam.app.cli.output import note, style, write_lines

    paint = style()
    lines = [paint.bad(f"not as expected: {text}") for text in found.unmet]
    verdict = lines or [paint.good("everything is as the scenario expects")]
    write_lines(["", *verdict])
    note(f"space {found.space}; mabeam tail {found.space} --no-follow{place.options}")
