"""The reference of the Python API says what the docstrings say today."""

from __future__ import annotations

import runpy
from importlib import import_module

import pytest

from docs.pages import ROOT
from mabeam.core.session import PROTOCOLS as PROTOCOLS_BY_OPENING

GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate_api.py"))
PAGES: dict[str, str] = {name: written() for name, written in GENERATOR["PAGES"].items()}
REFERENCE = PAGES["python-api.md"]
PROTOCOLS = PAGES["python-protocols.md"]


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_current(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text("utf-8")
    assert written == PAGES[name], "run python docs/generate_api.py"


def test_every_protocol_has_its_mechanisms_in_the_reference() -> None:
    families: dict[str, str] = GENERATOR["FAMILIES"]
    of_protocols = {opening.__module__.rpartition(".")[0] for opening in PROTOCOLS_BY_OPENING}
    ours = {package for package in of_protocols if package.startswith("mabeam.")}
    assert ours <= set(families.values())
    assert [title for title in families if f"\n## {title}\n" not in PROTOCOLS] == []


@pytest.mark.parametrize("name", ["schulze", "max_sum", "mcafee", "AgentPolicy", "policy_of"])
def test_a_mechanism_and_a_policy_are_listed(name: str) -> None:
    assert f"\n### {name}\n" in PROTOCOLS


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


@pytest.mark.parametrize("name", PAGES)
def test_nothing_in_it_differs_from_one_run_to_the_next(name: str) -> None:
    assert " at 0x" not in PAGES[name]
    assert "<factory>" not in PAGES[name]
