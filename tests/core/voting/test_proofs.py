"""Decisions of votes are proved by their certificates, and forged ones are found out."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.consensus import ConsensusDecided
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import Alternative, Considered, Decision, Participant
from mabeam.core.voting import VOTE, Dropped, Lock, Round, Total, VoteDecided
from support.voting import EVERY_RULE, ballot, decided, heard, opening

TEXTS = ("winners", "tied", "order", "elected", "eliminated")
FILLED: dict[str, list[object]] = {
    **{field: [("a",)] for field in TEXTS},
    "totals": [(Total("a", "1"),)],
    "last": [(Total("a", "1"),)],
    "pairwise": [((1,),)],
    "paths": [((1,),)],
    "locks": [(Lock("a", "b", kept=True),)],
    "dropped": [(Dropped("a", "ratio_missed", 1, 2),)],
    "rounds": [(Round((Total("a", "1"),)),)],
    "alternatives": [(Alternative("eve", "a", 2, "not_eligible"),)],
    "count": [],
}
"""What is put where a decision says nothing."""


def _changed(value: object) -> list[object]:
    """Return other values of the same type, each different in one place."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, str):
        return [f"{value}x", "c" if value != "c" else "a", "9/7", "1e999999999"]
    if isinstance(value, tuple):
        value = cast("tuple[object, ...]", value)
        shorter: list[object] = [value[1:]] if value else []
        longer: list[object] = [(*value, value[0])] if value else []
        inner = [
            (*value[:n], other, *value[n + 1 :])
            for n, one in enumerate(value)
            for other in _changed(one)
        ]
        return [*shorter, *longer, *inner]
    if isinstance(value, msgspec.Struct):
        return [
            msgspec.structs.replace(value, **{field: other})
            for field in value.__struct_fields__
            for other in _changed(getattr(value, field)) or FILLED.get(field, [])
        ]
    return []


VOTES = ["a > b > c", "a > c", "b > c > a", "c > b", "a > b"]


class TestProof:
    @pytest.mark.parametrize("rule", EVERY_RULE)
    def test_whatever_is_changed_in_a_decision_is_noticed(self, rule: str) -> None:
        seats = 2 if rule in {"single_transferable_vote", "equal_shares"} else 1
        asked = opening(
            rule, default="c", seats=seats, participants=tuple(map(Participant, "pqrst"))
        )
        votes = [ballot(agent, text) for agent, text in zip("pqrst", VOTES, strict=True)]
        found = heard(asked, *votes)
        decision = VOTE.decide(found)
        VOTE.verify(found, decision)
        forged = [one for one in _changed(decision) if one != decision]
        forged += [msgspec.structs.replace(decision, count=None)]
        forged += [msgspec.structs.replace(decision, outcome="failed")]
        assert len(forged) > 20
        for one in forged:
            with pytest.raises(Rejected):
                VOTE.verify(found, cast("Decision", one))

    def test_another_kind_of_decision_proves_nothing(self) -> None:
        other = ConsensusDecided(
            outcome="decided", rule=Policy("plurality"), considered=Considered(1, 2)
        )
        with pytest.raises(Rejected) as refusal:
            VOTE.verify(heard(opening()), other)
        assert refusal.value.field == "outcome"

    def test_a_count_without_rounds_proves_nothing(self) -> None:
        for rule in ("bucklin", "instant_runoff", "coombs", "single_transferable_vote"):
            found = heard(opening(rule), ballot("ann", "a"))
            decision = VOTE.decide(found)
            assert isinstance(decision, VoteDecided)
            assert decision.count is not None
            empty = msgspec.structs.replace(decision.count, rounds=())
            with pytest.raises(Rejected):
                VOTE.verify(found, msgspec.structs.replace(decision, count=empty))

    @settings(max_examples=60)
    @given(
        rule=st.sampled_from(EVERY_RULE),
        votes=st.lists(st.sampled_from(["a", "b", "c", "a > b", "b > c > a", "c > a", ""])),
        tie_break=st.sampled_from(["canonical", "refuse"]),
        quorum=st.integers(0, 3),
        default=st.sampled_from(["", "c"]),
    )
    def test_whatever_is_decided_is_proved(
        self, rule: str, votes: list[str], tie_break: str, quorum: int, default: str
    ) -> None:
        agents = tuple(Participant(f"v{n}", 1 + n % 2) for n in range(max(len(votes), 3)))
        asked = opening(
            rule,
            default=default or ("c" if rule == "debian" else ""),
            tie_break=tie_break,
            quorum=quorum,
            participants=agents,
        )
        past = [ballot(f"v{n}", text) for n, text in enumerate(votes)]
        decision = decided(asked, *past)
        assert Fraction(decision.support or 0) <= 1
