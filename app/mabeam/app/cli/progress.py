"""How far long work has come, for a person who waits at a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

import click

__all__ = ["Progress"]

_SILENT_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.2


class Progress:
    """Shows count, rate and time left on standard error, after a second and only to a terminal.

    Args:
        unit: What is counted.
        total: How many there are.
        before: How many were done before, which says nothing about the rate.
    """

    def __init__(self, unit: str, total: int, before: int = 0) -> None:
        self._unit: Final = unit
        self._total: Final = total
        self._before: Final = before
        self._shows: Final = sys.stderr.isatty()
        self._began: Final = time.monotonic()
        self._next = self._began + _SILENT_SECONDS
        self._shown = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the line away again."""
        self.clear()

    def clear(self) -> None:
        """Take the line away until there is more to show."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)

    def reached(self, done: int) -> None:
        """Take note of how many are done."""
        now = time.monotonic()
        if not self._shows or now < self._next:
            return
        self._next = now + _PAUSE_SECONDS
        self._shown = True
        rate = (done - self._before) / (now - self._began)
        left = (self._total - done) / rate if rate else 0.0
        text = f"{done:,} of {self._total:,} {self._unit}, {rate:,.0f}/s, {left:.0f} s left"
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)
