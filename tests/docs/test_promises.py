"""The pages name each other, and the tests that keep their promises."""

from __future__ import annotations

import re

import pytest

from docs.pages import ROOT, pages
from mabeam.core import catalogue
from mabeam.core.session import PROTOCOLS

KEPT = re.compile(r"\[`(test_\w+)`\]\(([^)]+)\)")
PAGES = pages()
REGISTERED = catalogue.DOMAINS
PROMISING = [name for name, page in PAGES.items() if KEPT.search(page)]


def unkept(name: str, page: str) -> list[str]:
    """Return the tests that a page names and that do not exist where it says."""
    return [
        test
        for test, target in KEPT.findall(page)
        if f"def {test}(" not in (ROOT / name).parent.joinpath(target).read_text("utf-8")
    ]


@pytest.mark.parametrize("name", PROMISING)
def test_a_test_that_a_page_names_exists(name: str) -> None:
    assert unkept(name, PAGES[name]) == []


def test_a_promise_that_no_test_keeps_is_noticed() -> None:
    page = "[`test_all_is_well`](../../tests/docs/test_promises.py)"
    assert unkept("docs/explanation/what-is-guaranteed.md", page) == ["test_all_is_well"]


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([^)#:]+\.md)\)", PAGES["docs/README.md"]))
    written = {
        name.removeprefix("docs/")
        for name in PAGES
        if name.startswith("docs/") and not name.startswith("docs/adr/")
    }
    assert written - linked == {"README.md"}
    assert "adr/README.md" in linked


def test_every_protocol_is_in_the_table_of_choices() -> None:
    page = PAGES["docs/explanation/choose-a-protocol.md"]
    names = {p.name for o, p in PROTOCOLS.items() if o.__module__.startswith("mabeam.")}
    assert len(names) > 20
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_a_word_stands_in_the_glossary_once() -> None:
    words = re.findall(r"(?m)^\| (?!word)([^|-][^|]*) \|", PAGES["docs/glossary.md"])
    assert len(words) > 50
    assert len(words) == len(set(words))
