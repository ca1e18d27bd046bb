"""Events for tests, with fresh ids unless told otherwise."""

from __future__ import annotations

from typing import Final

import msgspec

from mabeam.core.envelope import Envelope
from mabeam.core.ports import ANY, EventStore, Write
from mabeam.infra.system import SystemIds

__all__ = ["append_each", "fresh_id", "said", "write"]

fresh_id: Final = SystemIds().new_id


def said(
    subject: str = "session/1",
    text: str = "hello",
    *,
    event: str = "test.said.v1",
    actor: str = "ann",
    id: str | None = None,  # noqa: A002 - the CloudEvents word
    commit: str | None = None,
) -> Envelope:
    """Return an event of one actor about one entity."""
    return Envelope(
        specversion="1.0",
        id=fresh_id() if id is None else id,
        source=f"/agents/{actor}",
        type=event,
        subject=subject,
        datacontenttype="application/json",
        commitid=fresh_id() if commit is None else commit,
        data=msgspec.Raw(msgspec.json.encode({"text": text})),
    )


def write(
    subject: str = "session/1",
    count: int = 1,
    *,
    expect: int | None = ANY,
    commit: str | None = None,
    actor: str = "ann",
) -> Write:
    """Return a write of several events to one entity."""
    commit = fresh_id() if commit is None else commit
    return Write(
        tuple(said(subject, str(number), actor=actor, commit=commit) for number in range(count)),
        expect,
    )


async def append_each(store: EventStore, count: int, entity: str = "1") -> None:
    """Append events to one session, one after the other."""
    for _ in range(count):
        _ = await store.append(write(f"session/{entity}"))
