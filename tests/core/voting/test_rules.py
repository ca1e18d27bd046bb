"""Each rule on small votes whose outcome can be followed by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from mabeam.core.errors import Rejected
from mabeam.core.voting import (
    Ballot,
    Dropped,
    Lock,
    Profile,
    coombs_winners,
    instant_runoff_winners,
    ranked_pairs_winners,
)
from mabeam.core.voting.scoring import capped_level
from support.voting import EVERY_RULE, TIES, counted, leaders, profile, rule_named

# Tennessee, the example of many textbooks: a city for the capital.
CITIES = ("Chattanooga", "Knoxville", "Memphis", "Nashville")
TENNESSEE = {
    "Memphis > Nashville > Chattanooga > Knoxville": 42,
    "Nashville > Chattanooga > Knoxville > Memphis": 26,
    "Chattanooga > Knoxville > Nashville > Memphis": 15,
    "Knoxville > Chattanooga > Nashville > Memphis": 17,
}


@pytest.mark.parametrize(
    ("rule", "winner"),
    [
        ("plurality", "Memphis"),
        ("borda", "Nashville"),
        ("bucklin", "Nashville"),
        ("coombs", "Nashville"),
        ("copeland", "Nashville"),
        ("instant_runoff", "Knoxville"),
        ("kemeny", "Nashville"),
        ("minimax", "Nashville"),
        ("ranked_pairs", "Nashville"),
        ("schulze", "Nashville"),
        ("single_transferable_vote", "Knoxville"),
    ],
)
def test_the_capital_of_tennessee(rule: str, winner: str) -> None:
    assert counted(rule, profile(CITIES, TENNESSEE)).winners == (winner,)


def test_borda_gives_points_for_those_below_less_those_above() -> None:
    totals = counted("borda", profile(CITIES, TENNESSEE)).totals
    # Twice the classic points, which go from 3 to 0, less 100 voters times 3 rivals.
    assert {t.option: int(t.votes) for t in totals} == {
        "Chattanooga": 2 * 173 - 300,
        "Knoxville": 2 * 107 - 300,
        "Memphis": 2 * 126 - 300,
        "Nashville": 2 * 194 - 300,
    }


class TestThresholds:
    VOTES = profile("abc", {"a": 3, "b": 2, "c": 1}, eligible=8)

    @pytest.mark.parametrize(
        ("rule", "parameters", "winners"),
        [
            ("majority", {}, ()),
            ("majority", {"of": "eligible"}, ()),
            ("supermajority", {}, ()),
            ("unanimity", {}, ()),
            ("weighted_majority", {"threshold": "1/3"}, ("a",)),
            ("weighted_majority", {"threshold": "1/4"}, ("a",)),
            ("weighted_majority", {"threshold": "3/8"}, ()),
            ("weighted_majority", {"threshold": "3/8", "of": "cast"}, ("a",)),
            ("weighted_majority", {"threshold": "0.2", "thresholds": {"a": "0.9"}}, ("b",)),
        ],
    )
    def test_an_option_needs_its_share(
        self, rule: str, parameters: dict[str, object], winners: tuple[str, ...]
    ) -> None:
        assert counted(rule, self.VOTES, **parameters).winners == winners

    def test_half_is_no_majority_and_two_thirds_are_enough(self) -> None:
        assert counted("majority", profile("ab", {"a": 2, "b": 2})).winners == ()
        assert counted("majority", profile("ab", {"a": 3, "b": 2})).winners == ("a",)
        assert counted("supermajority", profile("ab", {"a": 2, "b": 1})).winners == ("a",)
        assert counted("unanimity", profile("ab", {"a > b": 2, "a": 1})).winners == ("a",)

    def test_the_most_of_those_with_enough_wins(self) -> None:
        votes = profile("abc", {"a": 3, "b": 3, "c": 2}, eligible=8)
        count = counted("weighted_majority", votes, threshold="1/4")
        assert (count.tied, len(count.winners)) == (("a", "b"), 1)


class TestConfidence:
    def votes(self, *ballots: tuple[str, int, str]) -> Profile:
        return Profile(
            ("a", "b"),
            tuple(Ballot(((o,),), weight, Fraction(sure)) for o, weight, sure in ballots),
        )

    def test_a_voter_weighs_its_weight_times_its_confidence(self) -> None:
        count = counted("confidence", self.votes(("a", 2, "1/2"), ("b", 1, "9/10"), ("a", 1, "0")))
        assert [t.votes for t in count.totals] == ["9/10", "9/10"]
        count = counted("confidence", self.votes(("a", 1, ".4"), ("a", 1, ".4"), ("b", 1, ".7")))
        assert (count.winners, count.level) == (("a",), "7/10")

    def test_nobody_weighs_more_than_the_cap_allows(self) -> None:
        votes = self.votes(("a", 100, "1"), ("b", 1, "1"), ("b", 1, "1"), ("b", 1, "1"))
        count = counted("confidence", votes, cap="1/3", threshold="0")
        assert (count.level, count.winners) == ("3/2", ("b",))
        assert counted("confidence", votes, cap="1").winners == ("a",)

    def test_all_without_confidence_decide_nothing(self) -> None:
        count = counted("confidence", self.votes(("a", 1, "0"), ("b", 5, "0")))
        assert (count.winners, count.level) == ((), "0")

    @pytest.mark.parametrize(
        ("weights", "cap", "level"),
        [
            ([5], "1/2", 5),
            ([5, 1], "1/2", 1),
            ([5, 3, 1], "1/2", 4),
            ([9, 9, 1], "1/3", 1),
            ([9, 9, 1], "1/4", 1),
            ([100, 50, 1, 1, 1, 1], "1/3", 4),
            ([], "1/2", 0),
            ([0, 0], "1/2", 0),
        ],
    )
    def test_the_level_is_the_greatest_within_the_cap(
        self, weights: list[int], cap: str, level: int
    ) -> None:
        assert capped_level([Fraction(w) for w in weights], Fraction(cap)) == level


class TestPairs:
    CYCLE = {"a > b > c": 4, "b > c > a": 3, "c > a > b": 2}

    def test_a_cycle_is_cut_at_its_weakest_majority(self) -> None:
        votes = profile("abc", self.CYCLE)
        for rule in ("minimax", "schulze", "ranked_pairs", "kemeny"):
            assert counted(rule, votes).winners == ("a",), rule
        assert leaders(counted("copeland", votes)) == {"a", "b", "c"}

    def test_ranked_pairs_tell_which_majorities_are_locked(self) -> None:
        assert counted("ranked_pairs", profile("abc", self.CYCLE)).locks == (
            Lock("b", "c", kept=True),
            Lock("a", "b", kept=True),
            Lock("c", "a", kept=False),
        )

    def test_kemeny_tells_order_and_cost(self) -> None:
        count = counted("kemeny", profile("abc", self.CYCLE))
        assert (count.order, count.cost) == (("a", "b", "c"), 3 + 2 + 5)

    def test_margins_and_winning_votes_differ_where_ballots_are_truncated(self) -> None:
        votes = profile("abc", {"c > b": 5, "b": 8, "a = b > c": 8, "a > c": 9, "c": 3})
        for rule in ("minimax", "schulze", "ranked_pairs"):
            assert counted(rule, votes).winners == ("a",)
            assert counted(rule, votes, strength="margins").winners == ("b",)

    def test_an_exact_tie_of_two_is_broken_by_the_declared_order(self) -> None:
        votes = profile("ab", ["a > b", "b > a"])
        for rule in ("copeland", "minimax", "schulze", "ranked_pairs", "kemeny", "borda"):
            count = counted(rule, votes)
            assert count.tied == ("a", "b")
            assert count.winners == (min("ab", key=TIES),)

    def test_too_many_equal_majorities_are_not_tried_in_all_orders(self) -> None:
        votes = profile("abcdef", ["a > b > c > d > e > f"])
        assert ranked_pairs_winners(votes) is None
        assert counted("ranked_pairs", votes).winners == ("a",)


class TestDebian:
    def test_an_option_needs_the_quorum_and_the_ratio_over_the_default(self) -> None:
        votes = profile(
            "abcn",
            {"a > n > b > c": 5, "b > a > c > n": 4, "c > n > a > b": 3},
            default="n",
        )
        count = counted("debian", votes, quorum="5", ratio="1")
        assert count.dropped == (Dropped("b", "quorum_missed", 4, 8),)
        assert count.winners == ("a",)
        count = counted("debian", votes, ratios={"a": "4"})
        assert [one.option for one in count.dropped] == ["a", "b"]
        assert count.winners == ("c",)

    @pytest.mark.parametrize(("quorum", "winner"), [("3", "a"), ("3.0001", "n")])
    def test_the_quorum_is_met_when_it_is_just_reached(self, quorum: str, winner: str) -> None:
        votes = profile("an", {"a": 3, "n": 1}, default="n")
        assert counted("debian", votes, quorum=quorum).winners == (winner,)

    @pytest.mark.parametrize(("ratio", "winner"), [("3", "a"), ("3.0001", "n"), ("1", "a")])
    def test_the_ratio_is_met_when_it_is_just_reached(self, ratio: str, winner: str) -> None:
        votes = profile("an", {"a": 3, "n": 1}, default="n")
        assert counted("debian", votes, ratio=ratio).winners == (winner,)

    def test_as_many_for_as_against_are_not_enough(self) -> None:
        votes = profile("an", {"a": 1, "n": 1}, default="n")
        assert counted("debian", votes).winners == ("n",)

    def test_defeats_in_a_cycle_are_dropped_the_weakest_first(self) -> None:
        votes = profile(
            "abcn",
            {"a > b > c > n": 4, "b > c > a > n": 3, "c > a > b > n": 2},
            default="n",
        )
        assert counted("debian", votes).winners == ("a",)

    def test_of_two_as_strong_defeats_the_one_with_more_against_it_is_weaker(self) -> None:
        votes = profile(
            "abcn",
            {"a > b = c": 4, "b > c > a": 4, "c > a > b": 2, "c > a = b": 2},
            default="n",
        )
        # a beats b by 6:4, b beats c by 4:4 not at all, c beats a by 8:4.
        assert counted("debian", votes).winners == ("c",)


class TestRounds:
    def test_bucklin_adds_ranks_until_there_is_a_majority(self) -> None:
        count = counted("bucklin", profile("abc", {"a > b": 2, "b > c": 2, "c > b": 1}))
        assert [[int(t.votes) for t in r.tally] for r in count.rounds] == [[2, 2, 1], [2, 5, 3]]
        assert count.winners == ("b",)

    def test_without_any_majority_bucklin_elects_who_has_most_in_the_end(self) -> None:
        assert counted("bucklin", profile("abc", {"a": 2, "b": 1, "c": 1})).winners == ("a",)

    def test_ties_that_make_no_difference_are_no_ties(self) -> None:
        count = counted("instant_runoff", profile("abcd", {"a": 5, "b > a": 2, "c > b": 2}))
        assert (count.winners, count.tied, count.rounds[0].tied) == (("a",), (), ())
        count = counted("instant_runoff", profile("abcd", {"a": 4, "b > a": 2, "c > a": 2}))
        assert (count.winners, count.tied, count.rounds[1].tied) == (("a",), (), ("b", "c"))

    def test_options_that_nobody_supports_drop_together(self) -> None:
        count = counted("instant_runoff", profile("abcd", {"a": 2, "b": 2}))
        assert count.rounds[0].eliminated == ("c", "d")
        assert count.tied == ("a", "b")

    def test_small_ones_drop_together_if_so_declared(self) -> None:
        votes = profile("abcde", {"a": 9, "b": 8, "c": 1, "d > b": 2, "e > b": 3})
        count = counted("instant_runoff", votes, batch=True)
        assert [r.eliminated for r in count.rounds] == [("c", "d", "e"), ()]
        assert count.winners == counted("instant_runoff", votes).winners == ("b",)

    def test_coombs_drops_whom_most_rank_last(self) -> None:
        count = counted("coombs", profile("abc", {"a > b > c": 4, "b > a > c": 3, "c > b > a": 2}))
        assert [r.eliminated for r in count.rounds] == [("c",), ()]
        assert count.winners == ("b",)

    def test_coombs_shares_the_last_place_among_those_left_out(self) -> None:
        count = counted("coombs", profile("abc", {"a": 1, "b > c": 1, "c > b > a": 1}))
        assert [t.votes for t in count.rounds[0].last] == ["2", "1/2", "1/2"]

    def test_all_that_win_under_some_ties_are_found_up_to_a_bound(self) -> None:
        many = profile([f"o{n}" for n in range(12)], [f"o{n}" for n in range(12)])
        assert instant_runoff_winners(many) is None
        assert coombs_winners(many) is None
        assert counted("instant_runoff", many).tied == tuple(sorted(many.options))
        assert counted("coombs", many).tied == tuple(sorted(many.options))
        assert instant_runoff_winners(profile("ab", {"a": 1, "b": 1})) == ("a", "b")
        assert coombs_winners(profile("ab", {"a": 1, "b": 1})) == ("a", "b")


def test_no_rule_is_without_a_count_here() -> None:
    for name in EVERY_RULE:
        votes = profile("ab", ["a", "a", "a", "b"], default="b", eligible=4)
        assert counted(name, votes).winners == (("a",) if name != "unanimity" else ()), name


class TestParameters:
    @pytest.mark.parametrize(
        ("rule", "parameters", "field"),
        [
            ("supermajority", {"ratio": "1/2"}, "ratio"),
            ("supermajority", {"ratio": "1.1"}, "ratio"),
            ("supermajority", {"ratio": "two"}, "ratio"),
            ("supermajority", {"ratio": "1/0"}, "ratio"),
            ("supermajority", {"ratio": "1e999999999"}, "ratio"),
            ("supermajority", {"ratio": "0." + "6" * 40}, "ratio"),
            ("supermajority", {"ratio": "1/9999999999999"}, "ratio"),
            ("weighted_majority", {"threshold": "1"}, "threshold"),
            ("weighted_majority", {"thresholds": {"a": "-1"}}, "thresholds"),
            ("debian", {"quorum": "-1"}, "quorum"),
            ("debian", {"ratio": "1/2"}, "ratio"),
            ("debian", {"ratio": "much"}, "ratio"),
            ("debian", {"ratios": {"a": "0"}}, "ratios"),
            ("debian", {"ratios": {"a": "much"}}, "ratios"),
            ("confidence", {"cap": "0"}, "cap"),
            ("confidence", {"cap": "2"}, "cap"),
            ("confidence", {"threshold": "1"}, "threshold"),
        ],
    )
    def test_a_number_that_makes_no_sense_is_refused(
        self, rule: str, parameters: dict[str, object], field: str
    ) -> None:
        with pytest.raises(Rejected) as refusal:
            rule_named(rule, **parameters)
        assert (refusal.value.code, refusal.value.field) == ("vote.parameters", field)
