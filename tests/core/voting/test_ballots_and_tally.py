"""Ballots as text, the order of ties, and the matrix that is kept current."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.voting import Profile, empty_tally, ranking_of, text_of, tie_key
from mabeam.core.voting.checking.proof import preferring, support
from support.voting import loose_profiles, profile


def test_a_ranking_is_read_from_text_and_written_again() -> None:
    ranking = ranking_of(" B > A = the rest>C ")
    assert ranking == (("B",), ("A", "the rest"), ("C",))
    assert text_of(ranking) == "B > A = the rest > C"
    assert ranking_of("  ") == ()
    assert text_of(()) == ""


@pytest.mark.parametrize("text", ["A >", "> A", "A = = B", ">"])
def test_a_ranking_with_an_empty_place_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        ranking_of(text)
    assert refusal.value.code == "vote.ranking"


def test_ties_are_ordered_as_declared_and_else_so_that_nobody_could_choose() -> None:
    declared = tie_key("s", 4, ("c", "a"))
    assert sorted("abc", key=declared) == ["c", "a", "b"]
    orders = {tuple(sorted("abcd", key=tie_key("s", closed))) for closed in range(40)}
    assert len(orders) > 10
    assert sorted("abcd", key=tie_key("s", 4)) == sorted("dcba", key=tie_key("s", 4))


@given(loose_profiles())
def test_the_tally_says_what_each_ballot_says(ballots: Profile) -> None:
    tally = empty_tally(ballots.options)
    for ballot in ballots.ballots:
        tally = tally.added(ballot.ranking, ballot.weight)
    assert [list(row) for row in tally.matrix()] == preferring(ballots)
    assert tally.first_groups() == tuple(support(ballots, o) for o in ballots.options)
    assert tally.weight == ballots.weight


@given(loose_profiles(), st.data())
def test_replacing_and_removing_ballots_is_as_if_they_had_never_been(
    ballots: Profile, data: st.DataObject
) -> None:
    first, *others = ballots.ballots
    other = data.draw(st.sampled_from(ballots.ballots)).ranking
    kept = empty_tally(ballots.options)
    for ballot in others:
        kept = kept.added(ballot.ranking, ballot.weight)
    changed = kept.added(first.ranking, first.weight)
    changed = changed.replaced(first.ranking, other, first.weight)
    assert changed == kept.added(other, first.weight)
    assert changed.removed(other, first.weight) == kept


def test_a_blank_ballot_adds_weight_alone() -> None:
    tally = empty_tally("ab").added((), 3)
    assert (tally.weight, tally.matrix(), tally.first_groups()) == (3, ((0, 0), (0, 0)), (0, 0))


def test_ballots_that_say_the_same_are_grouped() -> None:
    ballots = profile("ab", {"a > b": 2, "b": 1})
    assert ballots.grouped() == (((("a",), ("b",)), 2), ((("b",),), 1))
    assert ballots.weight == 3


@pytest.mark.parametrize("weight", [2**64, 2**200, -1])
def test_weights_that_would_run_into_each_other_are_refused(weight: int) -> None:
    tally = empty_tally("abc").added((("a",), ("c",)), weight)
    for read in (tally.matrix, tally.first_groups):
        with pytest.raises(Rejected) as refusal:
            read()
        assert (refusal.value.code, refusal.value.field) == ("vote.weight", "weight")
    most = empty_tally("abc").added((("a",), ("c",)), 2**64 - 1)
    assert most.first_groups() == (2**64 - 1, 0, 0)
