"""Bids under seal as a session: first everybody commits, then everybody reveals.

It is the only form in which nobody can read a bid on a log that all can read before all
bids are in. Who commits and does not reveal, or reveals what it has not committed to, has
made no bid and forfeits its bond; but nobody does if the time ends before any could reveal.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Final

import msgspec
from immutables import Map

from mabeam.core.auction.checks import check_lot, check_range, disproved, prove
from mabeam.core.auction.clearing import Bid, Clearing
from mabeam.core.auction.events import (
    BidCommitted,
    BidRevealed,
    CommitsClosed,
    CommittedAuctionDecided,
    CommittedAuctionOpened,
    Forfeit,
    PriceBasis,
    Ranked,
    Seal,
    SealedWord,
)
from mabeam.core.auction.protocol import basis_of
from mabeam.core.auction.rules import CLEARINGS, due_in_seal, tie_key
from mabeam.core.auction.sealing import (
    SALT_LENGTH_MAX,
    SALT_LENGTH_MIN,
    commitment_of,
    is_commitment,
)
from mabeam.core.errors import Rejected
from mabeam.core.session.course import Course, Due, Said, Start
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["COMMITTED_AUCTION", "Sealed"]

_MS: Final = 1_000_000


class Sealed(msgspec.Struct, frozen=True):
    """How an auction under seal stands.

    Attributes:
        session: Its name, which every commitment contains.
        opened_id: Id of the opening.
        commits_end_ns: When no further bid is committed to, on the log's clock.
        named: Who may bid; empty for everybody.
        seals: The commitment of each bidder, and what was revealed under it.
        closed_id: Id of the event after which bids are revealed; empty before it.
        done_id: Id of the last reveal that was wanted; empty before it.
        done_at: Where that stands.
    """

    session: str
    opened_id: str
    commits_end_ns: int
    named: tuple[str, ...] = ()
    seals: Map[str, Seal] = Map()
    closed_id: str = ""
    done_id: str = ""
    done_at: int = 0


def check_opening(opening: CommittedAuctionOpened) -> None:
    """Refuse an auction that cannot be held.

    Raises:
        Rejected: The rule is unknown, or an amount or a duration is out of range.
    """
    CLEARINGS.find(opening.rule)
    check_lot(opening.lot, opening.unit)
    check_range("reserve", opening.reserve, 0)
    check_range("bond", opening.bond, 0)
    # Some time must be left, or nobody could reveal.
    check_range("commit_for_ms", opening.commit_for_ms, 0, opening.open_for_ms - 1)


def check_speech(opening: CommittedAuctionOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a word that could never count.

    Raises:
        Rejected: A commitment has not its form, or an amount or a salt is out of range.
    """
    match speech:
        case BidCommitted(commitment=commitment) if not is_commitment(commitment):
            raise Rejected(
                "auction.commitment",
                "no such commitment",
                field="commitment",
                value=commitment,
                allowed="64 lower-case hexadecimal digits",
            )
        case BidRevealed(amount=amount, salt=salt):
            check_range("amount", amount, 1)
            check_range("length_of_salt", len(salt), SALT_LENGTH_MIN, SALT_LENGTH_MAX)
        case _:
            pass


def say(speech: Speech) -> str:
    """Write a word as text."""
    match speech:
        case BidCommitted(commitment=commitment):
            return f"sealed {commitment[:8]}"
        case BidRevealed(amount=amount):
            return str(amount)
        case _:
            return ""


def initial(opening: CommittedAuctionOpened, start: Start) -> Sealed:
    """Begin."""
    commit_for_ms = opening.commit_for_ms or opening.open_for_ms // 2
    ends_ns = start.recorded_ns + commit_for_ms * _MS
    return Sealed(start.session, start.event_id, ends_ns, tuple(start.weights))


def object_to(opening: CommittedAuctionOpened, sealed: Sealed, said: Said) -> str:  # noqa: ARG001 - the state says all
    """Refuse commitments when bids are revealed, and reveals before that or of other bids."""
    if isinstance(said.event, BidCommitted):
        return "commits_closed" if sealed.closed_id else ""
    assert isinstance(said.event, BidRevealed)
    if not sealed.closed_id:
        return "too_early: bids are still being committed to"
    seal = sealed.seals.get(said.agent)
    if seal is None:
        return "not_committed"
    if seal.revealed_at:
        return "revealed_already"
    found = commitment_of(sealed.session, said.agent, said.event.amount, said.event.salt)
    return "" if found == seal.commitment else "mismatch: it is not what was committed to"


