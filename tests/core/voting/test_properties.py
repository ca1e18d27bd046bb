"""What each rule promises, for all small votes, and a vote that shows what it lacks.

A promise that a rule does not make is listed with the vote that breaks it, so that the test
of the promise is seen to have teeth.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mabeam.core.voting import Ballot, Profile, coombs_winners, instant_runoff_winners, ranking_of
from mabeam.core.voting.checking.proof import preferring
from support.voting import (
    EVERY_RULE,
    TIES,
    counted,
    leaders,
    loose_profiles,
    profile,
    rule_named,
    strict_profiles,
)

SOME = settings(max_examples=25)
"""Each of these is tried for many rules."""

BY_PAIRS = ("copeland", "minimax", "schulze", "ranked_pairs", "kemeny")
SINGLE = (*BY_PAIRS, "plurality", "approval", "borda", "bucklin", "coombs", "instant_runoff")


LIES: dict[str, tuple[dict[str, int], str, str, str]] = {
    "plurality": ({"b > a > c": 5, "c > a > b": 3, "a > c > b": 3}, "c > b > a", "b", "c"),
    "borda": ({"a > b > c": 4, "b > c > a": 5, "c > a > b": 4}, "a > c > b", "b", "a"),
    "bucklin": ({"c > b > a": 1, "b > a > c": 4, "a > b > c": 4}, "a > c > b", "b", "a"),
    "coombs": (
        {"a > b > c": 3, "c > a > b": 4, "b > c > a": 4, "a > c > b": 2},
        "b > a > c",
        "c",
        "a",
    ),
    "instant_runoff": ({"b > a > c": 2, "c > b > a": 1, "a > c > b": 2}, "c > b > a", "b", "c"),
    "copeland": (
        {
            "c > b > d > a": 3,
            "d > b > a > c": 3,
            "a > b > d > c": 2,
            "d > c > a > b": 3,
            "a > d > b > c": 5,
        },
        "a > c > b > d",
        "d",
        "a",
    ),
    "minimax": (
        {"b > c > a": 4, "a > c > b": 1, "a > b > c": 4, "c > a > b": 4, "b > a > c": 3},
        "b > c > a",
        "a",
        "b",
    ),
    "schulze": (
        {"a > b > c": 3, "c > b > a": 1, "b > c > a": 3, "b > a > c": 2, "c > a > b": 4},
        "a > c > b",
        "b",
        "a",
    ),
    "ranked_pairs": ({"b > c > a": 3, "c > a > b": 3, "a > c > b": 5}, "a > b > c", "c", "a"),
    "kemeny": (
        {"b > a > c": 3, "c > b > a": 2, "b > c > a": 3, "a > c > b": 5},
        "c > b > a",
        "b",
        "c",
    ),
}
"""Votes in which those with the last ranking gain by another; who wins before and after."""

NO_SHOW: dict[str, tuple[dict[str, int], str, int, str, str]] = {
    "copeland": (
        {
            "a > d > c > b": 1,
            "d > c > a > b": 8,
            "b > c > a > d": 5,
            "a > b > c > d": 5,
            "d > b > c > a": 1,
        },
        "a > c > b > d",
        6,
        "a",
        "c",
    ),
    "minimax": (
        {
            "c > d > b > a": 5,
            "d > a > b > c": 6,
            "a > b > c > d": 8,
            "c > a > b > d": 3,
            "c > d > a > b": 4,
        },
        "b > c > a > d",
        3,
        "c",
        "a",
    ),
    "ranked_pairs": (
        {
            "d > c > a > b": 2,
            "b > d > a > c": 5,
            "b > a > c > d": 4,
            "a > c > b > d": 2,
            "d > a > c > b": 6,
        },
        "c > b > a > d",
        4,
        "b",
        "a",
    ),
    "schulze": (
        {
            "b > c > a > d": 11,
            "c > b > d > a": 3,
            "d > a > c > b": 5,
            "c > d > b > a": 7,
            "d > c > b > a": 3,
            "d > b > c > a": 2,
            "a > d > b > c": 11,
        },
        "a > d > c > b",
        3,
        "d",
        "c",
    ),
    "kemeny": (
        {"d > a > b > c": 7, "c > d > a > b": 8, "b > c > a > d": 1},
        "b > a > c > d",
        8,
        "c",
        "d",
    ),
}
"""Votes, and voters who get a worse winner by turning up; who wins without and with them."""


def elected(name: str, ballots: Profile) -> set[str]:
    """Return all that win before ties are broken."""
    if name == "instant_runoff":
        return set(instant_runoff_winners(ballots) or ballots.options)
    if name == "coombs":
        return set(coombs_winners(ballots) or ballots.options)
    return leaders(rule_named(name).count(ballots, TIES))


def with_ballots(ballots: Profile, *more: Ballot) -> Profile:
    return Profile(ballots.options, (*ballots.ballots, *more))


def renamed(ballots: Profile, names: dict[str, str]) -> Profile:
    return Profile(
        tuple(names[o] for o in ballots.options),
        tuple(
            Ballot(tuple(tuple(sorted(names[o] for o in g)) for g in b.ranking), b.weight)
            for b in ballots.ballots
        ),
    )


def condorcet_winner(ballots: Profile) -> str | None:
    matrix = preferring(ballots)
    span = range(len(ballots.options))
    for a in span:
        if all(matrix[a][b] > matrix[b][a] for b in span if b != a):
            return ballots.options[a]
    return None


def smith_set(ballots: Profile) -> set[str]:
    """Return the smallest set whose members beat all others, by trying the sizes."""
    matrix = preferring(ballots)
    wins = [sum(row[b] > matrix[b][a] for b in range(len(row))) for a, row in enumerate(matrix)]
    order = sorted(range(len(wins)), key=lambda a: -wins[a])
    for size in range(1, len(order)):
        inside, outside = order[:size], order[size:]
        if all(matrix[a][b] > matrix[b][a] for a in inside for b in outside):
            return {ballots.options[a] for a in inside}
    return set(ballots.options)


@pytest.mark.parametrize("name", EVERY_RULE)
@SOME
@given(ballots=st.data())
def test_every_certificate_is_proved(name: str, ballots: st.DataObject) -> None:
    rule = rule_named(name)
    if rule.form == "any":
        drawn = ballots.draw(loose_profiles(seats_max=rule.seats_max))
    else:
        drawn = ballots.draw(strict_profiles(5, complete=False, seats_max=rule.seats_max))
    count = counted(name, drawn)
    assert len(count.winners) in {drawn.seats, 0}
    assert len(set(count.winners)) == len(count.winners)


@pytest.mark.parametrize("name", SINGLE)
@SOME
@given(ballots=strict_profiles(), data=st.data())
def test_voters_and_options_are_treated_alike(
    name: str, ballots: Profile, data: st.DataObject
) -> None:
    shuffled = Profile(ballots.options, tuple(data.draw(st.permutations(ballots.ballots))))
    assert elected(name, shuffled) == elected(name, ballots)
    names = dict(zip(ballots.options, data.draw(st.permutations(ballots.options)), strict=True))
    assert elected(name, renamed(ballots, names)) == {names[o] for o in elected(name, ballots)}


@pytest.mark.parametrize("name", [name for name in SINGLE if name != "approval"])
@SOME
@given(ballots=strict_profiles())
def test_what_all_prefer_another_to_is_not_elected(name: str, ballots: Profile) -> None:
    matrix = preferring(ballots)
    for a, option in enumerate(ballots.options):
        if any(row[a] == ballots.weight for row in matrix):
            assert option not in elected(name, ballots)


class TestMajorityOfTwo:
    """May's theorem: with two options, majority alone is neutral, anonymous and responsive."""

    @pytest.mark.parametrize("name", [name for name in SINGLE if name != "approval"])
    @SOME
    @given(ballots=strict_profiles(2, 7))
    def test_every_rule_is_the_majority_rule(self, name: str, ballots: Profile) -> None:
        votes = [sum(b.ranking[0] == (o,) for b in ballots.ballots) for o in "ab"]
        most = {o for o, n in zip("ab", votes, strict=True) if n == max(votes)}
        assert elected(name, ballots) == most
        decisive = counted("majority", ballots).winners
        assert set(decisive) == (most if len(most) == 1 else set())

    @SOME
    @given(ballots=strict_profiles(2, 7))
    def test_another_vote_for_a_winner_keeps_it(self, ballots: Profile) -> None:
        before = counted("majority", ballots).winners
        more = with_ballots(ballots, *(Ballot(((o,),)) for o in before))
        assert counted("majority", more).winners == before


