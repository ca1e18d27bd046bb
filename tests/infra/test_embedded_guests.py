"""Guests of a server keep it running, and never wait for one that is gone."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from mabeam.infra.embedded.guests import Guests

HOLD = """
import asyncio, sys
from pathlib import Path
from mabeam.infra.embedded.guests import Guests
guests = Guests(Path(sys.argv[1]))
asyncio.run(guests.enter())
sys.stdout.write("in\\n"); sys.stdout.flush()
sys.stdin.read()
"""


async def test_several_may_be_guests_at_once(tmp_path: Path) -> None:
    first, second = Guests(tmp_path), Guests(tmp_path)
    await first.enter()
    await second.enter()
    first.leave()
    second.leave()


async def test_a_host_waits_for_all_its_guests(tmp_path: Path) -> None:
    host, first, second = Guests(tmp_path), Guests(tmp_path), Guests(tmp_path)
    for guests in (host, first, second):
        await guests.enter()
    seen_off = asyncio.create_task(host.see_off())
    first.leave()
    done, _ = await asyncio.wait({seen_off}, timeout=0.1)
    assert not done
    second.leave()
    await seen_off
    host.leave()


async def test_a_new_guest_waits_until_the_host_has_left(tmp_path: Path) -> None:
    host, late = Guests(tmp_path), Guests(tmp_path)
    await host.see_off()
    entered = asyncio.create_task(late.enter())
    done, _ = await asyncio.wait({entered}, timeout=0.1)
    assert not done
    host.leave()
    await entered
    late.leave()


async def test_a_guest_that_is_killed_keeps_nobody_waiting(tmp_path: Path) -> None:
    guest = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(tmp_path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert guest.stdout is not None
    assert await guest.stdout.readline() == b"in\n"
    host = Guests(tmp_path)
    seen_off = asyncio.create_task(host.see_off())
    done, _ = await asyncio.wait({seen_off}, timeout=0.1)
    assert not done
    guest.kill()
    await seen_off
    host.leave()
    await guest.communicate()


async def test_leaving_twice_does_nothing(tmp_path: Path) -> None:
    guests = Guests(tmp_path)
    guests.leave()
    await guests.enter()
    guests.leave()
    guests.leave()


async def test_a_folder_that_is_not_there_stops_nobody(tmp_path: Path) -> None:
    guests = Guests(tmp_path / "absent")
    await guests.enter()
    await guests.see_off()
    guests.leave()


@pytest.mark.parametrize("enters", [True, False], ids=["guest", "host"])
async def test_waiting_can_be_cancelled(tmp_path: Path, *, enters: bool) -> None:
    present, waiting = Guests(tmp_path), Guests(tmp_path)
    await (present.see_off() if enters else present.enter())
    task = asyncio.create_task(waiting.enter() if enters else waiting.see_off())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    waiting.leave()
    present.leave()
