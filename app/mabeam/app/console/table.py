"""Small tables in plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from mabeam.app.console.style import PLAIN, Style, visible

__all__ = ["fill", "table"]

_GAP: Final = "  "
_WIDE: Final = frozenset("WF")


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    style: Style = PLAIN,
    width_max: int | None = None,
) -> list[str]:
    """Return the lines of a table: numbers to the right, everything else to the left.

    Args:
        headings: Names of the columns.
        rows: As many cells each.
        style: How the headings stand out.
        width_max: Lines are cut to so many columns; None to keep all of them.
    """
    cells = [[visible(_text(value)) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(headings, *cells, strict=True)]
    to_right = [
        bool(rows) and all(_is_count(row[index]) for row in rows) for index in range(len(headings))
    ]

    def line(texts: Sequence[str]) -> str:
        placed = zip(texts, widths, to_right, strict=True)
        joined = _GAP.join(fill(text, width, right=right) for text, width, right in placed)
        return _cut(joined.rstrip(), width_max)

    return [style.faint(line(headings)), *map(line, cells)]


def fill(text: str, width: int, *, right: bool = False) -> str:
    """Return a text with blanks up to a width on the screen, on its left if it stands right."""
    blanks = " " * (width - _width(text))
    return blanks + text if right else text + blanks


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _width(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(character) in _WIDE) for character in text)


def _cut(line: str, width_max: int | None) -> str:
    if width_max is None or _width(line) <= width_max:
        return line
    while _width(line) >= width_max:
        line = line[:-1]
    return line + "…"
