"""What sessions come to, counted from a history that passes by in several followers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mabeam.core.actors import COORDINATOR
from mabeam.core.auction.events import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.envelope import decode, encode, wire_subject
from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Cancelled, Closed, Considered, Failed, Opening
from mabeam.core.testing import NS_PER_SECOND, Past, history, said
from mabeam.infra.observability.metrics.passage import Ending, Passage
from support.old_types import CLOSED_AND_DECIDED, old_event

RULE = Policy("second_price")
OPENED = said(AuctionOpened(lot="lot", rule=RULE), "ann")
BID = said(BidPlaced(amount=3), "bob")
CLOSED = Closed(reason="deadline")
DECIDED = AuctionDecided(
    lot="lot", outcome="decided", rule=RULE, considered=Considered(opened=1, closed=3)
)


def endings(*past: Past, head: int = 0) -> list[Ending]:
    """Return what one follower of a whole history shows of it."""
    found: list[Ending] = []
    passage = Passage(found.append, lambda: None)
    passage.begin(0, head)
    passage.take(0, history(*past))
    return found


def test_a_decision_tells_how_long_it_took_since_the_opening_and_the_last_word() -> None:
    assert endings(OPENED, BID, CLOSED, DECIDED) == [Ending("auction", "decided", 3.0, 2.0)]


def test_a_word_after_the_closing_and_a_session_without_words_have_no_part_in_it() -> None:
    assert endings(OPENED, CLOSED, BID, DECIDED) == [Ending("auction", "decided", 3.0, None)]


def test_one_that_fails_or_is_taken_back_has_no_time() -> None:
    failed = Failed(code="x", detail="y")
    assert endings(OPENED, failed) == [Ending("auction", "failed")]
    assert endings(OPENED, said(Cancelled(), "ann")) == [Ending("auction", "cancelled")]


def test_who_poses_as_the_protocol_ends_nothing() -> None:
    forged: Sequence[Past] = (
        said(CLOSED, "eve"),
        said(DECIDED, "eve"),
        said(Failed(code="x", detail="y"), "eve"),
        said(Cancelled(), "eve"),
    )
    assert endings(OPENED, *forged) == []
    assert endings(OPENED, DECIDED) == [], "not even the protocol decides before the closing"


def test_a_session_ends_once_and_is_not_opened_again() -> None:
    past = (OPENED, CLOSED, DECIDED, DECIDED, OPENED, CLOSED, DECIDED)
    assert len(endings(*past)) == 1
    assert endings(CLOSED, DECIDED) == [], "an opening that was not seen tells nothing"


@event_type("test.riddle.opened.v1", kind="session")
class RiddlePosed(Opening, frozen=True, kw_only=True):
    """Opens a session of a protocol that nobody registered."""


def test_the_protocol_of_an_opening_that_nobody_registered_is_unknown() -> None:
    posed = said(RiddlePosed(rule=RULE), "ann")
    assert endings(posed, said(Cancelled(), "ann")) == [Ending("unknown", "cancelled")]


def test_a_closing_and_a_decision_that_were_recorded_in_one_count_as_both() -> None:
    opened, bid = history(OPENED, BID)
    fields = msgspec.to_builtins(DECIDED) | {"reason": "deadline"}
    both = old_event(CLOSED_AND_DECIDED, fields, opened.boundary, COORDINATOR, "both")
    subject = wire_subject("rehearsal", both)
    ended = decode(3, 4 * NS_PER_SECOND, subject, encode(both, 10_000))
    assert endings(opened, bid, ended) == [Ending("auction", "decided", 3.0, 2.0)]


def test_only_what_comes_behind_the_head_is_news() -> None:
    assert endings(OPENED, CLOSED, DECIDED, head=3) == []
    [ending] = endings(OPENED, CLOSED, DECIDED, head=2)
    assert ending.since_opening_seconds == 2.0


def test_of_several_followers_each_event_is_taken_once_and_none_is_skipped() -> None:
    found: list[Ending] = []
    passage = Passage(found.append, lambda: None)
    events = history(OPENED, BID, CLOSED, DECIDED)
    passage.begin(0, 0)
    passage.take(0, events[:1])
    passage.begin(2, 0)
    passage.take(2, events[2:])
    assert found == [], "a follower that is ahead must not hide the bid"
    passage.take(0, events[:2])
    passage.take(2, events[2:])
    passage.take(2, events[2:])
    assert found == [Ending("auction", "decided", 3.0, 2.0)]


def test_one_that_resumes_from_a_checkpoint_begins_there() -> None:
    found: list[Ending] = []
    passage = Passage(found.append, lambda: None)
    passage.begin(7, 7)
    passage.take(7, history(OPENED, CLOSED, DECIDED, after=7))
    assert [one.outcome for one in found] == ["decided"]
