"""`mabeam log backup`, `restore` and `export`: a space to and from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, complete_space, placed

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.app.custody import Manifest
    from mabeam.infra.jetstream.backup import Sum

__all__ = ["backup", "export", "restore"]


@click.command(
    cls=ExampleCommand,
    examples=("mabeam log backup team backups/team-monday",),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@as_json
@placed
def backup(place: Place, space: str, folder: Path, *, json: bool) -> int:
    """Write everything of SPACE into the new folder DIR.

    The space may be in use: the backup is consistent up to the position it names.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete
    from mabeam.projections.world import plain

    manifest = complete(_backup(place, space, folder))
    if json:
        write_json(plain(manifest))
    else:
        write_lines(_lines(manifest))
    return 0


async def _backup(place: Place, space: str, folder: Path) -> Manifest:
    from mabeam.app.cli.progress import Progress
    from mabeam.app.custody import back_up
    from mabeam.infra.jetstream.inspection import inspect_space

    async with place.connection(space) as connection:
        head = (await inspect_space(connection, space)).head
        with Progress("events", head) as progress:
            return await back_up(connection, space, folder, progress.reached)


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam log restore backups/team-monday",
        "mabeam log restore backups/team-monday team --replicas 1",
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("space", required=False)
@click.option(
    "--replicas",
    type=click.IntRange(1, 5),
    metavar="N",
    help="Copies in a cluster; as many as it had if not said.",
)
@as_json
@placed
def restore(
    place: Place, folder: Path, space: str | None, replicas: int | None, *, json: bool
) -> int:
    """Make a space of the backup in DIR, at the same positions.

    There must be no space of that name. If SPACE is given, the backup must be of it: a space
    cannot be restored under another name. Every event is read again and compared before
    anyone can write to the space.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete
    from mabeam.projections.world import plain

    manifest, fingerprint = complete(_restore(place, folder, space, replicas))
    if json:
        write_json(plain(manifest) | {"restored_fingerprint": fingerprint})
        return 0
    write_lines(_lines(manifest))
    if fingerprint == manifest.fingerprint:
        write_lines(["restored     every event is the same, and so is the state"])
    else:
        write_lines([f"restored     every event is the same; folded by {_fold()} to {fingerprint}"])
    return 0


async def _restore(
    place: Place, folder: Path, space: str | None, replicas: int | None
) -> tuple[Manifest, str]:
    from mabeam.app.cli.progress import Progress
    from mabeam.app.custody import read_manifest
    from mabeam.app.custody import restore as put_back

    events = read_manifest(folder).events
    async with place.connection(make=True) as connection:
        with Progress("events", events) as progress:
            return await put_back(
                connection, folder, space=space, replicas=replicas, reached=progress.reached
            )


@click.command(
    cls=ExampleCommand,
    examples=("mabeam log export team team.jsonl",),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@as_json
@placed
def export(place: Place, space: str, file: Path, *, json: bool) -> int:
    """Write the events of SPACE into the new FILE, one JSON line for each.

    For people and other tools. What is to be restored is made by 'mabeam log backup'.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete
    from mabeam.projections.world import plain

    total = complete(_export(place, space, file))
    if json:
        write_json(plain(total))
    else:
        write_lines([f"events       {total.events:,}", f"sha256       {total.sha256}"])
    return 0


async def _export(place: Place, space: str, file: Path) -> Sum:
    from mabeam.app.cli.progress import Progress
    from mabeam.app.custody import export as write_out
    from mabeam.infra.jetstream.inspection import inspect_space

    async with place.connection(space) as connection:
        head = (await inspect_space(connection, space)).head
        with Progress("events", head) as progress:
            return await write_out(connection, space, file, progress.reached)


def _fold() -> str:
    from importlib.metadata import version

    return f"mabeam {version('mabeam')}"


def _lines(manifest: Manifest) -> list[str]:
    return [
        f"space        {manifest.space}",
        f"events       {manifest.events:,}, up to position {manifest.last:,}",
        f"sha256       {manifest.sha256}",
        f"fingerprint  {manifest.fingerprint}",
    ]
