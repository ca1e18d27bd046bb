"""`mabeam schema`: the event types, for services that are not written in Python."""

from __future__ import annotations

from pathlib import Path

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json

__all__ = ["schema"]


@click.group
def schema() -> None:
    """Describe events to any language."""


@schema.command(
    cls=ExampleCommand,
    examples=(
        "mabeam schema export",
        "mabeam schema export build/schemas",
        "mabeam schema export --check",
    ),
)
@click.argument(
    "folder", default="schemas", metavar="[DIR]", type=click.Path(file_okay=False, path_type=Path)
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is not current.")
@as_json
def export(folder: Path, *, check: bool, json: bool) -> int:
    """Write JSON Schemas of all events and an AsyncAPI document into DIR, by default ./schemas.

    Prints the files that were, or with --check would be, changed.
    """
    from mabeam.app import schema as schemas
    from mabeam.app.cli.output import note, write_json, write_lines

    changed = [str(folder / p) for p in (schemas.check if check else schemas.export)(folder)]
    if json:
        write_json(changed)
    elif changed:
        write_lines(changed)
    else:
        note(f"{folder} is current")
    return Code.CHECK_FAILED if check and changed else Code.OK
