"""A coordinator that dies between any two steps loses and doubles nothing, whatever is held."""

from __future__ import annotations

import pytest

from mabeam.core import catalogue
from mabeam.core.session import PROTOCOLS
from support.crash_cases import CASES
from support.crashing import Case, crash_at_each_append


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_session_survives_the_death_of_its_coordinator_anywhere(case: Case) -> None:
    # At least the closing and the decision, each before and after.
    assert await crash_at_each_append(case) >= 2 * 2


def test_every_protocol_is_among_them() -> None:
    ours = tuple(f"{domain.__name__}." for domain in catalogue.DOMAINS)
    known = {opening for opening in PROTOCOLS if opening.__module__.startswith(ours)}
    assert known == {type(case.opening) for case in CASES}
