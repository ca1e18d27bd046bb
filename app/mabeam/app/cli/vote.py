"""`mabeam vote`: choose among options, from the shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import Duration, as_json, complete_space, placed
from mabeam.app.cli.sessions import (
    fields_of,
    open_session,
    say_fields,
    show_command,
    write_opened,
    write_said,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mabeam.app.cli.place import Place

__all__ = ["vote"]


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
@click.option(
    "--for", "open_for", type=Duration(), help="How long it is open: 30s, 5m, 2h.  [default: 30s]"
)
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
    open_for: float | None,
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
    from mabeam.app.cli.running import complete

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
        "open_for_seconds": open_for,
    }
    fields = fields_of(file, ()) | {k: value for k, value in given.items() if value is not None}
    opening = opening_of("vote", fields)
    found, state = complete(open_session(place, space, opening, name=name, by=by, wait=wait))
    write_opened(found, state, wait=wait, json=json)


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
    from mabeam.app.cli.running import complete
    from mabeam.core.voting import ranking_of

    if ranking and approved:
        raise click.UsageError("give a ranking or --approve, not both")
    groups: Sequence[Sequence[str]] = [approved] if approved else ranking_of(ranking)
    fields: dict[str, Any] = {"ranking": [list(group) for group in groups], "note": note}
    if confidence is not None:
        fields["confidence"] = confidence
    said = complete(say_fields(place, space, name, "cast", fields, by=by))
    write_said(space, name, said, json=json)


vote.add_command(
    show_command(
        "Show the tally of the vote NAME of SPACE, and who leads under its rule.",
        ("mabeam vote show team lunch", "mabeam vote show team lunch --follow"),
    )
)


def _weights(voters: Sequence[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for voter in voters:
        agent, equals, weight = voter.partition("=")
        if equals and not weight.isdecimal():
            raise click.UsageError(f"--voter {voter!r} is not NAME or NAME=WEIGHT")
        found.append({"agent": agent, "weight": int(weight) if equals else 1})
    return found