class TestCondorcet:
    @pytest.mark.parametrize("name", BY_PAIRS)
    @SOME
    @given(ballots=strict_profiles())
    def test_who_beats_all_others_is_elected(self, name: str, ballots: Profile) -> None:
        winner = condorcet_winner(ballots)
        assume(winner is not None)
        assert elected(name, ballots) == {winner}

    MIDDLE = profile("abm", {"a > m > b": 4, "b > m > a": 3, "m > a > b": 2})

    @pytest.mark.parametrize("name", ["plurality", "instant_runoff"])
    def test_rules_that_look_at_first_places_miss_it(self, name: str) -> None:
        assert condorcet_winner(self.MIDDLE) == "m"
        assert "m" not in elected(name, self.MIDDLE)

    @pytest.mark.parametrize("name", ["plurality", "borda", "bucklin", "coombs", "instant_runoff"])
    def test_none_of_the_five_classic_rules_elects_it_always(self, name: str) -> None:
        assert next(_misses(name), None) is not None


def _weighted(weights: int, size: int = 3) -> Iterator[Profile]:
    """Return all votes on few options in which every order has a weight up to a bound."""
    options = "abcd"[:size]
    orders = [" > ".join(order) for order in permutations(options)]
    for chosen in product(range(weights + 1), repeat=len(orders)):
        if any(chosen):
            yield profile(options, {o: w for o, w in zip(orders, chosen, strict=True) if w})


