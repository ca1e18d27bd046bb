"""`mabeam log archive`, `mirror` and `promote`: where a log may be written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, complete_space, placed

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.app.custody import Archived

__all__ = ["archive", "mirror", "promote"]


@click.command(
    cls=ExampleCommand,
    examples=("mabeam log archive team",),
)
@click.argument("space", shell_complete=complete_space)
@as_json
@placed
def archive(place: Place, space: str, *, json: bool) -> int:
    """Seal SPACE for ever: it is read as before, and takes no events any more.

    A space with sessions that have not ended is refused, as nobody could end them then.
    Prints what the archive comes to, to be kept elsewhere; done again, it prints the same.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete
    from mabeam.projections.world import plain

    found = complete(_archive(place, space))
    if json:
        write_json(plain(found))
        return 0
    write_lines(
        [
            f"space        {found.space}, sealed for ever",
            f"events       {found.events:,}, up to position {found.last:,}",
            f"sha256       {found.sha256}",
            f"fingerprint  {found.fingerprint}",
        ]
    )
    return 0


async def _archive(place: Place, space: str) -> Archived:
    from mabeam.app.cli.progress import Progress
    from mabeam.app.custody import archive as seal
    from mabeam.infra.jetstream.inspection import inspect_space

    async with place.connection(space) as connection:
        head = (await inspect_space(connection, space)).head
        with Progress("events", head) as progress:
            return await seal(connection, space, progress.reached)


@click.command(
    cls=ExampleCommand,
    examples=("mabeam log mirror team --domain hub --server nats://127.0.0.1:4333",),
)
@click.argument("space")
@click.option("--domain", metavar="NAME", help="JetStream domain of the origin.")
@click.option(
    "--api",
    metavar="SUBJECT",
    help="Instead of --domain: where the origin's JetStream is managed, as an account imports it.",
)
@click.option(
    "--replicas",
    type=click.IntRange(1, 5),
    default=1,
    show_default=True,
    metavar="N",
    help="Copies in the cluster of the mirror.",
)
@placed
def mirror(place: Place, space: str, domain: str | None, api: str | None, replicas: int) -> int:
    """Have this server keep a copy of SPACE that the servers keep current.

    It has the same events at the same positions and is read like any other space. It takes
    no events until it is promoted.
    """
    from mabeam.app.cli.output import note
    from mabeam.app.cli.running import complete

    if (domain is None) == (api is None):
        raise click.UsageError("give either --domain or --api")
    complete(_mirror(place, space, domain, api, replicas))
    note(f"{space} is mirrored; 'mabeam doctor {space}' shows how far it is")
    return 0


async def _mirror(
    place: Place, space: str, domain: str | None, api: str | None, replicas: int
) -> None:
    from mabeam.infra.jetstream.api import Api
    from mabeam.infra.jetstream.mirror import Source
    from mabeam.infra.jetstream.mirror import mirror as begin
    from mabeam.infra.jetstream.topology import stream_name

    source = Source(stream_name(space), api) if api else Source.domain(space, domain or "")
    async with place.connection(make=True) as connection:
        await begin(Api(connection), space, source, replicas=replicas)


@click.command(
    cls=ExampleCommand,
    examples=("mabeam log promote team --server nats://127.0.0.1:4333",),
)
@click.argument("space", shell_complete=complete_space)
@placed
def promote(place: Place, space: str) -> int:
    """Make the mirror of SPACE the log itself, when its origin is lost.

    What the origin acknowledged and the mirror never got is lost. It is refused while the
    origin answers: two logs of one name would come to differ.
    """
    from mabeam.app.cli.output import write_lines
    from mabeam.app.cli.running import complete

    write_lines([f"{space} goes on behind position {complete(_promote(place, space)):,}"])
    return 0


async def _promote(place: Place, space: str) -> int:
    from mabeam.infra.jetstream.api import Api
    from mabeam.infra.jetstream.mirror import promote as make_origin

    async with place.connection() as connection:
        return await make_origin(Api(connection), space)
