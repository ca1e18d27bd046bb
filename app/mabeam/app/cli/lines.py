"""One recorded event as one line: in words, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mabeam.app.console.style import Style, visible
from mabeam.app.console.table import fill
from mabeam.app.telling import tell

if TYPE_CHECKING:
    from mabeam.core.envelope import Recorded

__all__ = ["json_line", "line"]


def line(recorded: Recorded, style: Style) -> str:
    """Return an event in words: position, local time, who, about what, and what."""
    at = f"{recorded.recorded_at.astimezone():%H:%M:%S}"
    actor = fill(visible(recorded.actor), 12)
    entity = fill(visible(f"{recorded.kind}/{recorded.entity}"), 20)
    text = visible(tell(recorded))
    said = style.bad(text) if recorded.problem is not None else text
    place = style.faint(f"{recorded.position:>6}  {at}")
    return f"{place}  {style.name(actor)}  {style.faint(entity)}  {said}"


def json_line(recorded: Recorded) -> str:
    """Return a whole event as JSON, itself a CloudEvent.

    ``position`` and ``recordedtime`` are the log's; an event that nobody can read has
    ``problem`` instead of its attributes.
    """
    import msgspec

    head: dict[str, object] = {
        "position": recorded.position,
        "recordedtime": recorded.recorded_at.isoformat().replace("+00:00", "Z"),
    }
    if recorded.problem is not None:
        named = {"kind": recorded.kind, "entity": recorded.entity, "actor": recorded.actor}
        return msgspec.json.encode(head | named | {"problem": str(recorded.problem)}).decode()
    # The payload stays as its producer wrote it, to the last digit, but on one line.
    whole = msgspec.json.encode(head)[:-1] + b"," + msgspec.json.encode(recorded.envelope)[1:]
    return msgspec.json.format(whole, indent=-1).decode()
