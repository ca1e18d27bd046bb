"""Votes that need not wait for ballots which can change nothing."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given as drawing
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Closed,
    Open,
    Participant,
    is_complete,
)
from mabeam.core.session.protocol import check_opening
from mabeam.core.testing import Said, given
from mabeam.core.voting import Ballot, Profile, VoteOpened, ranking_of
from support.voting import ABC, EVERY_RULE, TIES, ballot, opening, rule_named, strict_profiles

FIVE = tuple(map(Participant, ("ann", "ben", "cyd", "dan", "eve")))
SETTLING = tuple(name for name in EVERY_RULE if rule_named(name).settles is not None)
LOOSE = ("approval", "borda", "debian", "confidence", "single_transferable_vote", "equal_shares")


def early(rule: str = "plurality", /, **fields: object) -> VoteOpened:
    given_fields = {"participants": FIVE, "revising": "first", "early": True, "default": "c"}
    return opening(rule, **(given_fields | fields))


def ballots(*rankings: str) -> tuple[Said, ...]:
    return tuple(
        ballot(voter.agent, ranking) for voter, ranking in zip(FIVE, rankings, strict=False)
    )


@pytest.mark.parametrize("rule", SETTLING)
def test_it_closes_when_one_has_more_than_half_of_all_or_what_the_rule_asks(rule: str) -> None:
    needed = {"supermajority": 4, "unanimity": 5}.get(rule, 3)
    asked = early(rule)
    enough = ballots(*["a"] * needed)
    assert not is_complete(given(SESSION, asked, *enough[:-1]).state)
    given(SESSION, asked, *enough).when_reacting(SESSIONS).then_appends(Closed(reason="complete"))


def test_it_closes_by_the_ballot_that_settled_it_whoever_speaks_on() -> None:
    settled = given(SESSION, early(), *ballots("a", "b", "a", "a")).state
    more = given(SESSION, early(), *ballots("a", "b", "a", "a", "b")).state
    assert settled.completed_id == more.completed_id == settled.spoken["dan"].event_id


def test_without_being_asked_to_it_waits_for_all() -> None:
    asked = early(early=False)
    assert not is_complete(given(SESSION, asked, *ballots("a", "a", "a", "a")).state)


def test_it_waits_for_the_quorum() -> None:
    asked = early(quorum=4)
    assert not is_complete(given(SESSION, asked, *ballots("a", "a", "a")).state)
    assert is_complete(given(SESSION, asked, *ballots("a", "a", "a", "b")).state) is False
    assert is_complete(given(SESSION, asked, *ballots("a", "a", "b", "a")).state)


def test_a_changed_ballot_settles_nothing() -> None:
    said = (*ballots("a", "a", "b"), ballot("cyd", "a"))
    assert not is_complete(given(SESSION, early(), *said).state)


@pytest.mark.parametrize("ranking", ["", "a = b"])
def test_blank_and_tied_ballots_stand_behind_nobody(ranking: str) -> None:
    said = ballots("a", "a", ranking)
    assert not is_complete(given(SESSION, early("schulze"), *said).state)


def test_weights_count() -> None:
    voters = (Participant("ann", 3), Participant("ben"), Participant("cyd"))
    assert is_complete(given(SESSION, early(participants=voters), ballot("ann", "b")).state)


@pytest.mark.parametrize(
    "asked",
    [
        *map(early, LOOSE),
        early(revising="latest"),
        early(revising="exclude"),
        early(participants=()),
    ],
)
def test_what_could_still_turn_cannot_close_early(asked: VoteOpened) -> None:
    given(SESSION).when(Open(asked)).then_rejected("vote.early", field="early")


@drawing(st.sampled_from(SETTLING), strict_profiles(3, 4, complete=False), st.integers(0, 2))
def test_no_ballot_that_is_still_to_come_changes_what_is_settled(
    name: str, heard: Profile, missing: int
) -> None:
    rule = rule_named(name)
    eligible = len(heard.ballots) + missing
    settles = rule.settles
    assert settles is not None
    firsts = [b.ranking[0][0] for b in heard.ballots]
    settled = [option for option in ABC if settles(option, firsts.count(option), eligible)]
    possible = ("", *heard.options, " > ".join(heard.options), " > ".join(heard.options[::-1]))
    for coming in product(possible, repeat=missing):
        cast = tuple(Ballot(ranking_of(text)) for text in coming if text)
        profile = Profile(heard.options, (*heard.ballots, *cast), 1, "", eligible)
        count = rule.count(profile, TIES)
        if settled:
            assert (list(count.winners), count.tied) == (settled, ())


@pytest.mark.parametrize("name", ["approval", "borda"])
def test_rules_that_never_settle_can_be_turned_by_the_last_ballot(name: str) -> None:
    heard = {
        "approval": ("a = b", "a = b", "a"),
        "borda": ("a > b > c", "a > b > c", "a > b > c"),
    }[name]
    coming = {"approval": ("b", "b"), "borda": ("b > c > a", "b > c > a")}[name]
    rule = rule_named(name)

    def winners(*rankings: str) -> tuple[str, ...]:
        cast = tuple(Ballot(ranking_of(text)) for text in rankings)
        return rule.count(Profile(ABC, cast, 1, "", 5), TIES).winners

    assert winners(*heard) != winners(*heard, *coming)


def test_the_rule_is_named_in_the_refusal() -> None:
    with pytest.raises(Rejected, match="borda may turn with the last ballot"):
        check_opening(early("borda"))
