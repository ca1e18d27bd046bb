"""Why each option won or lost, read off a count. It decides nothing."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, TypeAlias

from mabeam.core.voting.count import Count
from mabeam.core.voting.events import VoteStanding

__all__ = ["Backing", "standings_of", "support_of"]

Backing: TypeAlias = Literal["", "totals", "cast"]


def standings_of(
    options: tuple[str, ...],
    count: Count | None,
    chosen: tuple[str, ...],
    *,
    refused: bool,
    shortfall: str,
) -> tuple[VoteStanding, ...]:
    """Return how each option came off.

    Args:
        options: All options.
        count: What the ballots come to; None without a quorum.
        chosen: The options that hold.
        refused: Whether the tie that the count met was left unresolved.
        shortfall: What was missed.
    """
    if count is None:
        return tuple(
            VoteStanding(option, "default" if option in chosen else f"no_{shortfall}")
            for option in options
        )
    found = count
    return tuple(_standing(option, options, found, chosen, refused=refused) for option in options)


def _standing(
    option: str, options: tuple[str, ...], count: Count, chosen: tuple[str, ...], *, refused: bool
) -> VoteStanding:
    if refused and option in count.tied:
        return VoteStanding(
            option, "tie_unresolved", _score(option, count), "", _round(option, count)
        )
    if not count.winners:
        reason = "default" if option in chosen else "no_majority"
        return VoteStanding(option, reason, _score(option, count))
    if option in chosen:
        return VoteStanding(option, "elected", _score(option, count), "", _round(option, count))
    reason, score, by = _loss(option, options, count)
    return VoteStanding(option, reason, score, by, _round(option, count))


def _loss(option: str, options: tuple[str, ...], count: Count) -> tuple[str, str, str]:
    for out in count.dropped:
        if out.option == option:
            return out.reason, f"{out.votes}:{out.against}", ""
    winner = count.winners[0]
    if option in count.tied:
        return "tie_lost", _score(option, count), winner
    if count.rounds and not count.totals:
        eliminated = any(option in round_.eliminated for round_ in count.rounds)
        return ("eliminated" if eliminated else "fewer_votes"), _score(option, count), ""
    if count.pairwise and not count.totals:
        a, w = options.index(option), options.index(winner)
        table = count.paths or count.pairwise
        return "beaten", f"{table[a][w]}:{table[w][a]}", winner
    return "fewer_votes", _score(option, count), ""


def _score(option: str, count: Count) -> str:
    """Return what an option had in the end."""
    listed = [count.totals, *(round_.tally for round_ in reversed(count.rounds))]
    return next((t.votes for totals in listed for t in totals if t.option == option), "")


def _round(option: str, count: Count) -> int:
    for place, round_ in enumerate(count.rounds, start=1):
        if option in round_.elected or option in round_.eliminated:
            return place
    return 0


def support_of(count: Count | None, backing: Backing, cast: int) -> str:
    """Return the share of the weight behind the winner, as text; empty if there is none.

    Args:
        count: What the ballots come to.
        backing: ``totals``: of all totals, or of those of the last round. ``cast``: of all
            ballots, where a voter may add to several totals. Empty for a rule that knows none.
        cast: The weight of the ballots.
    """
    if count is None or not count.winners or not backing:
        return ""
    votes = {t.option: Fraction(t.votes) for t in (count.totals or count.rounds[-1].tally)}
    whole = sum(votes.values(), start=Fraction(0)) if backing == "totals" else Fraction(cast)
    return str(votes[count.winners[0]] / whole)
