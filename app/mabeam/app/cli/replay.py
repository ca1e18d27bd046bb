"""`mabeam replay`: fold the history again, and check that everything decided follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, placed, space_argument
from mabeam.app.cli.positions import HOW, position_at

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.app.replaying import Replay, Verification

__all__ = ["replay"]


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam replay team",
        "mabeam replay team --verify",
        "mabeam replay team --at 120 --json",
    ),
)
@space_argument
@click.option("--verify", is_flag=True, help="Check every decision; exit with 6 if one diverges.")
@click.option("--at", metavar="POS", help=f"Only up to this place in the log: {HOW}.")
@as_json
@placed
def replay(place: Place, space: str, at: str | None, *, verify: bool, json: bool) -> int:
    """Fold the history again, from zero.

    The events of SPACE are read and folded; nothing is executed and nothing is sent.
    The fingerprint is the SHA-256 of the state that the history comes to: the same history
    gives the same fingerprint on every machine.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete

    found, checked = complete(_replay(place, space, at, verify=verify))
    if json:
        write_json(_facts(found, checked))
    else:
        write_lines(_lines(found, checked))
    return Code.OK if checked is None else _verdict(checked)


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
