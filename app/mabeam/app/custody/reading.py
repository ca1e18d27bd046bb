"""What can only be told of a log by reading all of it. Nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from mabeam.app.custody.check import Check, Verdict
from mabeam.app.custody.glance import RESTORE, glance
from mabeam.app.custody.refold import checkpoints
from mabeam.infra.jetstream import Connection, open_store
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.audit import Audit, Sightings
from mabeam.infra.jetstream.inspection import inspect_space
from mabeam.infra.jetstream.topology import stream_name
from mabeam.infra.jetstream.transcript import stored

__all__ = ["look_at"]


async def look_at(
    connection: Connection, space: str, reached: Callable[[int], None] | None = None
) -> AsyncIterator[Check]:
    """Check everything about the log of a space, reading every message up to its head.

    Args:
        connection: Where the space is.
        space: Its name.
        reached: Called with the position that was read, page by page.

    Raises:
        NotFound: There is no such space.
        StoreUnavailable: The server did not answer in time.
    """
    report = await inspect_space(connection, space)
    for check in glance(report, space):
        yield check
    audit = Audit()
    async for page in stored(Api(connection), stream_name(space), until=report.head):
        audit.take(page)
        if reached is not None:
            reached(audit.position)
    audit.end(report.head)
    for check in _judged(audit, space, is_mirror=report.origin is not None):
        yield check
    if audit.missing.count:
        # No fold passes a gap, so there is nothing to compare saved states with.
        return
    store = await open_store(connection, space, create=False)
    for check in await checkpoints(connection, store):
        yield check


def _judged(audit: Audit, space: str, *, is_mirror: bool) -> Iterator[Check]:
    yield _judge(
        f"{space}: sequence",
        audit.missing,
        "fail",
        "positions have no event",
        RESTORE,
        f"{audit.events:,} events read, one at each position",
    )
    yield _judge(
        f"{space}: events",
        audit.illegible,
        "warn",
        "are unreadable",
        f"'mabeam tail {space} --no-follow' shows them; find out who wrote them",
        "all readable",
    )
    whole = _judge(
        f"{space}: commits",
        audit.torn,
        "fail",
        "are not whole",
        RESTORE,
        "each stands together" if is_mirror else "each is whole and stands together",
    )
    yield (
        _judge(
            whole.name,
            audit.scattered,
            "warn",
            "go on behind the events of others",
            "find the producer that gives one commit id to several appends",
            whole.found,
        )
        if whole.verdict == "ok"
        else whole
    )
    yield _judge(
        f"{space}: ids",
        audit.repeated,
        "warn",
        "stand in the history of their entity already",
        "find the producer that repeats itself; the server knows an id for ten minutes",
        "each stands once in the history of its entity",
    )
    yield _judge(
        f"{space}: times",
        audit.backwards,
        "fail",
        "events were recorded earlier than those before them",
        "let all servers keep time by NTP, since deadlines run on it",
        "never falling",
    )


def _judge(  # noqa: PLR0913, PLR0917 - a row of a table
    name: str, seen: Sightings, verdict: Verdict, wrong: str, fix: str, right: str
) -> Check:
    if not seen.count:
        return Check(name, "ok", right)
    detail = f": {seen.detail}" if seen.detail else ""
    return Check(name, verdict, f"{seen.count:,} {wrong}, at {seen}{detail}", fix)
