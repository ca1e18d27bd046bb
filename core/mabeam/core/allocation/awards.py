"""Which proposals are accepted: a pure function on what was proposed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from mabeam.core.allocation.events import Award

__all__ = ["Proposal", "Worth", "ranked", "unjust"]


class Proposal(msgspec.Struct, frozen=True):
    """What a contractor proposed.

    Attributes:
        agent: Who.
        cost: At what cost.
        score: How well; more is better.
        position: Where it stands.
        is_capable: Whether it has all the capabilities that are required.
    """

    agent: str
    cost: int
    score: int
    position: int
    is_capable: bool


Worth: TypeAlias = Callable[[Proposal], tuple[int, ...]]
"""What proposals are compared by; the least is best."""


def ranked(
    proposals: Sequence[Proposal],
    worth: Worth,
    awards_max: int,
    *,
    cost_max: int | None,
    tie_key: Callable[[Proposal], object] | None,
) -> tuple[Award, ...]:
    """Return what becomes of each proposal, the best first.

    Args:
        proposals: At most one of each contractor.
        worth: What they are compared by.
        awards_max: How many are accepted at most.
        cost_max: Dearer ones are rejected.
        tie_key: Orders equals; the least comes first. With None, equals of which only some
            could be accepted are all rejected.
    """

    def order(proposal: Proposal) -> tuple[bool, tuple[int, ...], object]:
        tie = (proposal.position,) if tie_key is None else tie_key(proposal)
        return (bool(_flaw(proposal, cost_max)), worth(proposal), tie)

    listed = sorted(proposals, key=order)
    sound = [proposal for proposal in listed if not _flaw(proposal, cost_max)]
    accepted, rest = sound[:awards_max], sound[awards_max:]
    edge = (
        worth(accepted[-1]) if accepted and rest and worth(accepted[-1]) == worth(rest[0]) else None
    )
    found: list[Award] = []
    for proposal in listed:
        reason = _flaw(proposal, cost_max)
        if not reason and worth(proposal) == edge and tie_key is None:
            reason = "tie_unresolved"
        elif not reason and proposal in rest:
            reason = "tie_lost" if worth(proposal) == edge else "outbid"
        found.append(
            Award(
                proposal.agent,
                proposal.cost,
                proposal.score,
                proposal.position,
                not reason,
                reason,
            )
        )
    return tuple(found)


def _flaw(proposal: Proposal, cost_max: int | None) -> str:
    if not proposal.is_capable:
        return "incapable"
    return "too_costly" if cost_max is not None and proposal.cost > cost_max else ""


def unjust(  # noqa: PLR0913 - what was stated, and all that it follows from
    awards: Sequence[Award],
    proposals: Sequence[Proposal],
    worth: Worth,
    awards_max: int,
    *,
    cost_max: int | None,
    tie_key: Callable[[Proposal], object] | None,
) -> str:
    """Return what awards should have said; an empty text if they follow from the proposals.

    It counts for each proposal how many sound ones are better: who trusts this need not trust
    how they were ranked.

    Args:
        awards: What became of each proposal.
        proposals: As for `ranked`, and so the others.
        worth: What they are compared by.
        awards_max: How many are accepted at most.
        cost_max: Dearer ones are rejected.
        tie_key: Orders equals.
    """
    sound = [proposal for proposal in proposals if not _flaw(proposal, cost_max)]
    worths = {proposal.agent: worth(proposal) for proposal in sound}
    left = list(awards)

    def loss(proposal: Proposal) -> str:
        mine = worths[proposal.agent]
        better = sum(other < mine for other in worths.values())
        equals = [other for other in sound if worths[other.agent] == mine]
        if better >= awards_max:
            return "outbid"
        if better + len(equals) <= awards_max:
            return ""
        if tie_key is None:
            return "tie_unresolved"
        first = sorted((tie_key(other), other.agent) for other in equals)[: awards_max - better]
        return "" if (tie_key(proposal), proposal.agent) in first else "tie_lost"

    for one in proposals:
        reason = _flaw(one, cost_max) or loss(one)
        due = Award(one.agent, one.cost, one.score, one.position, not reason, reason)
        if due not in left:
            return f"{one.agent} is {reason or 'accepted'}"
        left.remove(due)
    return ", ".join(f"{award.agent} proposed nothing" for award in left)
