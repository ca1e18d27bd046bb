"""Who says two things where only one may be said."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest

from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.session import SESSION, Participant, is_complete
from mabeam.core.testing import Said, given, said


def asked(revising: Literal["latest", "first", "exclude"]) -> ConsensusOpened:
    return ConsensusOpened(
        low=Decimal(0),
        high=Decimal(9),
        revising=revising,
        participants=(Participant("ann"), Participant("ben")),
    )


def vote(agent: str, value: int, note: str = "") -> Said:
    return said(BallotCast(value=Decimal(value), note=note), agent)


def test_the_first_word_counts_and_the_second_is_evidence() -> None:
    state = given(SESSION, asked("first"), vote("ann", 1), vote("ann", 2)).state
    assert state.spoken["ann"].position == 2
    assert state.refused["ann"].reason == "equivocated: said 1 at position 2"
    assert (state.refused["ann"].said, state.superseded) == ("2", 0)


def test_nothing_counts_of_one_who_is_excluded() -> None:
    past = (vote("ann", 1), vote("ann", 2), vote("ann", 1))
    state = given(SESSION, asked("exclude"), *past).state
    assert ("ann" in state.spoken, state.excluded["ann"]) == (False, 3)


@pytest.mark.parametrize("revising", ["first", "exclude"])
def test_the_evidence_is_not_covered_by_what_follows(revising: Literal["first", "exclude"]) -> None:
    garbage = said(BallotCast(value=Decimal("NaN")), "ann")
    state = given(SESSION, asked(revising), vote("ann", 1), vote("ann", 2), garbage).state
    assert state.refused["ann"].reason == "equivocated: said 1 at position 2"
    assert (state.refused["ann"].said, state.refused["ann"].position) == ("2", 3)


def test_nobody_waits_for_one_who_is_excluded() -> None:
    past = (vote("ann", 1), vote("ann", 2))
    assert not is_complete(given(SESSION, asked("exclude"), *past).state)
    assert is_complete(given(SESSION, asked("exclude"), *past, vote("ben", 3)).state)


def test_the_same_word_with_another_note_is_no_second_one() -> None:
    state = given(SESSION, asked("exclude"), vote("ann", 1), vote("ann", 1, "sure")).state
    assert state.spoken["ann"].position == 3
    assert not state.refused


def test_where_revising_is_allowed_the_latest_word_counts() -> None:
    state = given(SESSION, asked("latest"), vote("ann", 1), vote("ann", 2)).state
    assert (state.spoken["ann"].position, state.superseded) == (3, 1)
