"""`mabeam vote`: choose among options, from the shell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, complete_space, placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mabeam.app.cli.place import Place

__all__ = ["vote"]

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


@click.group
def vote() -> None:
    """Let a team choose among options."""


@vote.command(
    "open",
    cls=ExampleCommand,
    examples=(
        "mabeam vote open team --option tea --option coffee --rule approval --for 30s",
        "mabeam vote open team --option A --option B --option C --rule schulze \\",
        "    --voter ann --voter ben=2 --quorum 2 --name lunch",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.option("--option", "options", multiple=True, help="What can be chosen; repeat it.")
@click.option("--rule", help="How it is counted: majority, approval, schulze, ...")
@click.option(
    "--voter", "voters", multiple=True, metavar="NAME[=WEIGHT]", help="Who may vote; repeat it."
)
@click.option("--quorum", type=int, help="The least weight that must vote.")
@click.option("--default", help="The option that holds if quorum or majority are missed.")
@click.option("--seats", type=int, help="How many options are elected.")
@click.option("--question", help="What is asked, for people.")
@click.option(
    "--early",
    is_flag=True,
    help="Close as soon as no ballot can change who wins; first ballots count.",
)
@click.option("--for", "open_for", metavar="DURATION", help="How long it is open: 30s, 5m, 2h.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML or JSON file with the fields of the opening; flags count more.",
)
@click.option("--name", help="Name of the session.  [default: a fresh id]")
@click.option("--by", default="operator", show_default=True, help="In whose name.")
@click.option("--wait", is_flag=True, help="Wait for its end, coordinate meanwhile, and show it.")
@as_json
@placed
def open_(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    *,
    options: tuple[str, ...],
    rule: str | None,
    voters: tuple[str, ...],
    quorum: int | None,
    default: str | None,
    seats: int | None,
    question: str | None,
    early: bool,
    open_for: str | None,
    file: Path | None,
    name: str | None,
    by: str,
    wait: bool,
    json: bool,
) -> None:
    """Ask in SPACE, which is made if it is new, which option is chosen; print the session's name.

    With voters, it closes as soon as all of them have voted, or with --early as soon as an
    option has what it needs of them all. What a rule takes beside its
    name stands in a file, as its parameters. Without --wait a coordinator must run
    elsewhere, such as that of `mabeam up`.
    """
    from mabeam.app.asking import opening_of
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete
    from mabeam.app.cli.sessions import fields_of, open_session, session_shown
    from mabeam.core.voting import VoteDecided
    from mabeam.projections.world import plain

    given: dict[str, Any] = {
        "options": list(options) or None,
        "rule": rule,
        "participants": _weights(voters) if voters else None,
        "quorum": quorum,
        "default": default,
        "seats": seats,
        "question": question,
        "early": early or None,
        "revising": "first" if early else None,
        "open_for_seconds": None if open_for is None else _seconds(open_for),
    }
    fields = fields_of(file, ()) | {k: value for k, value in given.items() if value is not None}
    opening = opening_of("vote", fields)
    found, state = complete(open_session(place, space, opening, name=name, by=by, wait=wait))
    if json:
        write_json(plain(session_shown(found, state)))
        return
    # Several winners are no result that a variable could take.
    winners = ", ".join(state.decision.winners) if isinstance(state.decision, VoteDecided) else ""
    write_lines([f"{found}: {state.outcome} {winners or state.reason}".rstrip() if wait else found])


@vote.command(
    cls=ExampleCommand,
    examples=(
        "mabeam vote cast team lunch 'B > A = C' --by ann",
        "mabeam vote cast team lunch --approve A --approve B --by ben",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.argument("ranking", default="")
@click.option("--approve", "approved", multiple=True, help="An option you approve of; repeat it.")
@click.option("--confidence", help="How sure you are, from 0 to 1.  [default: 1]")
@click.option("--note", default="", help="Why, for people.")
@click.option("--by", default="operator", show_default=True, help="In whose name.")
@as_json
@placed
def cast(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    name: str,
    ranking: str,
    *,
    approved: tuple[str, ...],
    confidence: str | None,
    note: str,
    by: str,
    json: bool,
) -> None:
    """Cast a ballot in the vote NAME of SPACE, and print its position.

    RANKING names options, the best first; = ties two of them, and those left out are last.
    Another ballot of the same voter replaces it. Without any option the ballot is blank.
    """
    from mabeam.app.cli.output import write_json, write_lines
    from mabeam.app.cli.running import complete
    from mabeam.app.cli.sessions import say_fields
    from mabeam.core.voting import ranking_of

    if ranking and approved:
        raise click.UsageError("give a ranking or --approve, not both")
    groups: Sequence[Sequence[str]] = [approved] if approved else ranking_of(ranking)
    fields: dict[str, Any] = {"ranking": [list(group) for group in groups], "note": note}
    if confidence is not None:
        fields["confidence"] = confidence
    position = complete(say_fields(place, space, name, "", fields, by=by))
    if json:
        write_json({"space": space, "session": name, "position": position})
    else:
        write_lines([str(position)])


@vote.command(
    cls=ExampleCommand,
    examples=("mabeam vote show team lunch", "mabeam vote show team lunch --follow"),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.option("--at", metavar="POS", help="As of this place in the log.")
@click.option("--follow", is_flag=True, help="Show it again whenever it changes, until it ends.")
@as_json
@placed
def show(  # noqa: PLR0913 - each is a choice of its own
    place: Place, space: str, name: str, *, at: str | None, follow: bool, json: bool
) -> None:
    """Show the tally of the vote NAME of SPACE, and who leads under its rule."""
    from mabeam.app.cli.running import complete
    from mabeam.app.cli.sessions import show_session

    if at is not None and follow:
        raise click.UsageError("--at and --follow exclude each other")
    complete(show_session(place, space, name, at=at, follow=follow, json=json))


def _weights(voters: Sequence[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for voter in voters:
        agent, equals, weight = voter.partition("=")
        if equals and not weight.isdecimal():
            raise click.UsageError(f"--voter {voter!r} is not NAME or NAME=WEIGHT")
        found.append({"agent": agent, "weight": int(weight) if equals else 1})
    return found


def _seconds(duration: str) -> float:
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise click.UsageError(f"--for {duration!r} is not a duration such as 30s, 5m or 2h")
    return float(found[1]) * _UNITS[found[2]]
