"""Profiles of ballots: written briefly, and drawn at random so that they are often tied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, cast

from hypothesis import strategies as st

from mabeam.core.policies import Policy
from mabeam.core.session import SESSION, Closed, Hearing, hearing
from mabeam.core.testing import Past, Said, given, said
from mabeam.core.voting import (
    RULES,
    VOTE,
    Ballot,
    Count,
    Profile,
    VoteCast,
    VoteDecided,
    VoteOpened,
    ranking_of,
    tie_key,
)
from mabeam.core.voting.rules import Rule

__all__ = [
    "ABC",
    "CLOSED",
    "EVERY_RULE",
    "TIES",
    "approving",
    "ballot",
    "counted",
    "decided",
    "heard",
    "leaders",
    "loose_profiles",
    "opening",
    "profile",
    "rule_named",
    "strict_profiles",
]

TIES: Final = tie_key("election", 7)
ABC: Final = ("a", "b", "c")
CLOSED: Final = Closed(reason="deadline")
EVERY_RULE: Final = tuple(name for name, _ in RULES.known())


def profile(
    options: Iterable[str],
    ballots: Mapping[str, int] | Sequence[str],
    *,
    seats: int = 1,
    default: str = "",
    eligible: int = 0,
) -> Profile:
    """Return ballots written as text, each with its weight, or each for itself."""
    weighted = ballots if isinstance(ballots, Mapping) else None
    listed = weighted.items() if weighted is not None else [(text, 1) for text in ballots]
    return Profile(
        tuple(options),
        tuple(Ballot(ranking_of(text), weight) for text, weight in listed),
        seats,
        default,
        eligible,
    )


def approving(options: Iterable[str], ballots: Sequence[str], seats: int) -> Profile:
    """Return approval ballots, each written as the letters that it approves."""
    return Profile(
        tuple(options), tuple(Ballot((tuple(sorted(ballot)),)) for ballot in ballots), seats
    )


def rule_named(name: str, **parameters: object) -> Rule:
    return RULES.find(Policy(name, 1, parameters))()


def counted(name: str, ballots: Profile, **parameters: object) -> Count:
    """Count under a rule, and let the check of its certificate agree."""
    rule = rule_named(name, **parameters)
    count = rule.count(ballots, TIES)
    rule.check(ballots, TIES, count)
    return count


def leaders(count: Count) -> set[str]:
    """Return who would win before ties are broken."""
    return set(count.tied or count.winners)


@st.composite
def strict_profiles(
    draw: st.DrawFn,
    options_max: int = 4,
    ballots_max: int = 7,
    *,
    complete: bool = True,
    seats_max: int = 1,
) -> Profile:
    """Return rankings without ties."""
    options = tuple("abcdefgh"[: draw(st.integers(2, options_max))])
    ballots: list[Ballot] = []
    for _ in range(draw(st.integers(1, ballots_max))):
        order = draw(st.permutations(options))
        length = len(options) if complete else draw(st.integers(1, len(options)))
        ballots.append(Ballot(tuple((option,) for option in order[:length])))
    seats = draw(st.integers(1, min(seats_max, len(options))))
    return Profile(options, tuple(ballots), seats, options[-1], len(ballots) + 1)


@st.composite
def loose_profiles(
    draw: st.DrawFn, options_max: int = 5, ballots_max: int = 6, seats_max: int = 1
) -> Profile:
    """Return weighted rankings with ties, which may leave options out."""
    options = tuple("abcdefgh"[: draw(st.integers(2, options_max))])
    ballots: list[Ballot] = []
    for _ in range(draw(st.integers(1, ballots_max))):
        order = draw(st.permutations(options))[: draw(st.integers(1, len(options)))]
        inner = draw(st.sets(st.integers(1, len(options))))
        cuts = sorted({0, len(order)} | {cut for cut in inner if cut < len(order)})
        groups = tuple(tuple(sorted(order[a:b])) for a, b in pairwise(cuts))
        sure = Fraction(draw(st.integers(0, 4)), 4)
        ballots.append(Ballot(groups, draw(st.integers(1, 3)), sure))
    seats = draw(st.integers(1, min(seats_max, len(options))))
    return Profile(options, tuple(ballots), seats, options[-1], 3 * len(ballots))


def opening(rule: str = "plurality", /, **fields: Any) -> VoteOpened:  # noqa: ANN401 - of any type
    parameters = fields.pop("parameters", {})
    given_fields: dict[str, Any] = {"options": ABC, "rule": Policy(rule, 1, parameters)}
    return VoteOpened(**(given_fields | fields))


def ballot(agent: str, ranking: str, confidence: str = "1") -> Said:
    return said(VoteCast(ranking=ranking_of(ranking), confidence=Decimal(confidence)), agent)


def heard(asked: VoteOpened, *past: Past, name: str = "s") -> Hearing[VoteOpened]:
    state = given(SESSION, asked, *past, CLOSED).state
    return cast("Hearing[VoteOpened]", hearing(name, state))


def decided(asked: VoteOpened, *past: Past, name: str = "s") -> VoteDecided:
    """Decide a closed vote, and let the certificate prove it."""
    found = heard(asked, *past, name=name)
    decision = VOTE.decide(found)
    assert isinstance(decision, VoteDecided)
    VOTE.verify(found, decision)
    return decision
