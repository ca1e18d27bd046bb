"""Winners before ties are broken, against pref_voting (Holliday and Pacuit, JOSS 2025)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mabeam.core.voting import (
    Ballot,
    Count,
    Profile,
    borda,
    bucklin,
    coombs_winners,
    copeland,
    instant_runoff,
    instant_runoff_winners,
    kemeny,
    minimax,
    plurality,
    ranked_pairs_winners,
    schulze,
    tie_key,
)

# It has no types, and is not installed where types are checked.
theirs: Any = import_module("pref_voting.voting_methods")
TheirProfile: Any = import_module("pref_voting.profiles").Profile
ProfileWithTies: Any = import_module("pref_voting.profiles_with_ties").ProfileWithTies

STACKS: dict[str, object] = {"algorithm": "from_stacks"}
"""Their other way to the same winners, which does not try all orders of equal majorities."""

TIES = tie_key("oracle", 1)
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@st.composite
def complete(draw: st.DrawFn, options_max: int = 6) -> list[list[int]]:
    """Return rankings of all options by few voters, so that counts are often tied."""
    size = draw(st.integers(2, options_max))
    return draw(st.lists(st.permutations(range(size)), min_size=1, max_size=9))


@st.composite
def loose(draw: st.DrawFn) -> tuple[int, list[list[list[int]]]]:
    """Return rankings with ties, some of which leave options out."""
    size = draw(st.integers(2, 4))
    rankings: list[list[list[int]]] = []
    for _ in range(draw(st.integers(1, 8))):
        order = draw(st.permutations(range(size)))[: draw(st.integers(1, size))]
        cuts = sorted(draw(st.sets(st.integers(1, max(1, len(order) - 1)))) | {0, len(order)})
        groups = [list(order[a:b]) for a, b in pairwise(cuts) if a < b]
        rankings.append(groups)
    return size, rankings


def name(option: int) -> str:
    return f"o{option}"


def ours(size: int, rankings: Iterable[Sequence[Sequence[int]]]) -> Profile:
    ballots = tuple(
        Ballot(tuple(tuple(sorted(map(name, group))) for group in ranking)) for ranking in rankings
    )
    return Profile(tuple(map(name, range(size))), ballots)


def strict(rankings: Sequence[Sequence[int]]) -> Profile:
    return ours(len(rankings[0]), [[[option] for option in ranking] for ranking in rankings])


def with_ties(size: int, rankings: Sequence[Sequence[Sequence[int]]]) -> Any:  # noqa: ANN401 - theirs
    ranks = [
        {option: rank for rank, group in enumerate(ranking) for option in group}
        for ranking in rankings
    ]
    profile = ProfileWithTies(ranks, [1] * len(ranks), candidates=[*range(size)])
    profile.use_extended_strict_preference()
    return profile


def leaders(count: Count) -> set[str]:
    return set(count.tied or count.winners)


def found(
    method: Callable[..., Any],
    profile: Any,  # noqa: ANN401 - theirs
    **options: object,
) -> set[str]:
    return {name(int(option)) for option in method(profile, **options)}


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        (plurality, theirs.plurality),
        (borda, theirs.borda),
        (bucklin, theirs.bucklin),
        (copeland, theirs.copeland),
        (minimax, theirs.minimax),
        (schulze, theirs.beat_path),
        (kemeny, theirs.kemeny_young),
    ],
    ids=lambda rule: str(getattr(rule, "__name__", getattr(rule, "name", rule))),
)
@EXAMPLES
@given(rankings=complete(5))
def test_rules_for_complete_rankings_agree(
    mine: Callable[..., Count], other: Callable[..., Any], rankings: list[list[int]]
) -> None:
    assert leaders(mine(strict(rankings), TIES)) == found(other, TheirProfile(rankings))


@EXAMPLES
@given(rankings=complete(4))
def test_ranked_pairs_agree_on_all_that_win_under_some_order(rankings: list[list[int]]) -> None:
    mine = ranked_pairs_winners(strict(rankings))
    if mine is not None:
        assert set(mine) == found(theirs.ranked_pairs, TheirProfile(rankings), **STACKS)


@EXAMPLES
@given(rankings=complete())
def test_eliminations_agree_on_all_that_win_under_some_order(rankings: list[list[int]]) -> None:
    profile, other = strict(rankings), TheirProfile(rankings)
    assert set(instant_runoff_winners(profile) or ()) == found(theirs.instant_runoff_put, other)
    assert set(coombs_winners(profile) or ()) == found(theirs.coombs_put, other)


@EXAMPLES
@given(drawn=loose())
def test_rules_by_pairs_agree_on_rankings_with_ties(
    drawn: tuple[int, list[list[list[int]]]],
) -> None:
    profile, other = ours(*drawn), with_ties(*drawn)
    support: dict[str, object] = {"strength_function": other.support}
    assert leaders(copeland(profile, TIES)) == found(theirs.copeland, other)
    assert leaders(minimax(profile, TIES, "margins")) == found(theirs.minimax, other)
    assert leaders(minimax(profile, TIES)) == found(theirs.minimax, other, **support)
    assert leaders(schulze(profile, TIES, "margins")) == found(theirs.beat_path, other)
    assert leaders(schulze(profile, TIES)) == found(theirs.beat_path, other, **support)
    assert leaders(borda(profile, TIES)) == found(theirs.borda_for_profile_with_ties, other)
    mine = ranked_pairs_winners(profile, "margins")
    if mine is not None:
        assert set(mine) == found(theirs.ranked_pairs, other, **STACKS)


@EXAMPLES
@given(drawn=loose())
def test_truncated_rankings_agree(drawn: tuple[int, list[list[list[int]]]]) -> None:
    size, rankings = drawn
    flat = [[[option] for group in ranking for option in group] for ranking in rankings]
    profile, other = ours(size, flat), with_ties(size, flat)
    mine = instant_runoff(profile, TIES)
    if not any(round_.tied for round_ in mine.rounds):
        method = theirs.instant_runoff_for_truncated_linear_orders
        assert set(mine.winners) == found(method, other)
    assert leaders(bucklin(profile, TIES)) == found(
        theirs.bucklin_for_truncated_linear_orders, other
    )


def test_the_comparison_would_notice_another_rule() -> None:
    rankings = [[0, 1, 2]] * 3 + [[1, 2, 0]] * 2 + [[2, 1, 0]] * 2
    assert leaders(plurality(strict(rankings), TIES)) != found(
        theirs.beat_path, TheirProfile(rankings)
    )
