"""What a session must come to, worked out from its raw events in the plainest way.

Nothing of the product's folds, tallies or clearings is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from mabeam.core.auction import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast, ConsensusDecided, ConsensusOpened
from mabeam.core.envelope import Recorded
from mabeam.core.session import Cancelled, Closed, Decision, Failed, Opening, Speech

__all__ = ["Told", "check_outcome"]


class Told:
    """A session's events told from the beginning to the first that ends it."""

    def __init__(self, events: Sequence[Recorded]) -> None:
        self.opened: Recorded | None = None
        self.closed: Recorded | None = None
        self.ended: Recorded | None = None
        self.words: dict[str, Speech] = {}
        self._heard: set[tuple[str, str]] = set()
        for recorded in events:
            self._tell(recorded)

    @property
    def opening(self) -> Opening:
        """What was asked."""
        assert self.opened is not None
        assert isinstance(self.opened.data, Opening)
        return self.opened.data

    def _tell(self, recorded: Recorded) -> None:
        event, actor = recorded.data, recorded.actor
        if self.opened is None:
            if isinstance(event, Opening):
                self.opened = recorded
            return
        if self.ended is not None:
            return
        coordinator = actor == "coordinator"
        if isinstance(event, Speech) and self.closed is None:
            self._hear(recorded, event)
        elif isinstance(event, Closed) and coordinator and self.closed is None:
            self.closed = recorded
        elif (isinstance(event, Decision | Failed) and coordinator) or (
            isinstance(event, Cancelled) and actor in {self.opened.actor, "coordinator"}
        ):
            self.ended = recorded

    def _hear(self, recorded: Recorded, speech: Speech) -> None:
        asked = {one.agent for one in self.opening.participants}
        again = (recorded.actor, recorded.id) in self._heard
        self._heard.add((recorded.actor, recorded.id))
        if again or (asked and recorded.actor not in asked) or not _fits(self.opening, speech):
            return
        self.words[recorded.actor] = speech


def _fits(opening: Opening, speech: Speech) -> bool:
    if isinstance(opening, AuctionOpened):
        return isinstance(speech, BidPlaced) and 1 <= speech.amount < 2**53
    return isinstance(speech, BallotCast) and speech.value.is_finite()


def check_outcome(told: Told) -> None:
    """Compare how a session ended with how it should have."""
    assert told.ended is not None
    event = told.ended.data
    if isinstance(event, Cancelled | Failed):
        return
    assert told.closed is not None
    assert isinstance(event, Decision)
    assert told.opened is not None
    considered = (event.considered.opened, event.considered.closed)
    assert considered == (told.opened.position, told.closed.position)
    weights = {one.agent: one.weight for one in told.opening.participants}
    heard = sum(weights.get(agent, 1) for agent in told.words)
    quorum = heard >= max(told.opening.quorum, 1)
    if isinstance(told.opening, AuctionOpened):
        assert isinstance(event, AuctionDecided)
        _check_auction(told, event, quorum=quorum)
    else:
        assert isinstance(event, ConsensusDecided)
        _check_consensus(told, event, weights, quorum=quorum)


def _check_auction(told: Told, event: AuctionDecided, *, quorum: bool) -> None:
    opening = told.opening
    assert isinstance(opening, AuctionOpened)
    amounts = {a: w.amount for a, w in told.words.items() if isinstance(w, BidPlaced)}
    counted = {agent: amount for agent, amount in amounts.items() if amount >= opening.reserve}
    best = {agent for agent, amount in counted.items() if amount == max(counted.values())}
    if not quorum or not counted:
        assert (event.outcome, event.winner, event.price) == ("no_quorum", "", None)
    elif len(best) > 1 and opening.tie_break == "refuse":
        assert (event.outcome, event.winner, event.price) == ("tie_unresolved", "", None)
    else:
        assert event.outcome == "decided"
        assert event.winner in best
        others = [amount for agent, amount in counted.items() if agent != event.winner]
        assert event.price == max([*others, opening.reserve])


def _check_consensus(
    told: Told, event: ConsensusDecided, weights: dict[str, int], *, quorum: bool
) -> None:
    opening = told.opening
    assert isinstance(opening, ConsensusOpened)
    if not quorum:
        assert event.value == opening.default
        assert event.outcome == ("no_quorum" if opening.default is None else "default_taken")
        return
    values = {a: Fraction(w.value) for a, w in told.words.items() if isinstance(w, BallotCast)}
    total = sum((weights.get(agent, 1) * value for agent, value in values.items()), Fraction(0))
    mean = total / sum(weights.get(agent, 1) for agent in values)
    clamped = min(max(mean, Fraction(opening.low)), Fraction(opening.high))
    assert event.value is not None
    assert opening.low <= event.value <= opening.high
    tolerance = Decimal("5e-10") if opening.step is None else opening.step / 2
    on_top = opening.step is not None and event.value + opening.step > opening.high
    assert abs(Fraction(event.value) - clamped) <= Fraction(tolerance) or on_top
