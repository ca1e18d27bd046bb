"""The documents stay short, complete and connected."""

from __future__ import annotations

import re

import pytest

from architecture.tidy import ROOT, Source, text_sources

DECISIONS = ROOT / "docs" / "adr"
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
FENCED = re.compile(r"(?ms)^```.*?^```")
DOCUMENTS = [source for source in text_sources() if source.path.endswith(".md")]


@pytest.mark.parametrize(
    ("name", "lines_max"), [("README.md", 80), ("ARCHITECTURE.md", 200), ("CONTRIBUTING.md", 150)]
)
def test_a_document_is_no_longer_than_its_readers_patience(name: str, lines_max: int) -> None:
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= lines_max


def test_every_decision_is_listed_once_and_every_listed_one_exists() -> None:
    written = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (DECISIONS / "README.md").read_text())
    assert written
    assert listed == written
    assert len({name[:4] for name in written}) == len(written), "a number is taken twice"


@pytest.mark.parametrize("name", sorted(path.name for path in DECISIONS.glob("[0-9]*.md")))
def test_a_decision_states_its_date_status_and_tags(name: str) -> None:
    text = (DECISIONS / name).read_text("utf-8")
    assert text.startswith("# ")
    table = dict(re.findall(r"(?m)^\| (\w+) +\| (.+?) +\|$", text))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", table["Date"])
    assert re.match(r"Proposed|Accepted|Superseded by \[", table["Status"])
    assert table["Tags"]


@pytest.mark.parametrize("component", ["core", "projections", "agents", "infra", "app"])
def test_the_code_map_names_what_there_is(component: str) -> None:
    place = f"{component}/mabeam/{component}"
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    told = page[page.index(f"`{place}/`\n: ") + len(place) :].partition("\n\n")[0]
    named = set(re.findall(r"`([a-z_]+)/?`", told))
    found = {path.stem for path in (ROOT / place).iterdir() if path.stem.isidentifier()}
    assert named - found == set(), "named, and not there"
    assert found - named - {"__init__", "__pycache__", "py"} == set(), "there, and not named"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.path)
def test_a_link_leads_to_a_file(document: Source) -> None:
    folder = (ROOT / document.path).parent
    text = FENCED.sub("", document.text)
    broken = [target for target in LINK.findall(text) if not (folder / target).exists()]
    assert broken == []