def evolve(opening: CommittedAuctionOpened, sealed: Sealed, said: Said) -> Sealed:  # noqa: ARG001 - the state says all
    """Take a commitment, open the seals, or take a reveal."""
    match said.event:
        case BidCommitted(commitment=commitment):
            seal = Seal(said.agent, commitment, said.position)
            return msgspec.structs.replace(sealed, seals=sealed.seals.set(said.agent, seal))
        case CommitsClosed() if not sealed.closed_id:
            return msgspec.structs.replace(sealed, closed_id=said.event_id)
        case BidRevealed(amount=amount, salt=salt):
            return _revealed(sealed, said, amount, salt)
        case _:
            return sealed


def _revealed(sealed: Sealed, said: Said, amount: int, salt: str) -> Sealed:
    seal = msgspec.structs.replace(
        sealed.seals[said.agent], amount=amount, salt=salt, revealed_at=said.position
    )
    seals = sealed.seals.set(said.agent, seal)
    revealed = msgspec.structs.replace(sealed, seals=seals)
    if all(one.revealed_at for one in seals.values()):
        return msgspec.structs.replace(revealed, done_id=said.event_id, done_at=said.position)
    return revealed


def due(opening: CommittedAuctionOpened, sealed: Sealed, now_ns: int) -> Due:  # noqa: ARG001 - the state says all
    """Let bids be revealed when all are in, and close when all are revealed."""
    if sealed.done_id:
        return Due(close="complete", cause=sealed.done_id, position=sealed.done_at)
    if sealed.closed_id:
        if not sealed.seals:
            return Due(close="complete", cause=sealed.closed_id)
        return Due()
    are_in = bool(sealed.named) and all(agent in sealed.seals for agent in sealed.named)
    if are_in or now_ns >= sealed.commits_end_ns:
        return Due(announce=CommitsClosed(), cause=sealed.opened_id)
    return Due(at_ns=sealed.commits_end_ns)


def decide(hearing: Hearing[CommittedAuctionOpened]) -> CommittedAuctionDecided:
    """Clear the bids that were revealed by the rule that the opening names."""
    opening, seals = hearing.opening, _seals(hearing)
    clearing = CLEARINGS.find(opening.rule)(
        [Bid(one.agent, one.amount) for one in seals if one.amount is not None],
        opening.reserve,
        lambda bid: tie_key(hearing, bid.bidder, _sealed(hearing).seals[bid.bidder].position),
    )
    outcome: Outcome = "decided"
    if not hearing.has_quorum() or clearing.winner is None:
        outcome = "no_quorum"
    elif clearing.tied and opening.tie_break == "refuse":
        outcome = "tie_unresolved"
    is_sold = outcome == "decided"
    at = {one.agent: one.position for one in seals}
    return CommittedAuctionDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=_alternatives(hearing, clearing, outcome),
        superseded=hearing.superseded,
        lot=opening.lot,
        winner=clearing.winner or "" if is_sold else "",
        price=clearing.price if is_sold else None,
        ranking=tuple(Ranked(b.bidder, b.amount, at[b.bidder]) for b in clearing.ranking),
        price_basis=basis_of(opening.rule.name, clearing) if is_sold else None,
        seals=seals,
        forfeits=tuple(
            Forfeit(one.agent, opening.bond)
            for one in seals
            if one.amount is None and _sealed(hearing).closed_id
        ),
    )


def _alternatives(
    hearing: Hearing[CommittedAuctionOpened], clearing: Clearing, outcome: Outcome
) -> tuple[Alternative, ...]:
    lost: list[Alternative] = []
    for seal in _seals(hearing):
        if outcome == "decided" and seal.agent == clearing.winner:
            continue
        if seal.amount is None:
            text = f"sealed {seal.commitment[:8]}"
            lost.append(Alternative(seal.agent, text, seal.position, "not_revealed"))
            continue
        if seal.amount < hearing.opening.reserve:
            reason = "below_reserve"
        elif outcome == "no_quorum":
            reason = "no_quorum"
        elif seal.agent in clearing.tied:
            reason = "tie_lost" if outcome == "decided" else "tie_unresolved"
        else:
            reason = "outbid"
        lost.append(Alternative(seal.agent, str(seal.amount), seal.revealed_at, reason))
    return (*lost, *hearing.invalid())


