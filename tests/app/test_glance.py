"""What a server says of a log is judged as it deserves, without a server here."""

from __future__ import annotations

import msgspec
import pytest

from mabeam.app.custody.glance import glance
from mabeam.infra.jetstream.answers import Copy, Keepers, Origin
from mabeam.infra.jetstream.inspection import ConsumerReport, SpaceReport

SOUND = SpaceReport(
    events=9,
    first=1,
    head=9,
    size_bytes=1_000,
    clock_ns=0,
    deviations=(),
    consumers=(ConsumerReport("work", 0, 0, is_attended=True, settled_up_to=9),),
    closed="",
    keepers=Keepers("n0", (Copy("n1", current=True), Copy("n2", current=True))),
    origin=None,
)
FEED = ConsumerReport("feed_1", 0, 0, is_attended=True, settled_up_to=99)
SECOND_NS = 1_000_000_000


def faults(report: SpaceReport) -> dict[str, str]:
    checks = list(glance(report, "team"))
    assert all(bool(check.fix) == (check.verdict != "ok") for check in checks)
    return {
        check.name.removeprefix("team: "): f"{check.verdict}: {check.found}"
        for check in checks
        if check.verdict != "ok"
    }


def but(**changes: object) -> dict[str, str]:
    return faults(msgspec.structs.replace(SOUND, **changes))


def test_a_sound_log_gives_no_cause_for_anything() -> None:
    assert faults(SOUND) == {}
    assert but(events=0, first=0, head=0, consumers=()) == {}
    assert but(consumers=(FEED,)) == {}


@pytest.mark.parametrize(
    ("keepers", "found"),
    [
        (Keepers("", (Copy("n1"), Copy("n2"))), "fail: no server leads the stream"),
        (
            Keepers("n0", (Copy("n1", current=True), Copy("n2", offline=True))),
            "warn: 3, but n2 cannot be reached",
        ),
        (
            Keepers("n0", (Copy("n1", lag=4), Copy("n2", offline=True))),
            "warn: 3, but n2 cannot be reached; n1 lags",
        ),
    ],
)
def test_missing_leaders_and_copies_are_told(keepers: Keepers, found: str) -> None:
    assert but(keepers=keepers) == {"copies": found}


def test_missing_positions_are_counted() -> None:
    assert but(events=7) == {"positions": "fail: of 9 positions 2 have no event"}


@pytest.mark.parametrize(
    ("lag", "active", "found"),
    [
        (0, SECOND_NS, ""),
        (3, SECOND_NS, "warn: of mabeam_team at $JS.hub.API, 3 events behind"),
        (0, 90 * SECOND_NS, "as far as known, last heard 90 s ago"),
        (0, -1, "as far as known, never heard"),
    ],
)
def test_a_mirror_tells_how_far_it_is_behind(lag: int, active: int, found: str) -> None:
    origin = Origin("mabeam_team", lag, active, {"api": "$JS.hub.API"})
    assert found in but(origin=origin).get("mirror", "")
    assert bool(found) == bool(but(origin=origin))


def test_a_consumer_ahead_of_the_log_is_told() -> None:
    ahead = (ConsumerReport("work", 0, 0, is_attended=True, settled_up_to=12),)
    assert but(consumers=ahead) == {"consumer work": "fail: has settled 12, and the log ends at 9"}


def test_an_archive_is_said_to_be_one() -> None:
    report = msgspec.structs.replace(SOUND, closed="it is an archive, sealed for ever")
    assert "archive" in next(glance(report, "team")).found
