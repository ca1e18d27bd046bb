"""Auctions of every form in words."""

from __future__ import annotations

import pytest

from mabeam.app.telling import asides, tell
from mabeam.core.auction import ClockAuctionDecided
from mabeam.core.events import Event
from mabeam.core.session import Alternative
from mabeam.core.testing import history
from support.told_auctions import CONSIDERED, RULE, SAID_IN_AUCTIONS


@pytest.mark.parametrize(
    ("event", "text"), SAID_IN_AUCTIONS, ids=[text for _, text in SAID_IN_AUCTIONS]
)
def test_events_are_told_in_words(event: Event, text: str) -> None:
    (recorded,) = history(event)
    assert tell(recorded) == text


def test_why_others_lost_is_told() -> None:
    decision = ClockAuctionDecided(
        outcome="tie_unresolved",
        rule=RULE,
        considered=CONSIDERED,
        lot="x",
        alternatives=(
            Alternative("a", "yes to 9", 2, "undecided"),
            Alternative("b", "yes to 8", 3, "left"),
        ),
    )
    (recorded,) = history(decision)
    assert asides(recorded) == [
        "a said yes to 9: the clock ended while several were in",
        "b said yes to 8: left before",
    ]
