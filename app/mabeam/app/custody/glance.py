"""What can be told of a log without reading it: from what its server says. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mabeam.app.custody.check import Check
from mabeam.infra.jetstream.inspection import ConsumerReport, SpaceReport

__all__ = ["RESTORE", "glance"]

HEARD_NS_MAX: Final = 30_000_000_000
"""A mirror that has heard nothing for so long is cut off: heartbeats come much oftener."""

RESTORE: Final = "keep this log as it is, and restore the last backup onto another server"


def glance(report: SpaceReport, space: str) -> Iterator[Check]:
    """Judge settings, copies, positions, origin and consumers of a log."""
    yield _settings(report, space)
    yield _copies(report, space)
    yield _positions(report, space)
    if report.origin is not None:
        yield _mirrored(report, space)
    yield from _consumed(report, space)


def _settings(report: SpaceReport, space: str) -> Check:
    """Judge whether the stream is what a log must be."""
    name = f"{space}: stream"
    size = f"{report.events:,} events, {report.size_bytes / 2**20:,.1f} MiB"
    if report.deviations:
        fix = f"'mabeam up {space}' mends what can be changed in a stream"
        return Check(name, "fail", f"{size}; {', '.join(report.deviations)}", fix)
    return Check(name, "ok", f"{size}; {report.closed}" if report.closed else size)


def _copies(report: SpaceReport, space: str) -> Check:
    """Judge whether somebody leads the stream and all its copies are current."""
    name = f"{space}: copies"
    keepers = report.keepers
    if not keepers.leader:
        fix = "start the servers that are missing; a majority elects a leader by itself"
        return Check(name, "fail", "no server leads the stream", fix)
    number = 1 + len(keepers.replicas)
    away = [copy.name for copy in keepers.replicas if copy.offline]
    behind = [copy.name for copy in keepers.replicas if not copy.current and not copy.offline]
    if away or behind:
        found = [f"{', '.join(away)} cannot be reached"] if away else []
        found += [f"{', '.join(behind)} lags"] if behind else []
        fix = "start that server, or wait until it has caught up, before another is stopped"
        return Check(name, "warn", f"{number}, but {'; '.join(found)}", fix)
    said = "one" if number == 1 else f"{number}, all current"
    return Check(name, "ok", f"{said}; {keepers.leader} leads")


def _positions(report: SpaceReport, space: str) -> Check:
    """Judge whether there is an event at every position from the first to the head."""
    name = f"{space}: positions"
    missing = report.head - report.events
    if missing:
        began = f", it begins at {report.first:,}" if report.first > 1 else ""
        found = f"of {report.head:,} positions {missing:,} have no event{began}"
        return Check(name, "fail", found, RESTORE)
    return Check(name, "ok", f"1 to {report.head:,}, none missing" if report.head else "none yet")


def _mirrored(report: SpaceReport, space: str) -> Check:
    """Judge how far a mirror is behind."""
    name = f"{space}: mirror"
    origin = report.origin
    assert origin is not None, "it is no mirror"
    where = (origin.external or {}).get("api", "this server")
    found = f"of {origin.name} at {where}, {origin.lag:,} events behind"
    if not 0 <= origin.active <= HEARD_NS_MAX:
        heard = (
            f"last heard {origin.active / 1e9:,.0f} s ago" if origin.active > 0 else "never heard"
        )
        fix = "see whether the servers are connected; a mirror resumes by itself"
        return Check(name, "warn", f"{found} as far as known, {heard}", fix)
    return Check(name, "warn" if origin.lag else "ok", found, "wait for it" if origin.lag else "")


def _consumed(report: SpaceReport, space: str) -> Iterator[Check]:
    """Judge those who share the events: none may have settled what is not there."""
    for consumer in report.consumers:
        # A reader that goes on by itself has no share in anything.
        if not consumer.name.startswith("feed_"):
            yield _consumer(consumer, report.head, f"{space}: consumer {consumer.name}")


def _consumer(consumer: ConsumerReport, head: int, name: str) -> Check:
    if consumer.settled_up_to > head:
        found = f"has settled {consumer.settled_up_to:,}, and the log ends at {head:,}"
        return Check(name, "fail", found, f"the log lost events or was replaced: {RESTORE}")
    if consumer.again:
        found = f"{consumer.again:,} events were handed out again and are not settled yet"
        fix = "if that number stays, see the log lines of the processes that consume"
        return Check(name, "warn", found, fix)
    return Check(name, "ok", f"settled up to {consumer.settled_up_to:,} of {head:,}")
