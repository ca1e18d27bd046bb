"""The parts of a Markdown page: blocks of code and tables, found by the heading above them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["DOCS", "blocks", "table", "without_ticks"]

DOCS = Path(__file__).parents[2] / "docs"
_HEADING = r"(?m)^#+ "
_FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")


def blocks(page: str, heading: str, language: str) -> list[str]:
    """Return the blocks of code of one language below a heading."""
    return [text for found, text in _FENCE.findall(_section(page, heading)) if found == language]


def table(page: str, heading: str, head: str) -> list[list[str]]:
    """Return the rows of the table whose first column has a head, below a heading."""
    lines = _section(page, heading).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows: list[list[str]] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" |")])
    return rows


def without_ticks(cell: str) -> str:
    """Return what a cell shows as code."""
    return cell.strip("`")


def _section(page: str, heading: str) -> str:
    text = (DOCS / page).read_text("utf-8")
    found = [part for part in _split(text) if part.startswith(f"{heading}\n")]
    assert len(found) == 1, f"{page} has {len(found)} sections {heading!r}"
    return found[0]


def _split(text: str) -> list[str]:
    # A line of code may begin like a heading, so code is hidden while headings are sought.
    hidden = _FENCE.sub(lambda found: re.sub(r"(?m)^#", "\0", found[0]), text)
    return [part.replace("\0", "#") for part in re.split(_HEADING, hidden)]
