"""`mabeam doctor`: what is wrong, and the one thing to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, complete_space, placed

if TYPE_CHECKING:
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
    from mabeam.app.cli.checks import checks
    from mabeam.app.cli.running import complete
    from mabeam.app.cli.verdicts import gather, told

    return told(complete(gather(checks(place, space), shows=not json)), json=json)
