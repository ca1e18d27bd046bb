"""Auctions of every form under any words and forged announcements, in any order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.auction import (
    AuctionOpened,
    BidCommitted,
    BidderWithdrew,
    BiddingEnded,
    BidPlaced,
    BidRevealed,
    ClockAuctionOpened,
    CommitsClosed,
    CommittedAuctionOpened,
    DemandStated,
    DutchAuctionOpened,
    EnglishAuctionOpened,
    MultiUnitAuctionOpened,
    PriceAnnounced,
    PriceAnswered,
    commitment_of,
)
from mabeam.core.decider import Entity, fold
from mabeam.core.envelope import Recorded
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Closed,
    Decision,
    Opening,
    Participant,
    SessionState,
    hearing,
    protocol_of,
    standing,
)
from mabeam.core.testing import (
    Said,
    evolving_is_total,
    folding_can_be_interrupted,
    history,
    reacting_ends,
    said,
)
from mabeam.core.testing.history import ENTITY, NS_PER_SECOND

AGENTS = ("ann", "bob", "cyd")
SALT = "x" * 16
TEAMS = st.sampled_from([(), tuple(map(Participant, AGENTS)), (Participant("ann", 3),)])
FORMS: list[Opening] = [
    AuctionOpened(lot="x", reserve=2, rule=Policy("first_price")),
    AuctionOpened(lot="x"),
    EnglishAuctionOpened(lot="x", reserve=1, increment=2, buy_now=7),
    EnglishAuctionOpened(lot="x", bid_for_ms=3_000, soft_close_ms=1_000),
    ClockAuctionOpened(lot="x", start=1, step=1, rounds_max=3),
    ClockAuctionOpened(lot="x", start=1, step=2, tick_ms=30_000),
    DutchAuctionOpened(lot="x", start=4, step=1, reserve=2),
    MultiUnitAuctionOpened(lot="x", units=3, reserve=1, rule=Policy("uniform")),
    MultiUnitAuctionOpened(lot="x", units=2, rule=Policy("vickrey")),
    CommittedAuctionOpened(lot="x", reserve=2, bond=5),
]


def varied(form: Opening, team: tuple[Participant, ...], tie_break: str, quorum: int) -> Opening:
    """Return an opening with other terms."""
    return msgspec.structs.replace(
        form, participants=team, tie_break=tie_break, quorum=quorum if team else 0
    )


OPENINGS = st.builds(
    varied,
    st.sampled_from(FORMS),
    TEAMS,
    st.sampled_from(["canonical", "earliest", "refuse"]),
    st.integers(0, 2),
)
AMOUNTS = st.integers(0, 8)
WORDS: st.SearchStrategy[Event] = st.one_of(
    st.builds(BidPlaced, amount=AMOUNTS),
    st.builds(BidderWithdrew),
    st.builds(PriceAnswered, price=st.integers(0, 5), accepts=st.booleans()),
    st.builds(DemandStated, amounts=st.lists(AMOUNTS, max_size=4).map(tuple)),
    st.builds(
        BidCommitted,
        commitment=st.builds(
            commitment_of, st.just(ENTITY), st.sampled_from(AGENTS), AMOUNTS, st.just(SALT)
        ),
    ),
    st.builds(BidRevealed, amount=AMOUNTS, salt=st.just(SALT)),
)
ANNOUNCEMENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(PriceAnnounced, round=st.integers(0, 4), price=st.integers(0, 5)),
    st.builds(BiddingEnded, round=st.integers(0, 3)),
    st.builds(CommitsClosed),
)
PASTS = st.lists(
    st.builds(said, WORDS, st.sampled_from((*AGENTS, "eve")))
    | st.builds(said, ANNOUNCEMENTS, st.just("coordinator"))
    | st.builds(said, ANNOUNCEMENTS | st.just(Closed(reason="deadline")), st.just("eve")),
    max_size=12,
)


def session(log: Sequence[Recorded]) -> Entity[SessionState]:
    return fold(SESSION, log)


@settings(max_examples=150)
@given(OPENINGS, PASTS, st.sampled_from([0, 5 * NS_PER_SECOND, 10**30]))
def test_every_auction_ends_in_a_decision_that_its_certificate_proves(
    opening: Opening, past: list[Said], now_ns: int
) -> None:
    log = history(opening, *past)
    evolving_is_total(SESSION, log)
    folding_can_be_interrupted(SESSION, log)
    assert standing(ENTITY, session(log).state).columns
    log = reacting_ends(SESSIONS, session, log, ENTITY, now_ns=now_ns)
    log = reacting_ends(SESSIONS, session, log, ENTITY, now_ns=10**30)
    state = session(log).state
    assert state.phase == "ended"
    decision = state.decision
    assert isinstance(decision, Decision)
    assert decision.outcome in {"decided", "no_quorum", "tie_unresolved"}
    closed = msgspec.structs.replace(state, phase="closed")
    protocol_of(opening).verify(hearing(ENTITY, closed), decision)
    winner = protocol_of(opening).result(decision)
    if opening.participants and winner is not None:
        assert winner in {participant.agent for participant in opening.participants}
    assert (getattr(decision, "price", None) is None) or decision.outcome == "decided"
