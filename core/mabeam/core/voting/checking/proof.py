"""What all checks of counts share: ballots looked at pair by pair, and the refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from mabeam.core.errors import Rejected
from mabeam.core.numbers import in_lowest_terms
from mabeam.core.voting.ballots import Ballot, Profile, TieKey
from mabeam.core.voting.count import Count, Total

__all__ = [
    "disproved",
    "expect",
    "expect_leader",
    "expect_only",
    "number",
    "numbers",
    "preferring",
    "support",
]


def disproved(field: str, value: object, allowed: object) -> Rejected:
    """Return the refusal of a certificate."""
    return Rejected(
        "vote.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=str(allowed),
    )


def expect(field: str, stated: object, due: object) -> None:
    """Refuse what is not so.

    Raises:
        Rejected: It is not.
    """
    if stated != due:
        raise disproved(field, stated, due)


def expect_only(count: Count, *fields: str) -> None:
    """Refuse a count that states more than a rule proves.

    Args:
        count: What is stated.
        fields: What the rule's check looks at, beside winners and ties.

    Raises:
        Rejected: Another field says something.
    """
    nothing = Count()
    for field in Count.__struct_fields__:
        if field not in {"winners", "tied", *fields}:
            expect(field, getattr(count, field), getattr(nothing, field))


def expect_leader(count: Count, leaders: Iterable[str], ties: TieKey) -> None:
    """Refuse a count unless it elects the first of the leaders, and names them if several.

    Raises:
        Rejected: It does not.
    """
    falling = sorted(leaders, key=ties)
    expect("winners", count.winners, tuple(falling[:1]))
    expect("tied", count.tied, tuple(sorted(falling)) if falling[1:] else ())


def preferring(profile: Profile) -> list[list[int]]:
    """Return how much weight prefers one option to another, by looking at each ballot."""
    size = len(profile.options)
    found = [[0] * size for _ in range(size)]
    for ballot in profile.ballots:
        ranks = _ranks(ballot)
        places = [ranks.get(option, size) for option in profile.options]
        for a in range(size):
            for b in range(size):
                if places[a] < places[b]:
                    found[a][b] += ballot.weight
    return found


def _ranks(ballot: Ballot) -> dict[str, int]:
    return {option: rank for rank, group in enumerate(ballot.ranking) for option in group}


def support(profile: Profile, option: str) -> int:
    """Return the weight that has an option in its first group."""
    return sum(ballot.weight for ballot in profile.ballots if option in ballot.ranking[0])


def number(field: str, text: str) -> Fraction:
    """Read a number in its only form.

    Raises:
        Rejected: It has another form.
    """
    found = in_lowest_terms(text)
    if found is None:
        raise disproved(field, text, "a fraction in its lowest terms")
    return found


def numbers(field: str, totals: Iterable[Total], options: Iterable[str]) -> Mapping[str, Fraction]:
    """Read what each of some options has.

    Raises:
        Rejected: Others are named, or in another order, or a number cannot be read.
    """
    listed = tuple(totals)
    expect(field, tuple(total.option for total in listed), tuple(options))
    return {total.option: number(field, total.votes) for total in listed}
