"""Types that mabeam could once have had, and what became of them: only tests know them.

Each is read in another way: renamed by a chain, split, retired, written again as old.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from mabeam.core.actors import COORDINATOR, COORDINATOR_SOURCE
from mabeam.core.envelope import Envelope
from mabeam.core.events import Fields
from mabeam.core.subjects import Boundary
from mabeam.core.versions import change, default, rename, replace_type, retire, splitter

__all__ = [
    "BID",
    "CLOSED_AND_DECIDED",
    "DECIDED",
    "ENDED",
    "OFFERED",
    "PINGED",
    "STATED",
    "old_event",
]

BID: Final = "mabeam.auction.bid_placed.v1"
CLOSED: Final = "mabeam.session.closed.v1"
DECIDED: Final = "mabeam.auction.decided.v1"

STATED: Final = "old.stated.v1"
"""A bid in another word and in cents, by way of a version between."""

OFFERED: Final = "old.offered.v1"
"""Several bids of one agent, the last of which counts."""

PINGED: Final = "old.pinged.v1"
"""What nobody wants to know any more."""

ENDED: Final = "old.ended.v1"
"""The decision of an auction, with another word for the price."""

CLOSED_AND_DECIDED: Final = "old.closed_and_decided.v1"
"""The closing of a session together with its decision."""

replace_type(
    STATED, "old.stated.v2", rename("cents", "amount"), change("amount", lambda cents: cents // 100)
)
replace_type("old.stated.v2", BID, default("note", "once stated"))
replace_type(ENDED, DECIDED, rename("paid", "price"))
retire(PINGED)


@splitter(OFFERED, BID)
def _bids(fields: Fields) -> Iterable[tuple[str, Fields]]:
    return ((BID, {"amount": amount}) for amount in fields["amounts"])


@splitter(CLOSED_AND_DECIDED, CLOSED, DECIDED)
def _closed_and_decided(fields: Fields) -> Iterable[tuple[str, Fields]]:
    return ((CLOSED, {"reason": fields.pop("reason")}), (DECIDED, fields))


def old_event(
    type_: str,
    data: object,
    to: Boundary,
    by: str,
    id: str,  # noqa: A002 - the CloudEvents word
) -> Envelope:
    """Return an event as some producer once wrote it."""
    return Envelope(
        specversion="1.0",
        id=id,
        source=COORDINATOR_SOURCE if by == COORDINATOR else f"/agents/{by}",
        type=type_,
        subject=str(to),
        commitid=id,
        data=msgspec.Raw(msgspec.json.encode(data)),
    )
