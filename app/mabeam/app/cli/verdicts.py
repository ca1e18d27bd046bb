"""Checks as a person reads them, one by one as they come, and the exit code they end with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from mabeam.app.cli.codes import Code

if TYPE_CHECKING:
    from mabeam.app.custody.check import Check

__all__ = ["gather", "told"]


async def gather(checks: AsyncIterator[Check], *, shows: bool) -> list[Check]:
    """Return all checks, having shown each when it was done."""
    from mabeam.app.cli.output import write_lines

    found: list[Check] = []
    async for check in checks:
        found.append(check)
        if shows:
            write_lines(_lines(check))
    return found


def told(found: list[Check], *, json: bool) -> int:
    """Write all as JSON if that is wanted; return the exit code."""
    from mabeam.app.cli.output import write_json
    from mabeam.projections.world import plain

    if json:
        write_json(plain(found))
    return Code.CHECK_FAILED if any(check.verdict == "fail" for check in found) else Code.OK


def _lines(check: Check) -> list[str]:
    from mabeam.app.cli.output import style
    from mabeam.app.console.style import visible

    paint = style()
    colour = {"ok": paint.good, "warn": paint.doubtful, "fail": paint.bad}[check.verdict]
    lines = [f"{colour(f'{check.verdict:<4}')}  {check.name:<16}  {visible(check.found)}"]
    if check.fix:
        lines.append(f"      {'':<16}  {paint.strong('fix:')} {check.fix}")
    return lines
