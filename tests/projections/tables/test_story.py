"""What the tables tell of one history, word by word."""

from __future__ import annotations

import pytest

from mabeam.core.tables import Value
from support.story import told
from support.tabled import Tabled


@pytest.fixture(scope="module")
def tabled() -> Tabled:
    """The tables of the history."""
    return Tabled(told().log)


def columns(tabled: Tabled, table: str, *names: str) -> list[tuple[Value, ...]]:
    return [tuple(row[name] for name in names) for row in tabled.all(table)]


def test_each_bid_is_told_with_what_became_of_it_there_and_then(tabled: Tabled) -> None:
    bids = columns(tabled, "bids", "session", "agent", "amount", "standing")
    assert bids == [
        ("task", "ann", 1, "unopened"),
        ("task", "bob", 20, "valid"),
        ("task", "eve", 99, "invalid"),
        ("task", "bob", 0, "invalid"),
        ("task", "bob", 30, "valid"),
        ("task", "bob", 30, "repeated"),
        ("task", "ann", 25, "valid"),
        ("task", "cyd", 5, "valid"),
        ("task", "ann", 90, "late"),
        ("vote", "eve", 1, "invalid"),
    ]
    objections = [row["objection"] for row in tabled.all("bids") if row["standing"] == "invalid"]
    assert [str(objection).split(":")[0] for objection in objections] == [
        "not_eligible",
        "invalid",
        "not_understood",
    ]


def test_each_decision_is_told_with_the_reason_why_everything_else_lost(tabled: Tabled) -> None:
    names = ("session", "outcome", "winner", "price", "price_basis", "value", "superseded")
    assert columns(tabled, "decisions", *names) == [
        ("between", "decided", None, None, None, "0.25", 0),
        ("task", "decided", "bob", 25, "second_bid", None, 1),
        ("vote", "decided", None, None, None, "2.5", 0),
        ("nobody-came", "no_quorum", None, None, None, None, 0),
    ]
    considered = columns(tabled, "considered", "session", "agent", "said", "weight", "verdict")
    assert [row for row in considered if row[0] == "task" and row[2] != "0"] == [
        ("task", "ann", "25", 2, "outbid"),
        ("task", "bob", "30", 1, "counted"),
        ("task", "cyd", "5", 1, "below_reserve"),
        ("task", "eve", "99", None, "not_eligible"),
    ]


def test_each_value_of_a_variable_is_told_with_what_it_follows_from(tabled: Tabled) -> None:
    names = ("variable", "value", "cause", "agent", "session")
    assert columns(tabled, "variable_history", *names)[3:] == [
        ("budget", "3", "proposal", "ann", None),
        ("temperature", "1.5", "proposal", "bob", None),
        ("temperature", "0.5", "conflict", "ann", None),
        ("temperature", "1.0", "proposal", "bob", None),
        ("temperature", "0.25", "session", None, "between"),
    ]


def test_each_proposal_is_found_by_what_became_of_it(tabled: Tabled) -> None:
    fates = {
        row["proposal_position"]: row[by]
        for table, by in (("variable_history", "cause"), ("refusals", "code"))
        for row in tabled.all(table)
    }
    told_of = [
        (row["agent"], row["value"], row["is_repeated"], fates.get(row["position"]))
        for row in tabled.all("proposals")
    ]
    assert told_of == [
        ("ann", "3", False, "proposal"),
        ("bob", "4", False, "variable.stale_base"),
        ("bob", "4", True, None),
        ("ann", "99", False, "variable.out_of_range"),
        ("bob", "1.5", False, "proposal"),
        ("ann", "0.5", False, "conflict"),
        ("bob", "1.0", False, "proposal"),
        ("ann", "2.0", False, "variable.stale_base"),
    ]


def test_each_conflict_and_each_refused_decision_is_named_where_it_led_to_something(
    tabled: Tabled,
) -> None:
    resolved, refused = columns(tabled, "conflicts", "detected_position", "status", "winner")
    assert (resolved[1:], refused[1:]) == (("applied", "ann"), ("refused", None))
    followed = [row["conflict_position"] for row in tabled.all("variable_history")]
    assert [position for position in followed if position is not None] == [resolved[0]]
    blamed = columns(tabled, "refusals", "conflict_position", "session", "decision_position")
    decided = {row["session"]: row["position"] for row in tabled.all("decisions")}
    assert blamed[2:] == [
        (refused[0], None, None),
        (None, "task", decided["task"]),
        (None, "vote", decided["vote"]),
    ]


def test_each_session_is_told_to_its_end(tabled: Tabled) -> None:
    names = ("session", "protocol", "question", "phase", "outcome", "opened_by", "reserve")
    assert columns(tabled, "sessions", *names) == [
        ("between", "consensus", None, "ended", "decided", "ann", None),
        ("task", "auction", "fix the parser", "ended", "decided", "lead", 10),
        ("vote", "consensus", "How much?", "ended", "decided", "lead", None),
        ("broken", "consensus", None, "ended", "failed", "ann", None),
        ("taken-back", "auction", "a mistake", "ended", "cancelled", "ann", 0),
        ("nobody-came", "auction", "a bore", "ended", "no_quorum", "ann", 0),
    ]
