"""`mabeam negotiate`: offers and answers, from the shell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, complete_space, placed

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.core.session.events import Speech

__all__ = ["negotiate"]

_MS: Final = 1_000
_RANGE: Final = re.compile(
    r"(?P<low>-?[\d.]*\d)\.\.(?P<high>-?[\d.]*\d)/(?P<step>[\d.]*\d)", re.ASCII
)
_BY = click.option("--by", default="operator", show_default=True, help="In whose name.")


@click.group
def negotiate() -> None:
    """Let parties negotiate, until they agree or walk away."""


@negotiate.command(
    "open",
    cls=ExampleCommand,
    examples=(
        "mabeam negotiate open team --party ann --party ben \\",
        "    --issue style=plain,fancy --issue price=0..10/0.5 --name deal",
        "mabeam negotiate open team --party ann --party ben --issue day=Mon,Tue --single-text",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.option("--party", "parties", multiple=True, required=True, help="Who negotiates; in turns.")
@click.option(
    "--issue",
    "issues",
    multiple=True,
    required=True,
    metavar="NAME=VALUES",
    help="What is to be settled: options a,b,c or a range LOW..HIGH/STEP.",
)
@click.option("--subject", default="", help="What it is about, for people.")
@click.option("--rounds", type=int, default=20, show_default=True, help="Turns of each, or texts.")
@click.option(
    "--turn-seconds", type=float, default=3600.0, show_default=True, help="Time for each turn."
)
@click.option("--single-text", is_flag=True, help="A mediator proposes; parties only judge.")
@click.option("--name", help="Name of the session.  [default: a fresh id]")
@_BY
@click.option("--wait", is_flag=True, help="Wait for its end, coordinate meanwhile, and show it.")
@placed
def open_(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    *,
    parties: tuple[str, ...],
    issues: tuple[str, ...],
    subject: str,
    rounds: int,
    turn_seconds: float,
    single_text: bool,
    name: str | None,
    by: str,
    wait: bool,
) -> None:
    """Open a negotiation in SPACE, which is made if it is new; print its name.

    Without --wait a coordinator must run elsewhere, such as that of `mabeam up`.
    """
    from mabeam.app.asking import opening_of
    from mabeam.app.cli.output import write_lines
    from mabeam.app.cli.running import complete
    from mabeam.app.cli.sessions import open_session, session_shown

    turn_ms = round(turn_seconds * _MS)
    fields: dict[str, object] = {
        "participants": list(parties),
        "issues": [_issue(text) for text in issues],
        "subject": subject,
        "rounds": rounds,
        "round_ms" if single_text else "turn_ms": turn_ms,
        # Longer than all turns together, which end it otherwise.
        "open_for_ms": min(turn_ms * max(rounds + 1, 1) * len(parties), 366 * 24 * 3600 * _MS),
    }
    opening = opening_of("single_text" if single_text else "negotiation", fields)
    found, state = complete(open_session(place, space, opening, name=name, by=by, wait=wait))
    shown = session_shown(found, state)
    end = f": {shown['outcome']} {shown['result'] or ''}".rstrip() if wait else ""
    write_lines([f"{found}{end}"])


def _issue(text: str) -> dict[str, object]:
    name, equals, values = text.partition("=")
    if not equals or not name or not values:
        raise click.UsageError(f"--issue {text!r} is not NAME=VALUES")
    if ".." not in values or "," in values:
        return {"type": "options", "name": name, "options": values.split(",")}
    found = _RANGE.fullmatch(values)
    if found is None:
        raise click.UsageError(f"--issue {text!r} is not NAME=LOW..HIGH/STEP, three numbers")
    return {"type": "range", "name": name, **found.groupdict()}


@negotiate.command(
    cls=ExampleCommand, examples=("mabeam negotiate offer team deal plain 7.5 --by ann",)
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.argument("values", nargs=-1, required=True)
@click.option("--note", default="", help="Why, for people.")
@_BY
@placed
def offer(  # noqa: PLR0913 - each is a choice of its own
    place: Place, space: str, name: str, values: tuple[str, ...], *, note: str, by: str
) -> None:
    """Offer an outcome in the negotiation NAME of SPACE: one value for each issue, in order.

    It counts if it is one's turn; the position of the word is printed.
    """
    from mabeam.app.cli.output import write_lines
    from mabeam.app.cli.running import complete
    from mabeam.app.cli.sessions import say_fields

    fields = {"values": list(values), "note": note}
    write_lines([str(complete(say_fields(place, space, name, "offer_made", fields, by=by)))])


@negotiate.command(cls=ExampleCommand, examples=("mabeam negotiate accept team deal --by ben",))
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@_BY
@placed
def accept(place: Place, space: str, name: str, *, by: str) -> None:
    """Accept the offer that stands, or the text that is judged, as it is shown now."""
    from mabeam.app.cli.output import write_lines
    from mabeam.app.cli.running import complete

    write_lines([str(complete(_answer(place, space, name, accepts=True, by=by)))])


@negotiate.command(cls=ExampleCommand, examples=("mabeam negotiate reject team deal --by ben",))
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@_BY
@placed
def reject(place: Place, space: str, name: str, *, by: str) -> None:
    """Reject the text that is judged; of alternating offers, walk away and end them.

    To turn an offer down and go on, make another with `mabeam negotiate offer`.
    """
    from mabeam.app.cli.output import write_lines
    from mabeam.app.cli.running import complete

    write_lines([str(complete(_answer(place, space, name, accepts=False, by=by)))])


async def _answer(place: Place, space: str, name: str, *, accepts: bool, by: str) -> int:
    from mabeam.app.composition import attach
    from mabeam.core.negotiation import Draft, OfferAccepted, Talks, TextJudged, WalkedAway

    async with (
        place.log(space) as store,
        attach(store, coordinate=False, identity=by) as joined,
    ):
        session = joined.sessions.get(name)
        course = session.state.course
        speech: Speech = WalkedAway()
        if isinstance(course, Draft):
            speech = TextJudged(round=course.round, accept=accepts)
        elif accepts:
            # Named by its number, an offer that came meanwhile is not accepted unseen.
            stands = course.standing if isinstance(course, Talks) else None
            speech = OfferAccepted(offer=stands.number if stands is not None else 0)
        return await session.say(speech, by=by)


@negotiate.command(
    cls=ExampleCommand,
    examples=(
        "mabeam negotiate show team deal",
        "mabeam negotiate show team deal --follow",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.option("--follow", is_flag=True, help="Show it again whenever it changes, until it ends.")
@as_json
@placed
def show(place: Place, space: str, name: str, *, follow: bool, json: bool) -> None:
    """Show the offers so far and whose turn it is, or what became of the texts."""
    from mabeam.app.cli.running import complete
    from mabeam.app.cli.sessions import show_session

    complete(show_session(place, space, name, at=None, follow=follow, json=json))
