"""What a bidder says on the command line, as the form of the auction has it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from mabeam.core.auction import (
    BidderWithdrew,
    BidPlaced,
    ClockAuctionOpened,
    DemandStated,
    DutchAuctionOpened,
    EnglishAuctionOpened,
    MultiUnitAuctionOpened,
    PriceAnswered,
    commitment_of,
)
from mabeam.core.auction.checks import check_range
from mabeam.core.auction.ticking import price_of
from mabeam.core.errors import Rejected
from mabeam.core.session.events import Speech
from mabeam.core.session.protocol import protocol_of
from mabeam.core.session.state import SessionState

__all__ = ["Kept", "answer_of", "bid_of", "kept_bid", "sealed_bid"]

_SALT_BYTES: Final = 16


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bid that is committed to, as its bidder keeps it.

    Attributes:
        session: Name of the session.
        bidder: Who bids.
        amount: The bid, in minor units.
        salt: What the commitment hides it with.
    """

    session: str
    bidder: str
    amount: int
    salt: str


def bid_of(state: SessionState, amounts: Sequence[int]) -> Speech:
    """Return a bid in an auction of any form that takes bids as such.

    Raises:
        Rejected: Only one amount can be bid there.
    """
    if isinstance(state.opening, MultiUnitAuctionOpened):
        return DemandStated(amounts=tuple(amounts))
    if len(amounts) != 1:
        raise Rejected(
            "auction.amounts",
            "one lot takes one amount",
            field="amounts",
            value=list(amounts),
            allowed="one amount",
        )
    return BidPlaced(amount=amounts[0])


def answer_of(state: SessionState, price: int | None, *, accepts: bool) -> Speech:
    """Return the answer to the price of a clock, or the withdrawal from open outcry.

    Raises:
        Rejected: The session is none of these.
    """
    opening = state.opening
    if isinstance(opening, EnglishAuctionOpened) and not accepts:
        return BidderWithdrew()
    if not isinstance(opening, ClockAuctionOpened | DutchAuctionOpened) or state.course is None:
        raise Rejected(
            "auction.form",
            "no clock runs there",
            field="session",
            value="none" if opening is None else protocol_of(opening).name,
            allowed="clock_auction, dutch_auction",
        )
    shown = price_of(opening, state.course.clock.round)
    return PriceAnswered(price=shown if price is None else price, accepts=accepts)


def sealed_bid(session: str, bidder: str, amount: int, keep: Path | None) -> tuple[str, str]:
    """Return a fresh salt and the commitment to a bid, having kept it in a new file if asked.

    Raises:
        Rejected: There is a file of this name, or such a bid could never be revealed.
    """
    check_range("amount", amount, 1)
    salt = secrets.token_hex(_SALT_BYTES)
    if keep is not None:
        raw = msgspec.json.encode(Kept(session, bidder, amount, salt))
        try:
            # Nobody else may read it, from the moment it exists.
            handle = os.open(keep, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise Rejected(
                "auction.keep",
                "there is such a file, perhaps with the salt of another bid",
                field="keep",
                value=str(keep),
                allowed="a new file",
            ) from error
        with os.fdopen(handle, "wb") as file:
            file.write(raw + b"\n")
    return salt, commitment_of(session, bidder, amount, salt)


def kept_bid(file: Path, session: str, bidder: str) -> tuple[int, str]:
    """Return amount and salt of a bid that was kept.

    Raises:
        Rejected: The file has another form, or keeps the bid of another session or bidder.
    """
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Kept)
    except msgspec.DecodeError as error:
        raise Rejected(
            "auction.kept",
            f"{file} keeps no bid",
            field="kept",
            value=str(error),
            allowed="a file that `mabeam auction commit --keep` has written",
        ) from error
    for field, meant, found in (
        ("session", session, kept.session),
        ("by", bidder, kept.bidder),
    ):
        if meant != found:
            raise Rejected(
                "auction.kept", f"{file} keeps another bid", field=field, value=meant, allowed=found
            )
    return kept.amount, kept.salt
