"""`mabeam pub`: record an event from the shell."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Final

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import SPACE_VARIABLE, as_json, complete_space, placed

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.core.envelope import Envelope

__all__ = ["pub"]

_STDIN: Final = "-"


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam pub team '{\"amount\": 12}' --type mabeam.auction.bid_placed.v1 \\",
        "    --subject session/task-1 --source /agents/coder",
        'echo \'{"text": "hi"}\' | mabeam pub team - --type com.example.note \\',
        "    --subject note/1",
        "mabeam tail team --no-follow --limit 1 --json | mabeam pub copy --cloudevent -",
    ),
)
@click.argument("space", envvar=SPACE_VARIABLE, shell_complete=complete_space)
@click.argument("payload", default="", metavar="[DATA]")
@click.option("--type", "type_", metavar="TYPE", help="Its type: mabeam.auction.bid_placed.v1, ...")
@click.option("--subject", metavar="KIND/ENTITY", help="The entity it is about: session/task-1.")
@click.option("--source", metavar="PATH", help="Who says it.  [default: /agents/operator]")
@click.option("--correlation", metavar="ID", help="The run it belongs to.")
@click.option("--causation", metavar="ID", help="The event that caused it.")
@click.option(
    "--cloudevent",
    "whole",
    type=click.File("rb"),
    metavar="FILE",
    help="Record the CloudEvent in this file, - for standard input, as it is.",
)
@click.option(
    "--expect",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only if the entity's last event has this position, 0 if it has none.",
)
@as_json
@placed
def pub(  # noqa: PLR0913 - each is an attribute of the event
    *,
    place: Place,
    space: str,
    payload: str,
    type_: str | None,
    subject: str | None,
    source: str | None,
    correlation: str | None,
    causation: str | None,
    whole: IO[bytes] | None,
    expect: int | None,
    json: bool,
) -> None:
    """Record an event from the shell, and print its position.

    SPACE is made if it is new. DATA is JSON; - reads it from standard input. An event of a
    type that mabeam knows is checked before anything is recorded; any other is recorded as it
    is. What follows from it is carried out by coordinators, such as that of `mabeam up`.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete

    parts = {"type": type_, "subject": subject, "source": source}
    if whole is not None:
        given = [f"--{name}" for name, value in parts.items() if value is not None]
        if given or payload:
            raise click.UsageError(f"--cloudevent excludes {', '.join(given) or 'DATA'}")
        event = _whole(whole.read())
    else:
        event = _composed(parts, payload, correlation or "", causation or "")
    position = complete(_record(place, space, event, expect))
    if json:
        write_json({"space": space, "position": position, "id": event.id})
    else:
        write_lines([str(position)])


def _whole(raw: bytes) -> Envelope:
    from mabeam.app.cli.envelopes import cloud_event, ignored_attributes
    from mabeam.app.cli.output import note

    event = cloud_event(raw)
    ignored = ignored_attributes(raw)
    if ignored:
        note(f"not recorded, because events have no such attributes: {', '.join(ignored)}")
    return event


def _composed(
    parts: dict[str, str | None], payload: str, correlation: str, causation: str
) -> Envelope:
    from mabeam.app.cli.envelopes import composed

    missing = [f"--{name}" for name in ("type", "subject") if not parts[name]]
    if missing:
        raise click.UsageError(f"{' and '.join(missing)} must be given, or --cloudevent")
    raw = sys.stdin.buffer.read() if payload == _STDIN else payload.encode()
    return composed(
        parts["type"] or "",
        parts["subject"] or "",
        parts["source"] or "/agents/operator",
        raw,
        correlation_id=correlation,
        causation_id=causation,
    )


async def _record(place: Place, space: str, event: Envelope, expect: int | None) -> int:
    from mabeam.app.cli.envelopes import check
    from mabeam.app.cli.output import note
    from mabeam.core.envelope import wire_subject
    from mabeam.core.ports import Write
    from mabeam.core.subjects import check_space

    wire_subject(check_space(space), event)
    if not check(event):
        note(f"{event.type} is no type of mabeam's: recorded unchecked")
    async with place.log(space, make=True) as store:
        return await store.append(Write((event,), expect))
