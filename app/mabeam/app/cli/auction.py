"""`mabeam auction`: auctions of every form, from the shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import Duration, as_json, complete_space, placed
from mabeam.app.cli.sessions import (
    open_session,
    say_and_write,
    say_in,
    show_command,
    write_opened,
    write_said,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mabeam.app.cli.place import Place
    from mabeam.core.session.events import Speech
    from mabeam.core.session.state import SessionState

__all__ = ["auction"]

_FORMS: Final = {
    "sealed": "auction",
    "english": "english_auction",
    "clock": "clock_auction",
    "dutch": "dutch_auction",
    "multi-unit": "multi_unit_auction",
    "committed": "committed_auction",
}
_MS: Final = 1000
_BY: Final = click.option("--by", default="operator", show_default=True, help="In whose name.")
_SPACE: Final = click.argument("space", shell_complete=complete_space)
_NAME: Final = click.argument("name")


@click.group
def auction() -> None:
    """Hold auctions, bid in them, and watch how they stand."""


def _duration(name: str, meaning: str) -> Callable[[Any], Any]:
    return click.option(f"--{name}", type=Duration(), help=meaning)


def _number(name: str, meaning: str) -> Callable[[Any], Any]:
    return click.option(f"--{name}", type=int, metavar="N", help=meaning)


@auction.command(
    "open",
    cls=ExampleCommand,
    examples=(
        "mabeam auction open team --lot 'the login bug' --reserve 10 \\",
        "    --bidder ann --bidder ben --for 60 --name login",
        "mabeam auction open team --lot desk --form english --increment 5 --bid-for 30",
        "mabeam auction open team --lot desk --form dutch --start 100 --step 5 --reserve 20",
    ),
)
@_SPACE
@click.option("--lot", required=True, help="What is offered.")
@click.option(
    "--form",
    type=click.Choice(list(_FORMS)),
    default="sealed",
    show_default=True,
    help="How it is held.",
)
@click.option("--rule", help="first_price, second_price; discriminatory, uniform, vickrey.")
@click.option("--bidder", "bidders", multiple=True, help="Who may bid.  [default: everybody]")
@click.option("--unit", help="What amounts are counted in.")
@click.option("--variable", help="The variable that becomes the winner's name.")
@click.option(
    "--tie-break",
    type=click.Choice(["canonical", "earliest", "refuse"]),
    help="Who wins among equals.",
)
@_duration("for", "It ends after so long at the latest.  [default: 30s]")
@_number("reserve", "Least price. On a falling clock, the last.")
@_number("quorum", "Least total weight of those who speak.")
@_number("increment", "english: by how much a bid must beat the one that stands.")
@_number("buy-now", "english: who bids so much wins at once.")
@_duration("bid-for", "english: bidding ends after so long, if no late bid extends it.")
@_duration("soft-close", "english: a bid later than so long before the end extends it.")
@_number("start", "clock, dutch: the first price.")
@_number("step", "clock, dutch: by how much the price changes.")
@_duration("tick", "clock, dutch: how long a price stands.")
@_number("rounds-max", "clock, dutch: how many prices are shown at most.")
@_number("units", "multi-unit: how many there are.")
@_number("bond", "committed: what is forfeited by who does not reveal.")
@_duration("commit-for", "committed: how long bids are committed to.")
@click.option("--name", help="Name of the session.  [default: a fresh id]")
@_BY
@click.option("--wait", is_flag=True, help="Wait for its end, coordinate meanwhile, and show it.")
@as_json
@placed
def open_(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    *,
    form: str,
    name: str | None,
    by: str,
    wait: bool,
    json: bool,
    **chosen: Any,  # noqa: ANN401 - options of several types
) -> None:
    """Offer a lot in SPACE, which is made if it is new; print the name of the session.

    Amounts are whole numbers in minor units. Without --wait a coordinator must run elsewhere,
    such as that of `mabeam up`.
    """
    from mabeam.app.asking import opening_of
    from mabeam.app.cli.running import complete

    opening = opening_of(_FORMS[form], _fields(chosen))
    found, state = complete(open_session(place, space, opening, name=name, by=by, wait=wait))
    write_opened(found, state, wait=wait, json=json)


def _fields(chosen: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as fields of an opening."""
    fields: dict[str, Any] = {}
    for name, value in chosen.items():
        if value is None or value == ():
            continue
        match name:
            case "for":
                fields["open_for_ms"] = round(value * _MS)
            case "bidders":
                fields["participants"] = list(value)
            case "bid_for" | "soft_close" | "tick" | "commit_for":
                fields[f"{name}_ms"] = round(value * _MS)
            case _:
                fields[name] = value
    return fields


