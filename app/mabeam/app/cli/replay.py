"""`mabeam replay`: fold the history again, and check that everything decided follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import SPACE_VARIABLE, as_json, complete_space, placed
from mabeam.app.cli.positions import HOW, position_at

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.app.rebuilding import Rebuild
    from mabeam.app.replaying import Replay, Verification

__all__ = ["replay"]


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam replay team",
        "mabeam replay team --verify",
        "mabeam replay team --at 120 --json",
        "mabeam replay --all --processes 4",
    ),
)
@click.argument(
    "spaces",
    nargs=-1,
    envvar=SPACE_VARIABLE,
    metavar="[SPACE]...",
    shell_complete=complete_space,
)
@click.option("--all", "every", is_flag=True, help="All spaces of the server.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fold so many spaces at once.  [default: one for each core]",
)
@click.option("--verify", is_flag=True, help="Check every decision; exit with 6 if one diverges.")
@click.option("--at", metavar="POS", help=f"Only up to this place in the log: {HOW}.")
@as_json
@placed
def replay(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    spaces: tuple[str, ...],
    at: str | None,
    processes: int | None,
    *,
    every: bool,
    verify: bool,
    json: bool,
) -> int:
    """Fold the history again, from zero.

    The events of each SPACE are read and folded; nothing is executed and nothing is sent.
    The fingerprint is the SHA-256 of the state that the history comes to: the same history
    gives the same fingerprint on every machine. Several spaces are folded side by side.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete

    if every or len(spaces) > 1:
        _refuse(every=every and bool(spaces), at=at is not None, verify=verify)
        rebuilt = complete(_replay_many(place, spaces, processes))
        return _show_many(rebuilt, json=json)
    space = spaces[0] if spaces else "default"
    found, checked = complete(_replay(place, space, at, verify=verify))
    if json:
        write_json(_facts(found, checked))
    else:
        write_lines(_lines(found, checked))
    return Code.OK if checked is None else _verdict(checked)


def _refuse(*, every: bool, at: bool, verify: bool) -> None:
    if every:
        raise click.UsageError("--all excludes the name of a SPACE")
    if at or verify:
        raise click.UsageError(f"{'--at' if at else '--verify'} takes one SPACE at a time")


async def _replay_many(
    place: Place, spaces: tuple[str, ...], processes: int | None
) -> list[Rebuild]:
    from mabeam.app.cli.progress import Progress
    from mabeam.app.rebuilding import replay_many

    async with place.address(make=False) as address:
        chosen = list(dict.fromkeys(spaces)) or await _every_space(address)
        done = 0

        def count(_: Rebuild) -> None:
            nonlocal done
            done += 1
            progress.reached(done)

        with Progress("spaces", len(chosen)) as progress:
            return await replay_many(chosen, address, processes=processes, on_done=count)


async def _every_space(address: str) -> list[str]:
    from mabeam.app.cli.place import CONNECT_SECONDS
    from mabeam.infra.jetstream import connect
    from mabeam.infra.jetstream.inspection import spaces

    connection = await connect(address.split(","), deadline_seconds=CONNECT_SECONDS)
    try:
        return list(await spaces(connection))
    finally:
        await connection.close()


def _show_many(rebuilt: list[Rebuild], *, json: bool) -> int:
    from mabeam.app.cli.output import note, write_json, write_table
    from mabeam.projections.world import plain

    failed = [one for one in rebuilt if one.replay is None]
    if json:
        write_json([plain(one) for one in rebuilt])
    elif not rebuilt:
        note("there are no spaces yet")
    else:
        write_table(("SPACE", "EVENTS", "SECONDS", "FINGERPRINT"), [_row(one) for one in rebuilt])
    for one in failed:
        note(f"{one.space}: {one.error}")
    return Code.CHECK_FAILED if failed else Code.OK


def _row(one: Rebuild) -> tuple[str, ...]:
    if one.replay is None:
        return one.space, "", "", "failed"
    found = one.replay
    return one.space, f"{found.position:,}", f"{found.seconds:,.2f}", found.fingerprint


async def _replay(
    place: Place, space: str, at: str | None, *, verify: bool
) -> tuple[Replay, Verification | None]:
    from mabeam.app import replaying
    from mabeam.app.cli.progress import Progress

    async with place.log(space) as store:
        until = await store.head() if at is None else await position_at(store, at)
        with Progress("events", until) as progress:
            found = await replaying.replay(store, until, progress.reached)
        checked = await replaying.verification(store, until) if verify else None
        return found, checked


def _facts(found: Replay, checked: Verification | None) -> dict[str, object]:
    from mabeam.projections.world import plain

    facts: dict[str, object] = plain(found) | {"events_per_second": found.events_per_second}
    if checked is not None:
        facts["verification"] = plain(checked.report) | {"live": checked.live}
    return facts


def _lines(found: Replay, checked: Verification | None) -> list[str]:
    from mabeam.app.cli.output import style

    paint = style()
    unreadable = f", {found.unreadable:,} of them unreadable" if found.unreadable else ""
    lines = [
        f"space        {found.space}",
        f"events       {found.position:,}{unreadable}",
        f"time         {found.seconds * 1000:,.1f} ms, {found.events_per_second:,} events/s",
        f"fingerprint  {found.fingerprint}",
    ]
    if checked is None:
        return lines
    report = checked.report
    lines.append(f"followed     {_followed(checked)}")
    lines.append(
        f"decided      {report.decided:,} events, {report.certificates:,} proved by certificate"
    )
    if not report.divergences and checked.fingerprints_agree:
        return [*lines, f"verified     {paint.good('everything decided follows from the log')}"]
    lines += (
        f"{paint.bad('diverges')}     at {d.position}: {d.detail}" for d in report.divergences
    )
    return lines


def _followed(checked: Verification) -> str:
    if not checked.live:
        return "the log has grown since"
    return "the same fingerprint" if checked.fingerprints_agree else checked.live


def _verdict(checked: Verification) -> int:
    from mabeam.core.errors import ReplayDiverged

    if checked.report.divergences:
        first = checked.report.divergences[0]
        raise ReplayDiverged(first.position, first.detail)
    if not checked.fingerprints_agree:
        detail = "a follower comes to another state than a rebuild"
        raise ReplayDiverged(checked.report.events, detail)
    return Code.OK
