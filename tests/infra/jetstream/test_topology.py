"""The streams of a space are made once, kept up to date, and refused when they would forget."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mabeam.core.errors import ConfigurationError, NotFound, Rejected
from mabeam.infra.jetstream import Connection, open_checkpoints, open_store
from mabeam.infra.jetstream.topology import CHECKPOINTS_KEPT
from support.events import write
from support.reading import read_all

pytestmark = pytest.mark.jetstream


async def manage(connection: Connection, operation: str, body: object = None) -> dict[str, Any]:
    payload = b"" if body is None else json.dumps(body).encode()
    answer: dict[str, Any] = json.loads(
        await connection.ask(f"$JS.API.STREAM.{operation}", payload, seconds=5)
    )
    assert "error" not in answer, answer
    return answer


async def settings_of(connection: Connection, space: str) -> dict[str, Any]:
    config: dict[str, Any] = (await manage(connection, f"INFO.mabeam_{space}"))["config"]
    return config


async def test_the_log_forgets_nothing(connection: Connection, space: str) -> None:
    _ = await open_store(connection, space)
    settings = await settings_of(connection, space)
    expected = {
        "subjects": [f"mabeam.{space}.>"],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "deny_delete": True,
        "deny_purge": True,
        "allow_rollup_hdrs": False,
        "allow_msg_ttl": False,
        "allow_atomic": True,
        "allow_direct": True,
        "duplicate_window": 600 * 10**9,
    }
    assert {field: settings[field] for field in expected} == expected
    assert not settings.get("allow_msg_schedules")


async def test_opening_again_changes_nothing(connection: Connection, space: str) -> None:
    store = await open_store(connection, space)
    _ = await store.append(write())
    before = await settings_of(connection, space)
    again = await open_store(connection, space)
    assert await settings_of(connection, space) == before
    assert len(await read_all(again)) == 1


async def test_many_may_open_a_new_space_at_once(connection: Connection, space: str) -> None:
    stores = await asyncio.gather(*(open_store(connection, space) for _ in range(8)))
    assert {store.space for store in stores} == {space}


async def test_a_setting_that_may_change_is_brought_up_to_date_and_others_are_left_alone(
    connection: Connection, space: str
) -> None:
    _ = await open_store(connection, space, max_bytes=1_000_000)
    settings = await settings_of(connection, space)
    foreign = {"description": "of the team", "compression": "s2"}
    _ = await manage(connection, f"UPDATE.mabeam_{space}", settings | foreign)
    _ = await open_store(connection, space, max_bytes=2_000_000)
    found = await settings_of(connection, space)
    assert found["max_bytes"] == 2_000_000
    assert {field: found[field] for field in foreign} == foreign


async def test_what_an_operator_chose_outlasts_those_who_do_not_ask_for_it(
    connection: Connection, space: str
) -> None:
    _ = await open_store(connection, space, max_bytes=1_000_000)
    _ = await open_store(connection, space)
    assert (await settings_of(connection, space))["max_bytes"] == 1_000_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allow_rollup_hdrs", True),
        ("allow_msg_ttl", True),
        ("allow_msg_schedules", True),
        ("max_age", 3_600 * 10**9),
        ("max_msgs_per_subject", 5),
        ("discard", "old"),
        ("storage", "memory"),
        ("retention", "interest"),
    ],
)
async def test_a_stream_that_would_forget_is_refused_and_left_as_it_is(
    connection: Connection, space: str, field: str, value: object
) -> None:
    settings = {
        "name": f"mabeam_{space}",
        "subjects": [f"mabeam.{space}.>"],
        # The server itself refuses schedules beside `new`.
        "discard": "old" if field == "allow_msg_schedules" else "new",
        field: value,
    }
    _ = await manage(connection, f"CREATE.mabeam_{space}", settings)
    before = await settings_of(connection, space)
    with pytest.raises(ConfigurationError, match=field):
        _ = await open_store(connection, space)
    assert await settings_of(connection, space) == before


async def test_subjects_that_another_stream_has_are_refused(
    connection: Connection, space: str
) -> None:
    other = {"name": f"other_{space}", "subjects": [f"mabeam.{space}.session.>"]}
    _ = await manage(connection, f"CREATE.other_{space}", other)
    with pytest.raises(ConfigurationError):
        _ = await open_store(connection, space)


async def test_a_missing_space_is_not_made_by_one_who_only_opens(
    connection: Connection, space: str
) -> None:
    with pytest.raises(NotFound):
        _ = await open_store(connection, space, create=False)
    with pytest.raises(NotFound):
        _ = await open_checkpoints(connection, space, create=False)


@pytest.mark.parametrize("illegal", ["", "a b", "a.b", "*", "x" * 33])
async def test_an_illegal_name_is_rejected(connection: Connection, illegal: str) -> None:
    with pytest.raises(Rejected):
        _ = await open_store(connection, illegal)
    with pytest.raises(Rejected):
        _ = await open_checkpoints(connection, illegal)


async def test_checkpoints_are_no_part_of_the_log(connection: Connection, space: str) -> None:
    store = await open_store(connection, space)
    _ = await open_checkpoints(connection, space)
    _ = await open_checkpoints(connection, space)
    settings = await settings_of(connection, f"{space}_checkpoints")
    assert settings["subjects"] == [f"mabeam_checkpoint.{space}.>"]
    assert settings["max_msgs_per_subject"] == CHECKPOINTS_KEPT
    assert await store.head() == 0