@auction.command(
    cls=ExampleCommand,
    examples=(
        "mabeam auction bid team login 25 --by ann",
        "mabeam auction bid team hours 9 7 4 --by ann",
    ),
)
@_SPACE
@_NAME
@click.argument("amounts", type=int, nargs=-1, required=True, metavar="AMOUNT...")
@_BY
@as_json
@placed
def bid(  # noqa: PLR0913 - each is a choice of its own
    place: Place, space: str, name: str, amounts: tuple[int, ...], *, by: str, json: bool
) -> None:
    """Bid in the auction NAME of SPACE, and print the position of the bid.

    Where several units are offered, give an amount for each further one.
    """
    from mabeam.app.cli.bidding import bid_of

    say_and_write(place, space, name, lambda state: bid_of(state, amounts), by=by, json=json)


def _answering(verb: str, meaning: str, example: str, *, accepts: bool) -> click.Command:
    """Return a command that answers the price of a clock."""

    @click.command(verb, cls=ExampleCommand, examples=(example,), help=meaning)
    @_SPACE
    @_NAME
    @click.option("--price", type=int, help="The price that is meant.  [default: the one shown]")
    @_BY
    @as_json
    @placed
    def answer(  # noqa: PLR0913 - each is a choice of its own
        place: Place, space: str, name: str, *, price: int | None, by: str, json: bool
    ) -> None:
        from mabeam.app.cli.bidding import answer_of

        def word(state: SessionState) -> Speech:
            return answer_of(state, price, accepts=accepts)

        say_and_write(place, space, name, word, by=by, json=json)

    return answer


auction.add_command(
    _answering(
        "stop",
        "Accept the price of a falling clock, which stops it. The first who does has the lot.",
        "mabeam auction stop team desk --by ann",
        accepts=True,
    )
)
auction.add_command(
    _answering(
        "stay",
        "Accept the price of a rising clock. Who does not before the next price is out.",
        "mabeam auction stay team desk --by ann",
        accepts=True,
    )
)
auction.add_command(
    _answering(
        "leave",
        "Do not accept the price of a clock, or bid no more in open outcry. On a falling clock "
        "the next price may be accepted all the same.",
        "mabeam auction leave team desk --by ann",
        accepts=False,
    )
)


@auction.command(
    cls=ExampleCommand,
    examples=("mabeam auction commit team desk 25 --by ann --keep desk.json",),
)
@_SPACE
@_NAME
@click.argument("amount", type=int)
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file for the bid and its salt, for you alone.  [default: print the salt]",
)
@_BY
@as_json
@placed
def commit(  # noqa: PLR0913 - each is a choice of its own
    place: Place, space: str, name: str, amount: int, *, keep: Path | None, by: str, json: bool
) -> None:
    """Commit to a bid in the auction NAME of SPACE without telling it.

    The salt is needed to reveal the bid. Who loses it forfeits the bond.
    """
    from mabeam.app.cli.bidding import sealed_bid
    from mabeam.app.cli.output import note
    from mabeam.app.cli.running import complete
    from mabeam.core.auction import BidCommitted

    # It is kept before it is said: a commitment without its salt could not be revealed.
    salt, commitment = sealed_bid(name, by, amount, keep)
    word = BidCommitted(commitment=commitment)
    said = complete(say_in(place, space, name, word, by=by))
    write_said(space, name, said, json=json)
    note(f"salt: {salt}" if keep is None else f"kept in {keep}")


@auction.command(
    cls=ExampleCommand,
    examples=(
        "mabeam auction reveal team desk --by ann --kept desk.json",
        "mabeam auction reveal team desk 25 --salt 7c3a... --by ann",
    ),
)
@_SPACE
@_NAME
@click.argument("amount", type=int, required=False)
@click.option("--salt", help="The salt of the commitment.")
@click.option(
    "--kept",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file in which `commit` has kept bid and salt.",
)
@_BY
@as_json
@placed
def reveal(  # noqa: PLR0913 - each is a choice of its own
    place: Place,
    space: str,
    name: str,
    amount: int | None,
    *,
    salt: str | None,
    kept: Path | None,
    by: str,
    json: bool,
) -> None:
    """Reveal the bid that was committed to in the auction NAME of SPACE."""
    from mabeam.app.cli.bidding import kept_bid
    from mabeam.core.auction import BidRevealed

    if kept is not None:
        if amount is not None or salt is not None:
            raise click.UsageError("--kept excludes AMOUNT and --salt")
        amount, salt = kept_bid(kept, name, by)
    if amount is None or salt is None:
        raise click.UsageError("give --kept, or AMOUNT and --salt")
    word = BidRevealed(amount=amount, salt=salt)
    say_and_write(place, space, name, lambda _: word, by=by, json=json)


auction.add_command(
    show_command(
        "Show how the auction NAME of SPACE stands: its ladder of bids, or its clock.",
        ("mabeam auction show team login", "mabeam auction show team login --follow"),
    )
)
