"""`mabeam import`: record the events of a file, each once, however often it is tried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import SPACE_VARIABLE, as_json, complete_space, placed

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.app.importing import Imported
    from mabeam.core.envelope import Envelope

__all__ = ["import_"]


@click.command(
    "import",
    cls=ExampleCommand,
    examples=(
        "mabeam import team events.jsonl",
        "mabeam tail old --no-follow --json > old.jsonl && mabeam import new old.jsonl",
    ),
)
@click.argument("space", envvar=SPACE_VARIABLE, shell_complete=complete_space)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@placed
def import_(place: Place, space: str, file: Path, *, json: bool) -> None:
    """Record the events of a file, each exactly once.

    SPACE is made if it is new. FILE has one CloudEvent in JSON on each line, no two with the
    same id; it is checked to its end before anything is recorded. An import that was broken
    off goes on when it is started again: how far it has come stands in FILE.SPACE.imported,
    and is compared with the log. Events of one entity keep their order; others may change
    places within a few hundred, so this is no backup of a log.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete
    from mabeam.projections.world import plain

    found = complete(_import(place, space, file))
    if json:
        write_json(plain(found))
        return
    already = f", {found.present:,} were recorded before" if found.present else ""
    write_lines([f"{found.recorded:,} of {found.events:,} events recorded{already}"])


async def _import(place: Place, space: str, path: Path) -> Imported:
    from mabeam.app.cli.progress import Progress
    from mabeam.app.importing import import_file
    from mabeam.core.subjects import check_space

    check_space(space)
    progress: Progress | None = None

    def show(done: int, total: int) -> None:
        nonlocal progress
        progress = progress or Progress("events", total, before=done - 1)
        progress.reached(done)

    async with place.log(space, make=True) as store:
        try:
            return await import_file(store, path, _parsed, show)
        finally:
            if progress is not None:
                progress.clear()


def _parsed(raw: bytes) -> Envelope:
    from mabeam.app.cli.envelopes import check, cloud_event
    from mabeam.core.envelope import wire_subject

    event = cloud_event(raw)
    wire_subject("any", event)
    check(event)
    return event
