"""Paths into a plain state."""

from __future__ import annotations

from typing import Any

import pytest

from mabeam.app.scenario.paths import at_path
from mabeam.core.errors import NotFound

STATE: dict[str, Any] = {
    "agents": {"a.b": {"role": "x"}, "a": {"role": "y", "b": {"role": "z"}}},
    "list": [{"n": 1}, {"n": 2}],
    "empty": {},
    "number": 3,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", STATE),
        ("number", 3),
        ("agents.a.role", "y"),
        ("agents.a.b.role", "x"),
        ("list.1.n", 2),
        ("list.*.n", [1, 2]),
        ("agents.*.role", ["x", "y"]),
        ("empty.*", []),
        ("empty.*.anything", []),
        ("*.0.n", None),
    ],
)
def test_a_path_leads_to_a_part(path: str, expected: object) -> None:
    if expected is None:
        with pytest.raises(NotFound):
            at_path(STATE, path)
    else:
        assert at_path(STATE, path) == expected


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("agnets", "nothing is at 'agnets' in the state; there is agents, list, empty, number"),
        ("agents.c", "nothing is at 'c' in agents; there is a.b, a"),
        ("number.x", "nothing is at 'x', because number has no parts"),
        ("list.9", "nothing is at '9' in list; there is 0, 1"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_with_what_there_is(path: str, said: str) -> None:
    with pytest.raises(NotFound) as raised:
        at_path(STATE, path)
    assert str(raised.value) == said


def test_many_names_are_cut() -> None:
    with pytest.raises(NotFound, match="n11…"):
        at_path({f"n{number}": 0 for number in range(40)}, "x")