def verify(hearing: Hearing[CommittedAuctionOpened], decision: Decision) -> None:
    """Check a decision by its seals, without clearing the auction again.

    Raises:
        Rejected: A reveal does not fit its commitment, the ranking is not that of the bids
            revealed, or outcome, winner, price or forfeits do not follow; or the decision is
            about other positions, another rule or another lot.
    """
    if not isinstance(decision, CommittedAuctionDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of an auction under seal")
    opening, ranking = hearing.opening, decision.ranking
    prove(
        (
            *terms(hearing, decision),
            ("lot", decision.lot, opening.lot),
            ("seals", decision.seals, _seals(hearing)),
        )
    )
    _verify_seals(hearing, decision)
    outcome: Outcome = "decided"
    if not ranking or not hearing.has_quorum():
        outcome = "no_quorum"
    elif len(ranking) > 1 and ranking[0].amount == ranking[1].amount:
        outcome = "tie_unresolved" if opening.tie_break == "refuse" else "decided"
    winner, price, basis = _award(opening, ranking) if outcome == "decided" else ("", None, None)
    prove(
        (
            ("outcome", decision.outcome, outcome),
            ("winner", decision.winner, winner),
            ("price", decision.price, price),
            ("price_basis", decision.price_basis, basis),
        )
    )


def _verify_seals(
    hearing: Hearing[CommittedAuctionOpened], decision: CommittedAuctionDecided
) -> None:
    opening, counted, silent = hearing.opening, set[Ranked](), list[Forfeit]()
    for seal in decision.seals:
        if seal.amount is None:
            silent.append(Forfeit(seal.agent, opening.bond))
            continue
        found = commitment_of(hearing.session, seal.agent, seal.amount, seal.salt)
        prove((("seals", seal.commitment, found),))
        if seal.amount >= opening.reserve:
            counted.add(Ranked(seal.agent, seal.amount, seal.position))
    forfeits = tuple(silent) if _sealed(hearing).closed_id else ()
    prove((("forfeits", decision.forfeits, forfeits),))
    ranking = decision.ranking
    if set(ranking) != counted or len(ranking) != len(counted):
        raise disproved("ranking", ranking, "the bids revealed that count")
    order = [(-one.amount, tie_key(hearing, one.agent, one.position)) for one in ranking]
    if any(later < earlier for earlier, later in pairwise(order)):
        raise disproved("ranking", ranking, "the highest first, ties as declared")


def _award(
    opening: CommittedAuctionOpened, ranking: tuple[Ranked, ...]
) -> tuple[str, int, PriceBasis]:
    amounts = [one.amount for one in ranking]
    price, basis = due_in_seal(opening.rule.name, opening.rule.version, amounts, opening.reserve)
    return ranking[0].agent, price, basis


def result(decision: Decision) -> Decimal | str | None:
    """Return the winner, which becomes the value of the variable at stake."""
    if isinstance(decision, CommittedAuctionDecided) and decision.outcome == "decided":
        return decision.winner
    return None


def standing(hearing: Hearing[CommittedAuctionOpened]) -> Standing:
    """Show who has committed, and the bids that are revealed, the highest first."""
    seals = sorted(_seals(hearing), key=lambda one: (-(one.amount or 0), one.agent))
    rows = tuple(
        (one.agent, "sealed" if one.amount is None else str(one.amount), one.commitment[:8])
        for one in seals
    )
    sealed = _sealed(hearing)
    remark = "bids are revealed" if sealed.closed_id else "bids are committed to"
    return Standing(("bidder", "amount", "commitment"), rows, (remark,))


def _seals(hearing: Hearing[CommittedAuctionOpened]) -> tuple[Seal, ...]:
    seals = _sealed(hearing).seals
    return tuple(seals[agent] for agent in sorted(seals))


def _sealed(hearing: Hearing[CommittedAuctionOpened]) -> Sealed:
    assert isinstance(hearing.course, Sealed)
    return hearing.course


COMMITTED_AUCTION: Final = Protocol(
    name="committed_auction",
    opening=CommittedAuctionOpened,
    speech=SealedWord,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=Course(initial, object_to, evolve, due),
    standing=standing,
)
COMMITTED_AUCTION.register()
