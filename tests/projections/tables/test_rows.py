"""The rows that follow from events say what the fold says, whatever has happened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.actors import COORDINATOR
from mabeam.core.agent import AgentState
from mabeam.core.envelope import Envelope, Recorded, decode, encode, wire_subject
from mabeam.core.errors import UnknownEventType
from mabeam.core.session import SessionState
from mabeam.core.subjects import Boundary
from mabeam.core.tables import Column, ColumnType, Value
from mabeam.projections.plain import plain
from mabeam.projections.world import WORLD, World
from support.old_types import OFFERED, PINGED, STATED, old_event
from support.story import everything
from support.tabled import BY_NAME, Shown, Tabled, key_of, named, without_nul
from support.teams import Step, forgeries, histories, played

GOLDEN: Final = Path(__file__).parents[2] / "golden"
CURRENT: Final = ("agents", "variables", "constraints", "sessions", "conflicts", "considered")
APPENDED: Final = tuple(name for name in BY_NAME if name not in CURRENT)
# What no agent can bring about, whatever it says: these follow from what coordinators say.
DECIDED: Final = ("decisions", "considered", "conflicts", "refusals")

_FITS: Final[dict[ColumnType, Callable[[Any], object]]] = {
    "text": lambda value: isinstance(value, str) and "\0" not in value,
    "integer": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "boolean": lambda value: type(value) is bool,
    "json": lambda value: "\0" not in value and json.loads(value) is not None,
    "decimal": lambda value: re.fullmatch(r"-?\d+(\.\d+)?", value),
    "instant": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value),
}


def fits(column: Column, value: Value) -> bool:
    """Tell whether a value may stand in a column."""
    return column.is_optional if value is None else bool(_FITS[column.type](value))


def parsed(table: str, row: Shown) -> dict[str, Any]:
    """Return a row with what stands in its columns of JSON."""
    types = {column.name: column.type for column in BY_NAME[table].columns}
    return {
        name: json.loads(str(value)) if types[name] == "json" and value is not None else value
        for name, value in row.items()
    }


def wanted(world: World) -> dict[str, dict[str | int, dict[str, Any]]]:
    """Work out from a world alone what the tables of the present must say."""
    return {
        "agents": {
            name: {key: shown[key] for key in ("status", "role", "metadata", "failures")}
            | {"capabilities": shown["capabilities"]}
            for name, one in world.agents.items()
            if one.state != AgentState()
            for shown in [plain(one.state)]
        },
        "variables": {
            name: {
                "value": plain(one.state.value),
                "value_position": one.state.position,
                "changes": one.state.changes,
                "constraints": list(one.state.constraints),
                "declaration": plain(one.state.declaration.type),
                "update_policy": one.state.declaration.update,
                "scope": list(one.state.declaration.scope),
            }
            for name, one in world.variables.items()
            if one.state.declaration is not None
        },
        "constraints": {
            name: {
                "definition": plain(one.state.constraint),
                "checked_values": plain(one.state.values),
            }
            for name, one in world.constraints.items()
            if one.state.constraint is not None
        },
        "sessions": {
            name: {
                "phase": one.state.phase,
                "outcome": one.state.outcome,
                "reason": one.state.reason or None,
                "opened_by": one.state.opened_by,
                "opened_position": one.state.opened_at,
                "closed_position": one.state.closed_at or None,
                "ended_position": one.state.decided_at or None,
                "opening": plain(one.state.opening),
            }
            for name, one in world.sessions.items()
            if one.state.opening is not None
        },
        "conflicts": {
            one.detected_at: {
                "variable": one.variable,
                "status": one.status,
                "value": plain(one.value),
                "winner": one.winner or None,
                "reason": one.reason or None,
                "candidates": plain(one.candidates),
                "policy": plain(one.policy),
            }
            for one in world.conflicts.values()
        },
        "considered": {
            position: {"session": name, "agent": agent, "position": one.state.decided_at}
            for name, one in world.sessions.items()
            if one.state.decision is not None
            for agent, position in considered(one.state)
        },
    }


def considered(state: SessionState) -> list[tuple[str, int]]:
    words = [(word.agent, word.position) for word in state.spoken.values()]
    return [*words, *((word.agent, word.position) for word in state.refused.values())]


def check_present(tabled: Tabled) -> None:
    """Compare the tables of the present with the fold."""
    for table, expected in wanted(tabled.world).items():
        found = {key: parsed(table, row) for (key,), row in tabled.tables[table].items()}
        assert found.keys() == expected.keys()
        for key, fields in expected.items():
            assert {name: found[key][name] for name in fields} == without_nul(fields)


@settings(max_examples=150)
@given(histories, st.integers(0, 60))
def test_the_tables_of_the_present_say_what_the_fold_says_at_any_time(
    steps: list[Step], at: int
) -> None:
    log = played(steps)
    check_present(Tabled(log[:at]))
    check_present(Tabled(log))


@given(histories)
def test_every_value_fits_its_column_and_every_row_says_where_it_comes_from(
    steps: list[Step],
) -> None:
    log = played(steps)
    tabled = Tabled()
    for recorded in log:
        for row in tabled.apply(recorded):
            columns = BY_NAME[row.table].columns
            assert len(row.values) == len(columns)
            for column, value in zip(columns, row.values, strict=True):
                assert fits(column, value), (row.table, column.name, value)
            shown = named(row)
            assert shown["position"] == recorded.position
            moment = datetime.fromisoformat(str(shown["recorded_at"]))
            assert moment == datetime.fromtimestamp(recorded.recorded_ns // 1000 / 1e6, UTC)


@given(histories, forgeries)
def test_nothing_that_is_recorded_stops_the_tables_not_even_forgeries(
    steps: list[Step], forged: list[Step]
) -> None:
    tabled = Tabled()
    for recorded in played([*steps, *forged], settled=False):
        for row in tabled.apply(recorded):
            assert all(map(fits, BY_NAME[row.table].columns, row.values))
    check_present(tabled)


@given(histories)
def test_history_is_only_ever_added_to(steps: list[Step]) -> None:
    tabled = Tabled()
    for recorded in played(steps):
        before = {name: dict(tabled.tables[name]) for name in APPENDED}
        for row in tabled.apply(recorded):
            assert row.table in CURRENT or key_of(row) == (recorded.position,)
        for name in APPENDED:
            assert before[name].items() <= tabled.tables[name].items()


@given(histories)
def test_the_last_entry_of_a_history_is_the_present(steps: list[Step]) -> None:
    tabled = Tabled(played(steps))
    for variable in tabled.all("variables"):
        entries = [
            entry
            for entry in tabled.all("variable_history")
            if entry["variable"] == variable["variable"]
        ]
        assert entries[-1]["value"] == variable["value"]
        assert entries[-1]["position"] == variable["value_position"]
        values = [entry["value"] for entry in entries]
        previous = [entry["previous"] for entry in entries]
        assert previous == [None, *values[:-1]]
    for agent in tabled.all("agents"):
        entries = [one for one in tabled.all("agent_history") if one["agent"] == agent["agent"]]
        assert {name: entries[-1][name] for name in ("status", "role", "position")} == {
            name: agent[name] for name in ("status", "role", "position")
        }


@settings(max_examples=150)
@given(histories)
def test_a_decision_considered_the_latest_valid_and_invalid_word_of_each_speaker(
    steps: list[Step],
) -> None:
    tabled = Tabled(played(steps))
    for decision in tabled.all("decisions"):
        words = sorted(
            (int(str(word["position"])), word["agent"], word["standing"])
            for table in ("bids", "ballots")
            for word in tabled.all(table)
            if word["session"] == decision["session"]
        )
        found = {
            (row["agent"], "invalid" if row["weight"] is None else "valid"): row["word_position"]
            for row in tabled.all("considered")
            if row["session"] == decision["session"]
        }
        assert found == {
            (agent, standing): position
            for position, agent, standing in words
            if standing in {"valid", "invalid"}
        }
        for position, _, standing in words:
            assert (position > int(str(decision["considered_before"]))) == (standing == "late")
            assert (position < int(str(decision["considered_after"]))) == (standing == "unopened")


@given(histories)
def test_a_stranger_decides_nothing_and_garbage_is_listed_and_changes_nothing(
    steps: list[Step],
) -> None:
    tabled = Tabled()
    for recorded in played(steps):
        found = {row.table for row in tabled.apply(recorded)}
        if recorded.trouble is not None:
            assert found == {"unreadable"}
        else:
            assert "unreadable" not in found
        if recorded.actor != COORDINATOR:
            assert found.isdisjoint(DECIDED)


@given(histories, st.integers(0, 60), st.integers(0, 10))
def test_whoever_goes_on_from_any_position_comes_to_the_same_tables(
    steps: list[Step], at: int, back: int
) -> None:
    log = played(steps)
    first = Tabled(log[:at])
    # A process that died may have done some events without having said so; they come again.
    resumed = log[: max(at - back, 0)]
    second = Tabled((), WORLD.fold(resumed))
    second.tables = first.tables
    for recorded in log[len(resumed) :]:
        second.apply(recorded)
    assert second.tables == Tabled(log).tables


def test_every_table_and_every_column_is_filled_by_some_history() -> None:
    tabled = Tabled()
    for recorded in everything().log:
        tabled.apply(recorded)
        check_present(tabled)
    empty = [
        f"{table.name}.{column.name}"
        for table in BY_NAME.values()
        for column in table.columns
        if all(row[column.name] is None for row in tabled.all(table.name))
    ]
    assert empty == []


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_an_event_of_any_age_has_rows_or_none_but_never_fails(file: Path) -> None:
    assert Tabled([stored(1, file)]).world.position == 1


def test_all_old_events_after_each_other_give_rows_that_fit() -> None:
    files = sorted(GOLDEN.glob("*.json"))
    tabled = Tabled()
    found = [row for at, file in enumerate(files, 1) for row in tabled.apply(stored(at, file))]
    assert {row.table for row in found} >= {
        "agents",
        "variables",
        "constraints",
        "sessions",
        "bids",
    }
    assert not tabled.all("unreadable")
    for row in found:
        columns = BY_NAME[row.table].columns
        assert all(map(fits, columns, row.values))


def stored(position: int, file: Path) -> Recorded:
    """Return a golden sample as some log holds it."""
    body = file.read_bytes()
    envelope = msgspec.json.decode(body, type=Envelope)
    return decode(position, position * 10**9, wire_subject("golden", envelope), body)


def test_an_event_of_a_type_that_nobody_registered_gives_no_row() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"/ci","type":"com.example.finished"}'
    recorded = decode(1, 1, "mabeam.team.session.task.finished.ci", body)
    with pytest.raises(UnknownEventType):
        _ = recorded.data
    assert not Tabled().apply(recorded)


@pytest.mark.parametrize(
    ("amount", "shown", "standing"),
    [(7, 7, "valid"), (2**63, None, "invalid"), (-(2**70), None, "invalid")],
)
def test_what_a_column_cannot_hold_is_left_out_and_never_counts(
    amount: int, shown: int | None, standing: str
) -> None:
    opened = event("opened", b'{"lot":"x\\u0000"}')
    placed = event("bid_placed", b'{"amount":%d,"note":"a\\u0000b"}' % amount)
    log = [
        decode(1, 10**9, "mabeam.team.session.task.opened.a", opened),
        decode(2, 10**9, "mabeam.team.session.task.bid_placed.a", placed),
    ]
    tabled = Tabled(log)
    (bid,) = tabled.all("bids")
    assert (bid["amount"], bid["standing"], bid["note"]) == (shown, standing, "a\ufffdb")
    (session,) = tabled.all("sessions")
    assert session["question"] == "x\ufffd"
    assert json.loads(str(session["opening"]))["lot"] == "x\ufffd"


def test_an_old_event_that_is_several_today_gives_the_rows_of_each_part() -> None:
    it = Boundary("session", "task")
    log = [
        decode(1, 10**9, "mabeam.team.session.task.opened.a", event("opened", b'{"lot":"x"}')),
        *(
            decode(at, at * 10**9, wire_subject("team", old), encode(old, 10_000))
            for at, old in enumerate(
                (
                    old_event(OFFERED, {"amounts": [3, 5]}, it, "ann", "offered"),
                    old_event(PINGED, {}, it, "bob", "pinged"),
                    old_event(STATED, {"cents": 700}, it, "bob", "stated"),
                ),
                2,
            )
        ),
    ]
    tabled = Tabled(log[:1])
    assert [row.table for row in tabled.apply(log[1])].count("bids") == 2
    assert tabled.apply(log[2]) == ()
    assert tabled.apply(log[3])
    # A word is known by its position, so of two at one position the last one stays.
    assert [(bid["position"], bid["amount"]) for bid in tabled.all("bids")] == [(2, 5), (4, 7)]
    assert tabled.world.unreadable.count == 0


def event(name: str, data: bytes) -> bytes:
    """Return an event of an auction as somebody may have written it by hand."""
    return (
        b'{"specversion":"1.0","id":"%s","source":"/a","type":"mabeam.auction.%s.v1","data":%s}'
        % (name.encode(), name.encode(), data)
    )