def _misses(name: str) -> Iterator[Profile]:
    for ballots in _weighted(3):
        winner = condorcet_winner(ballots)
        if winner is not None and elected(name, ballots) != {winner}:
            yield ballots


class TestSmith:
    @pytest.mark.parametrize("name", ["copeland", "schulze", "ranked_pairs", "kemeny"])
    @SOME
    @given(ballots=strict_profiles())
    def test_the_winner_is_of_those_that_beat_all_others(self, name: str, ballots: Profile) -> None:
        assert elected(name, ballots) <= smith_set(ballots)

    def test_minimax_elects_even_the_one_that_all_others_beat(self) -> None:
        ballots = profile(
            "abcd",
            {
                "d > a > b > c": 4,
                "d > b > c > a": 4,
                "d > c > a > b": 3,
                "a > b > c > d": 4,
                "b > c > a > d": 4,
                "c > a > b > d": 4,
            },
        )
        assert smith_set(ballots) == {"a", "b", "c"}
        assert elected("minimax", ballots) == {"d"}


class TestMonotonicity:
    """Who wins alone still wins after a voter has raised it."""

    @pytest.mark.parametrize(
        "name",
        ["plurality", "borda", "bucklin", "copeland", "minimax", "schulze", "ranked_pairs"],
    )
    @SOME
    @given(ballots=strict_profiles(), data=st.data())
    def test_more_support_does_not_hurt(
        self, name: str, ballots: Profile, data: st.DataObject
    ) -> None:
        before = elected(name, ballots)
        winner = data.draw(st.sampled_from(sorted(before)))
        place = data.draw(st.integers(0, len(ballots.ballots) - 1))
        assert winner in elected(name, _raised(ballots, winner, place))

    def test_in_instant_runoff_it_can(self) -> None:
        votes = {"a > b > c": 39, "b > c > a": 35, "c > a > b": 26}
        assert elected("instant_runoff", profile("abc", votes)) == {"a"}
        raised = {"a > b > c": 49, "b > c > a": 25, "c > a > b": 26}
        assert elected("instant_runoff", profile("abc", raised)) == {"c"}

    def test_by_the_rule_of_coombs_it_can(self) -> None:
        votes = {"a > c > b": 5, "b > a > c": 2, "b > c > a": 3, "c > a > b": 2, "c > b > a": 5}
        before = profile("abc", {**votes, "a > b > c": 5})
        after = profile("abc", {**votes, "a > c > b": 10})
        assert (elected("coombs", before), elected("coombs", after)) == ({"c"}, {"a"})


def _raised(ballots: Profile, winner: str, place: int) -> Profile:
    ballot = ballots.ballots[place]
    order = [group[0] for group in ballot.ranking]
    at = order.index(winner)
    if at:
        order[at - 1], order[at] = order[at], order[at - 1]
    changed = Ballot(tuple((option,) for option in order), ballot.weight)
    return Profile(
        ballots.options, (*ballots.ballots[:place], changed, *ballots.ballots[place + 1 :])
    )


class TestClones:
    """A copy of an option, next to it on every ballot, changes who wins only among the two."""

    @pytest.mark.parametrize("name", ["schulze", "ranked_pairs", "instant_runoff"])
    @SOME
    @given(ballots=strict_profiles(3, 7), data=st.data())
    def test_a_clone_changes_nothing(
        self, name: str, ballots: Profile, data: st.DataObject
    ) -> None:
        option = data.draw(st.sampled_from(ballots.options))
        flips = data.draw(
            st.lists(st.booleans(), min_size=len(ballots.ballots), max_size=len(ballots.ballots))
        )
        before = elected(name, ballots)
        after = elected(name, _cloned(ballots, option, flips))
        merged = {option if one == "x" else one for one in after}
        # With a tie among winners, or within the clones, only a part of them may be found.
        if len(before) == 1:
            assert merged == before

    def test_plurality_and_borda_do_mind_clones(self) -> None:
        votes = profile("ab", {"a > b": 4, "b > a": 3})
        assert elected("plurality", votes) == {"a"}
        assert elected("plurality", _cloned(votes, "a", [False, False])) == {"a"}
        split = profile("axb", {"a > x > b": 2, "x > a > b": 2, "b > a > x": 3})
        assert elected("plurality", split) == {"b"}
        teamed = profile("abx", {"a > b > x": 4, "b > x > a": 3})
        assert elected("borda", votes) == {"a"}
        assert elected("borda", teamed) == {"b"}


