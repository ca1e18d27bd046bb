"""The reference of the Python API says what the docstrings say today."""

from __future__ import annotations

import runpy
from importlib import import_module

import pytest

from docs.pages import ROOT

GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate_api.py"))
REFERENCE: str = GENERATOR["reference"]()


def test_the_reference_is_current() -> None:
    written = (ROOT / "docs" / "reference" / "python-api.md").read_text("utf-8")
    assert written == REFERENCE, "run python docs/generate_api.py"


@pytest.mark.parametrize("name", ["mabeam.app", "mabeam.agents", "mabeam.core.errors"])
def test_whatever_a_front_door_offers_is_in_the_reference(name: str) -> None:
    offered: list[str] = import_module(name).__all__
    assert [one for one in offered if f"\n### {one}\n" not in REFERENCE] == []


def test_signatures_arguments_and_errors_are_shown() -> None:
    told = REFERENCE[REFERENCE.index("#### Session.bid\n") : REFERENCE.index("#### Session.cast\n")]
    assert "await bid(amount: int, *, by: str, note: str = '') -> int" in told
    assert "- `Rejected`: " in told
    assert "async with connect(" in REFERENCE
    assert "\n- `open_for_ms`: " in REFERENCE, "an opening shows the fields of its base"
    assert "#### Boundary.parse" in REFERENCE


def test_nothing_in_it_differs_from_one_run_to_the_next() -> None:
    assert " at 0x" not in REFERENCE
    assert "<factory>" not in REFERENCE
