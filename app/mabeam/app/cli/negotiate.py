"""`mabeam negotiate`: offers and answers, from the shell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import Duration, as_json, complete_space, placed
from mabeam.app.cli.sessions import (
    open_session,
    say_fields,
    say_seeing,
    show_command,
    write_opened,
    write_said,
)

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.core.session.events import Speech
    from mabeam.core.session.state import SessionState

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
    "--turn-seconds", type=Duration(), default="1h", show_default=True, help="Time for each turn."
)
@click.option("--single-text", is_flag=True, help="A mediator proposes; parties only judge.")
@click.option("--name", help="Name of the session.  [default: a fresh id]")
@_BY
@click.option("--wait", is_flag=True, help="Wait for its end, coordinate meanwhile, and show it.")
@as_json
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
    json: bool,
) -> None:
    """Open a negotiation in SPACE, which is made if it is new; print its name.

    Without --wait a coordinator must run elsewhere, such as that of `mabeam up`.
    """
    from mabeam.app.asking import opening_of
    from mabeam.app.cli.running import complete

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
    write_opened(found, state, wait=wait, json=json)


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
@as_json
@placed
def offer(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    name: str,
    values: tuple[str, ...],
    *,
    note: str,
    by: str,
    json: bool,
) -> None:
    """Offer an outcome in the negotiation NAME of SPACE: one value for each issue, in order.

    It counts if it is one's turn; the position of the word is printed.
    """
    from mabeam.app.cli.running import complete

    fields = {"values": list(values), "note": note}
    said = complete(say_fields(place, space, name, "offer_made", fields, by=by))
    write_said(space, name, said, json=json)


@negotiate.command(cls=ExampleCommand, examples=("mabeam negotiate accept team deal --by ben",))
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@_BY
@as_json
@placed
def accept(place: Place, space: str, name: str, *, by: str, json: bool) -> None:
    """Accept the offer that stands, or the text that is judged, as it is shown now."""
    _answer(place, space, name, accepts=True, by=by, json=json)


@negotiate.command(cls=ExampleCommand, examples=("mabeam negotiate reject team deal --by ben",))
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@_BY
@as_json
@placed
def reject(place: Place, space: str, name: str, *, by: str, json: bool) -> None:
    """Reject the text that is judged; of alternating offers, walk away and end them.

    To turn an offer down and go on, make another with `mabeam negotiate offer`.
    """
    _answer(place, space, name, accepts=False, by=by, json=json)


def _answer(  # noqa: PLR0913 - where, what, in whose name, and how to tell it
    place: Place, space: str, name: str, *, accepts: bool, by: str, json: bool
) -> None:
    from mabeam.app.cli.running import complete

    word = _accepting if accepts else _rejecting
    write_said(space, name, complete(say_seeing(place, space, name, word, by=by)), json=json)


def _accepting(state: SessionState) -> Speech:
    from mabeam.core.negotiation import Draft, OfferAccepted, Talks, TextJudged

    course = state.course
    if isinstance(course, Draft):
        return TextJudged(round=course.round, accept=True)
    # Named by its number, an offer that came meanwhile is not accepted unseen.
    stands = course.standing if isinstance(course, Talks) else None
    return OfferAccepted(offer=stands.number if stands is not None else 0)


def _rejecting(state: SessionState) -> Speech:
    from mabeam.core.negotiation import Draft, TextJudged, WalkedAway

    course = state.course
    return (
        TextJudged(round=course.round, accept=False) if isinstance(course, Draft) else WalkedAway()
    )


negotiate.add_command(
    show_command(
        "Show the offers so far and whose turn it is, or what became of the texts.",
        ("mabeam negotiate show team deal", "mabeam negotiate show team deal --follow"),
    )
)
