"""Several winners: proportion for solid coalitions, and justice to groups that agree."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.voting import Ballot, Profile
from mabeam.core.voting.transferring import droop_quota
from support.voting import TIES, approving, counted, profile, rule_named, strict_profiles

SOME = settings(max_examples=60)


@st.composite
def approvals(draw: st.DrawFn) -> Profile:
    options = "abcde"[: draw(st.integers(2, 5))]
    ballots = draw(
        st.lists(st.sets(st.sampled_from(options), min_size=1).map(sorted), min_size=1, max_size=8)
    )
    seats = draw(st.integers(1, len(options)))
    return approving(options, ["".join(ballot) for ballot in ballots], seats)


def unjust(ballots: Profile, winners: tuple[str, ...]) -> bool:
    """Tell whether extended justified representation is broken, by trying all groups."""
    voters = [set(ballot.ranking[0]) for ballot in ballots.ballots]
    for least in range(1, ballots.seats + 1):
        poor = [v for v in voters if len(v & set(winners)) < least]
        for common in combinations(ballots.options, least):
            group = [v for v in poor if set(common) <= v]
            if len(group) * ballots.seats >= least * len(voters):
                return True
    return False


class TestEqualShares:
    @SOME
    @given(approvals())
    def test_every_group_that_agrees_is_represented(self, ballots: Profile) -> None:
        winners = counted("equal_shares", ballots).winners
        assert len(winners) == ballots.seats
        assert not unjust(ballots, winners)

    def test_the_most_approved_options_can_leave_a_group_out(self) -> None:
        ballots = approving("abcxyz", ["abc"] * 6 + ["xyz"] * 3, 3)
        assert unjust(ballots, ("a", "b", "c"))
        assert counted("equal_shares", ballots).winners[2] in "xyz"

    def test_a_voter_of_weight_three_counts_as_three(self) -> None:
        light = approving("abcd", ["ab", "ab", "ab", "cd"], 2)
        heavy = Profile(
            light.options, (Ballot((("a", "b"),), 3), Ballot((("c", "d"),), 1)), light.seats
        )
        first, second = counted("equal_shares", light), counted("equal_shares", heavy)
        assert first.winners == second.winners
        assert [r.value for r in first.rounds] == [r.value for r in second.rounds]

    def test_what_nobody_can_buy_is_bought_by_waiting(self) -> None:
        count = counted("equal_shares", approving("abcd", ["a", "b", "c", "d"], 2))
        assert [r.value for r in count.rounds] == ["+1/2", "+0"]
        assert count.tied == ("a", "b", "c", "d")

    def test_seats_are_filled_even_with_what_nobody_approves(self) -> None:
        count = counted("equal_shares", approving("abc", ["a", "a"], 3))
        assert count.winners[0] == "a"
        assert set(count.winners) == {"a", "b", "c"}

    def test_another_price_than_is_needed_is_noticed(self) -> None:
        ballots = approving("ab", ["a", "b"], 2)
        count = counted("equal_shares", ballots)
        for price in ("-1", "1/2", "2", "+1"):
            round_ = msgspec.structs.replace(count.rounds[0], value=price)
            forged = msgspec.structs.replace(count, rounds=(round_, *count.rounds[1:]))
            with pytest.raises(Rejected):
                rule_named("equal_shares").check(ballots, TIES, forged)

    def test_a_price_is_shared_unequally_when_some_run_out_of_money(self) -> None:
        ballots = approving("abcd", ["ab", "ac", "a", "bc", "b"], 3)
        count = counted("equal_shares", ballots)
        assert count.rounds[0].value == "1/3"
        assert count.level == "3/5"


class TestSingleTransferableVote:
    def test_the_quota_is_the_least_that_not_more_can_reach_than_there_are_seats(self) -> None:
        for weight in range(1, 40):
            for seats in range(1, 6):
                quota = droop_quota(weight, seats)
                assert quota * (seats + 1) > weight >= (quota - 1) * (seats + 1)

    def test_a_surplus_goes_on_in_exact_fractions(self) -> None:
        votes = profile("abcd", {"a > b": 7, "a > c": 3, "c": 4, "d": 3}, seats=2)
        count = counted("single_transferable_vote", votes)
        assert count.level == "6"
        assert count.rounds[0].value == "2/5"
        assert {t.option: t.votes for t in count.rounds[1].tally} == {
            "b": "14/5",
            "c": "26/5",
            "d": "3",
        }
        assert count.winners == ("a", "c")

    def test_all_are_elected_where_no_more_are_left_than_seats(self) -> None:
        count = counted("single_transferable_vote", profile("abc", {"a": 1, "b": 2}, seats=3))
        assert count.winners[0] == "b"
        assert len(count.rounds) == 1

    @SOME
    @given(strict_profiles(5, 8, complete=False, seats_max=4))
    def test_a_solid_coalition_of_k_quotas_gets_k_seats(self, ballots: Profile) -> None:
        winners = set(counted("single_transferable_vote", ballots).winners)
        assert _is_proportional(ballots, winners)

    def test_plurality_in_blocs_is_not_proportional(self) -> None:
        ballots = profile("abxy", {"a > b": 3, "b > a": 3, "x > y": 2, "y > x": 2}, seats=2)
        assert not _is_proportional(ballots, {"a", "b"})

    @SOME
    @given(strict_profiles(4, 6))
    def test_one_seat_is_filled_as_by_instant_runoff(self, ballots: Profile) -> None:
        alone = rule_named("single_transferable_vote").count(ballots, TIES)
        if not alone.tied:
            assert alone.winners == counted("instant_runoff", ballots).winners

    @SOME
    @given(strict_profiles(5, 8, complete=False, seats_max=4))
    def test_no_vote_is_made_or_lost(self, ballots: Profile) -> None:
        count = counted("single_transferable_vote", ballots)
        spent = Fraction(0)
        for round_ in count.rounds:
            held = sum(Fraction(t.votes) for t in round_.tally) + Fraction(round_.exhausted)
            assert held + spent == ballots.weight
            if round_.value:
                spent += Fraction(count.level)


def _is_proportional(ballots: Profile, winners: set[str]) -> bool:
    quota = droop_quota(ballots.weight, ballots.seats)
    for size in range(1, len(ballots.options) + 1):
        for group in map(set, combinations(ballots.options, size)):
            solid = sum(
                ballot.weight
                for ballot in ballots.ballots
                if {g[0] for g in ballot.ranking[:size]} == group
            )
            if len(winners & group) < min(solid // quota, size):
                return False
    return True