def _cloned(ballots: Profile, option: str, flips: list[bool]) -> Profile:
    made: list[Ballot] = []
    for ballot, flip in zip(ballots.ballots, flips, strict=True):
        pair = [("x",), (option,)] if flip else [(option,), ("x",)]
        groups: list[tuple[str, ...]] = []
        for group in ballot.ranking:
            groups += pair if group == (option,) else [group]
        made.append(Ballot(tuple(groups), ballot.weight))
    return Profile((*ballots.options, "x"), tuple(made))


class TestParticipation:
    """Who turns up with a sincere ballot does not get a worse winner than by staying away."""

    @pytest.mark.parametrize("name", ["plurality", "borda"])
    @SOME
    @given(ballots=strict_profiles(), data=st.data())
    def test_turning_up_does_not_hurt(
        self, name: str, ballots: Profile, data: st.DataObject
    ) -> None:
        order = data.draw(st.permutations(ballots.options))
        ballot = Ballot(tuple((option,) for option in order))
        before, after = elected(name, ballots), elected(name, with_ballots(ballots, ballot))
        assert min(map(order.index, after)) <= min(map(order.index, before))
        assert max(map(order.index, after)) <= max(map(order.index, before))

    # Moulin 1988: no rule that elects every Condorcet winner among four can promise it.
    @pytest.mark.parametrize("name", sorted(NO_SHOW))
    def test_rules_by_pairs_can_punish_it(self, name: str) -> None:
        votes, text, weight, without, turned_up = NO_SHOW[name]
        before = profile("abcd", votes)
        ballot = Ballot(ranking_of(text), weight)
        assert elected(name, before) == {without}
        assert elected(name, with_ballots(before, ballot)) == {turned_up}
        assert text.index(turned_up) > text.index(without)


class TestReinforcement:
    @pytest.mark.parametrize("name", ["plurality", "borda"])
    @SOME
    @given(one=strict_profiles(3), other=strict_profiles(3))
    def test_two_groups_that_agree_agree_together(
        self, name: str, one: Profile, other: Profile
    ) -> None:
        assume(one.options == other.options)
        both = elected(name, one) & elected(name, other)
        if both:
            assert elected(name, with_ballots(one, *other.ballots)) == both

    def test_by_pairs_two_groups_that_agree_can_disagree_together(self) -> None:
        one = profile("abc", {"a > c > b": 7, "c > b > a": 5})
        other = profile("abc", {"a > c > b": 1, "c > a > b": 5, "b > c > a": 5, "a > b > c": 6})
        assert elected("schulze", one) == elected("schulze", other) == {"a"}
        assert elected("schulze", with_ballots(one, *other.ballots)) == {"c"}


class TestStrategy:
    """Gibbard 1973 and Satterthwaite 1975: with three options some voter can gain by lying."""

    @pytest.mark.parametrize("name", sorted(LIES))
    def test_some_gain_by_an_insincere_ballot(self, name: str) -> None:
        votes, lie, honest, gained = LIES[name]
        truth = next(reversed(votes))
        options = sorted(ranking[0] for ranking in ranking_of(truth))
        assert elected(name, profile(options, votes)) == {honest}
        others = profile(options, {text: w for text, w in votes.items() if text != truth})
        lied = with_ballots(others, Ballot(ranking_of(lie), votes[truth]))
        assert elected(name, lied) == {gained}
        assert truth.index(gained) < truth.index(honest)

    @SOME
    @given(ballots=strict_profiles(2, 7), place=st.integers(0, 6))
    def test_with_two_options_nobody_does(self, ballots: Profile, place: int) -> None:
        voter = ballots.ballots[place % len(ballots.ballots)]
        others = [b for n, b in enumerate(ballots.ballots) if n != place % len(ballots.ballots)]
        lie = Ballot(tuple(reversed(voter.ranking)))
        worse = Profile(ballots.options, (*others, lie))
        best = voter.ranking[0][0]
        if counted("majority", ballots).winners != (best,):
            assert counted("majority", worse).winners != (best,)
