"""Ids that follow from others are the same everywhere, and different for different origins."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid

from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.ids import derived_id, order_key

PARTS = st.lists(st.text(max_size=6) | st.integers(), max_size=4).map(tuple)
TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@given(PARTS)
def test_a_derived_id_is_a_uuid_of_version_8(parts: tuple[str | int, ...]) -> None:
    text = derived_id(*parts)
    assert TEXT.fullmatch(text)
    assert uuid.UUID(text).variant == uuid.RFC_4122
    assert uuid.UUID(text).version == 8


@given(PARTS)
def test_the_same_parts_give_the_same(parts: tuple[str | int, ...]) -> None:
    assert derived_id(*parts) == derived_id(*parts)
    assert order_key(*parts) == order_key(*parts)


@given(PARTS, PARTS)
def test_other_parts_give_another(one: tuple[str | int, ...], two: tuple[str | int, ...]) -> None:
    if tuple(map(str, one)) != tuple(map(str, two)):
        assert derived_id(*one) != derived_id(*two)
        assert order_key(*one) != order_key(*two)


@given(st.text(max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_where_a_part_ends_matters(text: str, one: int, two: int) -> None:
    first, second = (text[:one], text[one:]), (text[:two], text[two:])
    assert (derived_id(*first) == derived_id(*second)) == (first == second)


def test_parts_that_imitate_the_separation_of_parts_are_kept_apart() -> None:
    assert derived_id("1:a", "b") != derived_id("1:a1:b")
    assert derived_id("a", "") != derived_id("a")
    assert derived_id() != derived_id("")


def test_ids_do_not_depend_on_the_process() -> None:
    code = "from mabeam.core.ids import derived_id; print(derived_id('a', 7, 'ß'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == derived_id("a", 7, "ß")


def test_ids_are_what_they_always_were() -> None:
    """An append of an earlier release that is tried again must be recognised by a later one."""
    assert derived_id("cause", "session/1", "mabeam.session.closed.v1", 0) == (
        "d1f68c91-cc89-8797-af9e-e447648ad7e5"
    )
    assert order_key("session", 7, "ann").hex() == "7951701d0a70230f1175ac29a470a7c0"
