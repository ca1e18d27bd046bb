"""The machine's clock and ids, judged by RFC 9562 and by what sorting them promises."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.infra.system import SystemClock, SystemIds

NS_PER_MS = 1_000_000
YEAR_9999_MS = 253_402_300_799_000

TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

Entropy = Callable[[int], bytes]

milliseconds = st.integers(min_value=0, max_value=YEAR_9999_MS)


class ScriptedClock:
    """Gives the times it was told, then the last of them for ever."""

    def __init__(self, times_ms: list[int]) -> None:
        self._times_ms = times_ms
        self._next = 0

    def now_ns(self) -> int:
        now_ms = self._times_ms[min(self._next, len(self._times_ms) - 1)]
        self._next += 1
        return now_ms * NS_PER_MS


def zeros(size: int) -> bytes:
    return b"\x00" * size


def ones(size: int) -> bytes:
    return b"\xff" * size


def milliseconds_of(text: str) -> int:
    return uuid.UUID(text).int >> 80


def test_the_clock_gives_wall_time_in_nanoseconds() -> None:
    before = time.time_ns()
    now = SystemClock().now_ns()
    assert before <= now <= time.time_ns()


def test_an_id_is_the_lower_case_text_of_a_uuid_of_version_7() -> None:
    ids = SystemIds()
    for _ in range(1_000):
        text = ids.new_id()
        assert TEXT.fullmatch(text)
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


@given(milliseconds, st.sampled_from([zeros, ones, os.urandom]))
def test_an_id_begins_with_the_milliseconds_of_its_making(now_ms: int, entropy: Entropy) -> None:
    ids = SystemIds(ScriptedClock([now_ms]), entropy)
    assert milliseconds_of(ids.new_id()) == now_ms


@given(
    st.lists(milliseconds, min_size=1, max_size=60),
    st.sampled_from([zeros, ones, os.urandom]),
)
def test_ids_of_one_source_only_grow_wherever_the_clock_jumps(
    times_ms: list[int], entropy: Entropy
) -> None:
    ids = SystemIds(ScriptedClock(times_ms), entropy)
    made = [ids.new_id() for _ in range(len(times_ms) + 40)]
    assert made == sorted(set(made))
    assert all(TEXT.fullmatch(text) for text in made)


@given(st.lists(milliseconds, min_size=1, max_size=60))
def test_an_id_is_never_dated_after_the_latest_time_seen(times_ms: list[int]) -> None:
    ids = SystemIds(ScriptedClock(times_ms))
    latest = 0
    for now_ms in times_ms:
        latest = max(latest, now_ms)
        assert milliseconds_of(ids.new_id()) == latest


def test_threads_that_share_a_source_get_different_growing_ids() -> None:
    ids = SystemIds()

    def make(_: int) -> list[str]:
        return [ids.new_id() for _ in range(2_000)]

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(4)))
    assert all(batch == sorted(batch) for batch in made)
    assert len({text for batch in made for text in batch}) == 8_000


def test_two_sources_at_one_moment_do_not_meet() -> None:
    clock = ScriptedClock([1_700_000_000_000])
    first, second = SystemIds(clock), SystemIds(clock)
    one = {first.new_id() for _ in range(2_000)}
    other = {second.new_id() for _ in range(2_000)}
    assert not one & other


def test_without_entropy_two_sources_would_meet() -> None:
    """The control of the test above: it is the entropy that keeps sources apart."""
    clock = ScriptedClock([1_700_000_000_000])
    assert SystemIds(clock, zeros).new_id() == SystemIds(clock, zeros).new_id()


# Python 3.12 warns of forks beside threads; the child here takes no lock but its own.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_process_does_not_repeat_its_parents_ids() -> None:
    clock = ScriptedClock([1_700_000_000_000])
    ids = SystemIds(clock)
    _ = ids.new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _ = os.write(writing, ids.new_id().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        theirs = pipe.read()
    _ = os.waitpid(child, 0)
    assert TEXT.fullmatch(theirs)
    assert theirs != ids.new_id()
