"""What wins is wanted by somebody honest, whatever some others say: strong validity."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.voting import Ballot, Profile
from support.voting import counted, profile


@settings(max_examples=100)
@given(
    honest=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), min_size=1, max_size=7),
    liars=st.lists(st.tuples(st.sampled_from("abcx"), st.integers(1, 3)), max_size=3),
    absent=st.integers(0, 3),
)
def test_more_support_than_the_liars_have_keeps_out_what_only_they_want(
    honest: list[tuple[str, int]], liars: list[tuple[str, int]], absent: int
) -> None:
    cast = [*honest, *liars]
    lying = sum(weight for _, weight in liars)
    whole = sum(weight for _, weight in cast) + absent
    ballots = Profile(
        tuple("abcx"),
        tuple(Ballot(((option,),), weight) for option, weight in cast),
        eligible=whole,
    )
    count = counted("weighted_majority", ballots, threshold=f"{lying}/{whole}")
    assert set(count.winners) <= {option for option, _ in honest}
    if max(sum(w for o, w in honest if o == option) for option in "abc") > lying:
        assert count.winners


@given(votes=st.lists(st.sampled_from("abc"), min_size=7, max_size=9))
def test_with_more_voters_than_liars_times_options_somebody_always_has_it(votes: list[str]) -> None:
    """Neiger, Distributed consensus revisited, Information Processing Letters 49, 1994."""
    ballots = Profile(
        tuple("abc"), tuple(Ballot(((option,),)) for option in votes), eligible=len(votes)
    )
    assert counted("weighted_majority", ballots, threshold=f"2/{len(votes)}").winners


def test_where_the_most_votes_are_enough_liars_elect_what_nobody_honest_wants() -> None:
    votes = profile("abcx", {"a": 1, "b": 1, "c": 1, "x": 2}, eligible=5)
    assert counted("plurality", votes).winners == ("x",)
    assert counted("weighted_majority", votes, threshold="2/5").winners == ()


@settings(max_examples=100)
@given(
    others=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    weight=st.integers(1, 99),
    lie=st.sampled_from("ab"),
)
def test_nobody_below_half_of_the_weight_changes_what_all_others_back(
    others: list[int], weight: int, lie: str
) -> None:
    ballots = [Ballot((("a",),), other) for other in others]
    votes = Profile(("a", "b"), (*ballots, Ballot(((lie,),), weight)))
    if weight < sum(others):
        assert counted("majority", votes).winners == ("a",)
    if len(others) > 1:
        capped = counted("confidence", votes, cap="1/3", threshold="1/2")
        assert capped.winners == ("a",)
