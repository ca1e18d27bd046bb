"""`mabeam session`: sessions of any protocol, from the shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import as_json, complete_space, placed
from mabeam.app.cli.sessions import (
    cancel_session,
    fields_of,
    open_session,
    say_fields,
    show_command,
    write_opened,
    write_said,
)

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place

__all__ = ["session"]

_FILE = click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML or JSON file with the fields.",
)
_SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field; the value is JSON, or else text. It counts more than the file's.",
)
_BY = click.option("--by", default="operator", show_default=True, help="In whose name.")


@click.group
def session() -> None:
    """Hold sessions of any protocol."""


@session.command(
    "open",
    cls=ExampleCommand,
    examples=(
        "mabeam session open team auction --set lot='the login bug' --set reserve=10 \\",
        '    --set \'participants=["ann","ben"]\' --name login',
        "mabeam session open team consensus --file temperature.toml --wait",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("protocol")
@_FILE
@_SET
@click.option("--name", help="Name of the session.  [default: a fresh id]")
@_BY
@click.option("--wait", is_flag=True, help="Wait for its end, coordinate meanwhile, and show it.")
@as_json
@placed
def open_(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    protocol: str,
    *,
    file: Path | None,
    settings: tuple[str, ...],
    name: str | None,
    by: str,
    wait: bool,
    json: bool,
) -> None:
    """Open a session of PROTOCOL in SPACE, which is made if it is new; print its name.

    The fields are those of the protocol's opening event. Beside them, participants may be a
    list of names or a table of weights, rule a bare name, and open_for_seconds a duration.
    Without --wait a coordinator must run elsewhere, such as that of `mabeam up`.
    """
    from mabeam.app.asking import opening_of
    from mabeam.app.cli.running import complete

    opening = opening_of(protocol, fields_of(file, settings))
    found, state = complete(open_session(place, space, opening, name=name, by=by, wait=wait))
    write_opened(found, state, wait=wait, json=json)


@session.command(
    cls=ExampleCommand,
    examples=(
        "mabeam session say team login --set amount=25 --by ann",
        "mabeam session say team boldness ballot_cast --set value=0.4 --by ben",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.argument("kind", default="", metavar="[TYPE]")
@_FILE
@_SET
@_BY
@as_json
@placed
def say(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    name: str,
    kind: str,
    *,
    file: Path | None,
    settings: tuple[str, ...],
    by: str,
    json: bool,
) -> None:
    """Speak in the session NAME of SPACE, and print the position of the word.

    TYPE is the short name of an event, such as bid_placed; it may be left out where only one
    fits the protocol. Whether the word counts is decided by where it stands.
    """
    from mabeam.app.cli.running import complete

    said = complete(say_fields(place, space, name, kind, fields_of(file, settings), by=by))
    write_said(space, name, said, json=json)


session.add_command(
    show_command(
        "Show how things stand in the session NAME of SPACE: the tally, the book, the ladder.",
        ("mabeam session show team login", "mabeam session show team login --follow"),
    )
)


@session.command(
    cls=ExampleCommand, examples=("mabeam session cancel team login --reason 'fixed already'",)
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.option("--reason", default="", help="Why, for people.")
@_BY
@placed
def cancel(place: Place, space: str, name: str, *, reason: str, by: str) -> None:
    """Take the session NAME of SPACE back. Only who opened it may."""
    from mabeam.app.cli.running import complete

    complete(cancel_session(place, space, name, reason, by=by))
