"""`mabeam market`: trade from the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import Duration, as_json, complete_space, placed
from mabeam.app.cli.sessions import (
    fields_of,
    open_session,
    say_and_write,
    show_command,
    write_opened,
)

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.core.session.events import Speech
    from mabeam.core.session.state import SessionState

__all__ = ["market"]

_BY = click.option("--by", default="operator", show_default=True, help="In whose name.")
_KINDS = ("call", "continuous", "posted-price", "fisher")


@click.group
def market() -> None:
    """Open markets, trade in them, and watch the book."""


@market.command(
    "open",
    cls=ExampleCommand,
    examples=(
        "mabeam market open team call --good cpu --name cpu \\",
        "    --trader ann --trader ben --trader sue",
        "mabeam market open team continuous --good cpu --name book --for 600 \\",
        "    --budget ann=1000 --holding sue=50",
        "mabeam market open team posted-price --good gpu --set price=3 --set quantity=20",
        "mabeam market open team fisher --supply cpu=10 --supply gpu=1 \\",
        "    --budget ann=10 --budget ben=1",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--good", help="What is traded.")
@click.option("--rule", help="How it is cleared.  [default: the kind's own]")
@click.option("--trader", "traders", multiple=True, help="Who may trade.  [default: everybody]")
@click.option(
    "--for", "open_for", type=Duration(), help="How long it is open: 30s, 5m, 2h.  [default: 30s]"
)
@click.option(
    "--budget", "budgets", multiple=True, metavar="AGENT=AMOUNT", help="What one may spend."
)
@click.option(
    "--holding", "holdings", multiple=True, metavar="AGENT=PIECES", help="What one may sell."
)
@click.option(
    "--supply", "supplies", multiple=True, metavar="GOOD=UNITS", help="What is shared out."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field of the opening; the value is JSON, or else text.",
)
@click.option("--name", help="Name of the session.  [default: a fresh id]")
@_BY
@click.option("--wait", is_flag=True, help="Wait for its end, coordinate meanwhile, and show it.")
@as_json
@placed
def open_(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    kind: str,
    *,
    good: str | None,
    rule: str | None,
    traders: tuple[str, ...],
    open_for: float | None,
    budgets: tuple[str, ...],
    holdings: tuple[str, ...],
    supplies: tuple[str, ...],
    settings: tuple[str, ...],
    name: str | None,
    by: str,
    wait: bool,
    json: bool,
) -> None:
    """Open a market in SPACE, which is made if it is new; print its name.

    A call market collects sealed orders and clears them at once. A continuous one has a book in
    which orders trade as they meet, until it closes. At a posted price, who comes first is served
    first. A Fisher market shares divisible goods out among buyers with budgets.

    Without --wait a coordinator must run elsewhere, such as that of `mabeam up`.
    """
    from mabeam.app.asking import opening_of
    from mabeam.app.cli.running import complete
    from mabeam.app.ordering import KINDS

    fields = fields_of(None, settings)
    plainly = {"good": good, "rule": rule, "open_for_seconds": open_for}
    fields |= {field: value for field, value in plainly.items() if value is not None}
    if traders:
        fields["participants"] = list(traders)
    endowments = _endowments(budgets, holdings)
    if endowments:
        fields["endowments"] = endowments
    if supplies:
        goods = _numbers("--supply", supplies)
        fields["goods"] = [{"good": one, "quantity": units} for one, units in goods.items()]
    opening = opening_of(KINDS[kind].name, fields)
    found, state = complete(open_session(place, space, opening, name=name, by=by, wait=wait))
    write_opened(found, state, wait=wait, json=json)


def _endowments(budgets: tuple[str, ...], holdings: tuple[str, ...]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for field, option, given in (
        ("budget", "--budget", budgets),
        ("holding", "--holding", holdings),
    ):
        for agent, amount in _numbers(option, given).items():
            found.setdefault(agent, {"agent": agent})[field] = amount
    return list(found.values())


def _numbers(option: str, given: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in given:
        name, equals, number = one.rpartition("=")
        if not equals or not number.isdecimal():
            raise click.UsageError(f"{option} {one!r} is not NAME=NUMBER")
        if name in found:
            raise click.UsageError(f"{option} names {name!r} twice")
        found[name] = int(number)
    return found


@market.command(
    cls=ExampleCommand,
    examples=(
        "mabeam market order team book buy 10 @ 95 --by ann",
        "mabeam market order team book sell 5 --by sue",
        "mabeam market order team cpu buy 2 @ 90 buy 3 @ 80 --by ann",
        "mabeam market order team shares cpu=1 gpu=20 --by ann",
    ),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.argument("order", nargs=-1, required=True)
@click.option("--note", default="", help="Why, for people.")
@_BY
@as_json
@placed
def order(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    name: str,
    order: tuple[str, ...],
    *,
    note: str,
    by: str,
    json: bool,
) -> None:
    """Place ORDER in the market NAME of SPACE, and print its position.

    An order is `buy QUANTITY @ PRICE` or `sell QUANTITY @ PRICE`. In a continuous market, one
    without a price takes any. In a call market all orders of an agent are given at once. At a
    posted price it is `buy QUANTITY`; in a Fisher market, `GOOD=VALUE` for each good.
    """
    from mabeam.app.ordering import order_of

    def word(state: SessionState) -> Speech:
        # What the space knows by that name it knows by an opening, or else by stray words.
        assert state.opening is not None
        return order_of(state.opening, order, note)

    say_and_write(place, space, name, word, by=by, json=json)


@market.command(
    "cancel-order",
    cls=ExampleCommand,
    examples=("mabeam market cancel-order team book 17 --by ann",),
)
@click.argument("space", shell_complete=complete_space)
@click.argument("name")
@click.argument("order")
@_BY
@as_json
@placed
def cancel_order(  # noqa: PLR0913 - each is a choice of its own
    place: Place, space: str, name: str, order: str, *, by: str, json: bool
) -> None:
    """Take back what is left of ORDER, named by its position or id, in the book NAME of SPACE.

    The position of the word is printed.
    """
    from mabeam.app.ordering import cancellation_of

    say_and_write(place, space, name, lambda state: cancellation_of(state, order), by=by, json=json)


market.add_command(
    show_command(
        "Show the book of the market NAME of SPACE, its ladder of supply and demand, or its sales.",
        ("mabeam market show team book", "mabeam market show team book --follow"),
    )
)
