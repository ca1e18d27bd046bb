"""What can be one append."""

from __future__ import annotations

import pytest

from mabeam.core.appending import EVENTS_MAX, check_append
from mabeam.core.errors import Rejected
from mabeam.core.ports import NEW, Guard, Write
from mabeam.core.subjects import Boundary
from support.events import said, write

OWNER = Boundary("agent", "coder")
TWICE = said(commit="c")

REFUSED: dict[str, tuple[list[Write], list[Guard]]] = {
    "append.empty": ([], []),
    "append.too_many": ([write(count=EVENTS_MAX + 1)], []),
    "append.boundary_twice": ([write(commit="c"), write(commit="c")], []),
    "append.id_twice": ([Write((TWICE, TWICE))], []),
    "append.guard_twice": ([write("agent/coder", 2)], [Guard(OWNER, 1)]),
    "append.too_many_conditions": ([write(expect=NEW)], [Guard(OWNER, 1)]),
    "name.illegal": ([write()], [Guard(Boundary("", "coder"), 1)]),
}

MIXED = [
    [Write((said("session/1", commit="c"), said("session/2", commit="c")))],
    [write("session/1", commit="c"), write("session/2", commit="d")],
]


@pytest.mark.parametrize("code", REFUSED)
def test_what_is_no_append_is_refused_by_name(code: str) -> None:
    writes, guards = REFUSED[code]
    with pytest.raises(Rejected) as caught:
        check_append(writes, guards)
    assert caught.value.code == code


@pytest.mark.parametrize("writes", MIXED, ids=["entities", "commits"])
def test_what_is_not_of_one_kind_is_refused(writes: list[Write]) -> None:
    with pytest.raises(Rejected) as caught:
        check_append(writes)
    assert caught.value.code == "append.mixed"


@pytest.mark.parametrize(
    ("writes", "guards"),
    [
        ([write()], []),
        ([write(expect=NEW)], []),
        ([write()], [Guard(OWNER, NEW)]),
        ([write(count=EVENTS_MAX)], []),
        ([write(count=2, expect=NEW)], [Guard(OWNER, 7)]),
        ([write("a/1", commit="c"), write("b/1", commit="c")], [Guard(OWNER, 7)]),
    ],
)
def test_what_is_one_append_passes(writes: list[Write], guards: list[Guard]) -> None:
    check_append(writes, guards)
