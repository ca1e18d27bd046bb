"""What the library demands of a persistence module, in its own test cases.

Each case is run on streams in a file, in memory and on three replicas. Only the cases about
transcoders are not: they compare the JSON of a transcoder, which is no part of a persistence
module.
"""

from __future__ import annotations

import unittest
from typing import Final

import pytest

from support.eventsourcing_cases import CASES, PLACES

_TESTS: Final = 44
"""All that the library ships for what a persistence module does; see the module's words."""


def _in_place(case: type[unittest.TestCase], place: str) -> type[unittest.TestCase]:
    made = type(f"{case.__name__}_{place}", (case,), {"place": place, "__module__": __name__})
    return pytest.mark.jetstream(pytest.mark.slow(made))


globals().update(
    {f"{case.__name__}_{place}": _in_place(case, place) for case in CASES for place in PLACES}
)


def test_no_case_is_lost() -> None:
    found = [name for case in CASES for name in unittest.TestLoader().getTestCaseNames(case)]

    assert len(found) == _TESTS
