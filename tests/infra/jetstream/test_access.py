"""What the server forbids is said at once, and is never mistaken for a loss."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from mabeam.core.errors import NotAuthorized, StoreUnavailable
from mabeam.core.ports import NEW, Checkpoint
from mabeam.infra.jetstream import Access, Connection, connect, open_checkpoints, open_store
from support.events import fresh_id, write
from support.reading import positions, read_all, take

pytestmark = pytest.mark.jetstream

Open = Callable[[str, Access], Awaitable[Connection]]

ADMIN = Access(user="admin", password="secret")  # noqa: S106 - of a server that lives for a second
CODER = replace(ADMIN, user="coder", inbox_prefix="_INBOX_coder")

# Far more than an answer takes, far less than anything here waits for a lost one.
PATIENCE_SECONDS = 120.0


async def test_a_stranger_is_turned_away_at_once(locked_url: str) -> None:
    for access in (None, replace(ADMIN, password="wrong"), Access(token="x")):  # noqa: S106 - as above
        with pytest.raises(NotAuthorized):
            _ = await connect(locked_url, access=access, deadline_seconds=PATIENCE_SECONDS)


async def test_an_agent_speaks_as_itself_and_as_nobody_else(
    on: Open, locked_url: str, space: str
) -> None:
    _ = await open_store(await on(locked_url, ADMIN), space)
    connection = await on(locked_url, CODER)
    store = await open_store(connection, space, create=False, patience_seconds=PATIENCE_SECONDS)
    assert await store.append(write(actor="coder", expect=NEW)) == 1
    for forged in (
        write(actor="Coder"),
        write(actor="rival", expect=1),
        write(actor="rival", count=3),
    ):
        with pytest.raises(NotAuthorized) as raised:
            _ = await store.append(forged)
        assert raised.value.subject.endswith(f".{forged.events[0].source.split('/')[-1]}")
    commit = fresh_id()
    with pytest.raises(NotAuthorized):
        _ = await store.append(
            write("session/2", 2, actor="coder", commit=commit),
            write("session/3", 2, actor="rival", commit=commit),
            write("session/4", 2, actor="coder", commit=commit),
        )
    assert await store.append(write(count=2, actor="coder", expect=1)) == 3
    assert positions(await read_all(store)) == [1, 2, 3]


async def test_a_refusal_concerns_nobody_whose_subject_differs_in_case(
    on: Open, locked_url: str, space: str
) -> None:
    """nats-py reports refused subjects in lower case, where these two are one."""
    _ = await open_store(await on(locked_url, ADMIN), space)
    store = await open_store(await on(locked_url, CODER), space, create=False)
    both = await asyncio.gather(
        store.append(write(actor="coder")),
        store.append(write(actor="CODER")),
        store.append(write(actor="coder")),
        return_exceptions=True,
    )
    assert [type(one) for one in both] == [int, NotAuthorized, int]


async def test_an_agent_reads_and_follows(on: Open, locked_url: str, space: str) -> None:
    _ = await open_store(await on(locked_url, ADMIN), space)
    store = await open_store(await on(locked_url, CODER), space, create=False)
    _ = await store.append(write(actor="coder"))
    async with store.follow() as pages:
        assert positions(await take(pages, 1)) == [1]


async def test_an_agent_may_not_make_streams(on: Open, locked_url: str, space: str) -> None:
    connection = await on(locked_url, CODER)
    with pytest.raises(NotAuthorized):
        _ = await open_store(connection, space, patience_seconds=PATIENCE_SECONDS)
    with pytest.raises(NotAuthorized):
        _ = await open_checkpoints(connection, space, patience_seconds=PATIENCE_SECONDS)


async def test_an_agent_may_not_touch_checkpoints(on: Open, locked_url: str, space: str) -> None:
    _ = await open_checkpoints(await on(locked_url, ADMIN), space)
    connection = await on(locked_url, CODER)
    checkpoints = await open_checkpoints(
        connection, space, create=False, patience_seconds=PATIENCE_SECONDS
    )
    with pytest.raises(NotAuthorized):
        await checkpoints.save(Checkpoint("agents", 1, 1, b""))


async def test_answers_that_may_not_be_heard_are_reported(on: Open, locked_url: str) -> None:
    connection = await on(locked_url, replace(CODER, inbox_prefix="_INBOX_admin"))
    with pytest.raises((NotAuthorized, StoreUnavailable)) as raised:
        _ = await open_store(connection, "team", create=False, patience_seconds=PATIENCE_SECONDS)
    assert isinstance(raised.value, NotAuthorized)
    assert raised.value.subject.startswith("_INBOX_admin.")
