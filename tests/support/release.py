"""One of two releases of a team's program: ``python release.py RELEASE says|hears URL SPACE``.

The old release knows the first version of a type, the new one the second. ``says`` records
one event. ``hears`` prints what the log holds, as that release reads it. The third release
is the new one while the old one still runs somewhere: it writes as the old one does.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec

from mabeam.app.composition import open_store
from mabeam.core.envelope import envelope_of
from mabeam.core.events import Event, event_type, write_as
from mabeam.core.ports import Write
from mabeam.core.subjects import Boundary
from mabeam.core.versions import default, drop, rename, replace_type, split
from mabeam.infra.observability import quiet_log

__all__: list[str] = []

_LOT = Boundary("lot", "parser")


def _old() -> Event:
    @event_type("team.offered.v1", kind="lot")
    class Offered(Event, frozen=True, kw_only=True):
        """A lot is on offer."""

        what: str
        seller: str
        colour: str
        note: str = ""

    return Offered(what="parser", seller="Ada Byron", colour="red", note="old")


def _new() -> Event:
    @event_type("team.offered.v2", kind="lot")
    class Offered(Event, frozen=True, kw_only=True):
        """A lot is on offer."""

        lot: str
        first: str
        last: str
        hours: int
        note: str = ""

    replace_type(
        "team.offered.v1",
        "team.offered.v2",
        rename("what", "lot"),
        split("seller", ("first", "last"), str.split, lambda *names: " ".join(names)),
        drop("colour", older="grey"),
        default("hours", 1),
    )
    return Offered(lot="parser", first="Ada", last="Byron", hours=8, note="new")


def _new_beside_old() -> Event:
    event = _new()
    write_as("team.offered.v2", "team.offered.v1")
    return event


_RELEASES = {"old": _old, "new": _new, "new-beside-old": _new_beside_old}


async def _run(event: Event, verb: str, url: str, space: str) -> None:
    async with open_store(space, url) as store:
        if verb == "says":
            head = await store.head()
            told = envelope_of(event, _LOT, source="/agents/ada", id=f"offer-{head}")
            await store.append(Write((told,)))
            return
        async for page in store.read():
            for recorded in page:
                shown = {"type": recorded.type, "trouble": str(recorded.trouble or "")}
                try:
                    shown |= msgspec.to_builtins(recorded.data)
                except Exception as error:  # noqa: BLE001 - shown to the test
                    shown["error"] = type(error).__name__
                sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")


if __name__ == "__main__":
    quiet_log()
    _, _release, _verb, _url, _space = sys.argv
    asyncio.run(_run(_RELEASES[_release](), _verb, _url, _space))
