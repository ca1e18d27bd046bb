"""Writing: data to standard output, messages to standard error."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from mabeam.app.console.style import Style
from mabeam.app.console.table import table

__all__ = ["note", "style", "write_json", "write_lines", "write_table"]


def style(*, err: bool = False) -> Style:
    """Return how text is set apart on standard output, or on standard error."""
    from mabeam.infra.observability import shows_colours

    return Style(shows_colours(sys.stderr if err else sys.stdout, os.environ))


def note(text: str) -> None:
    """Tell a person something that is no data."""
    click.echo(style(err=True).faint(text), err=True, color=True)


def write_lines(lines: Iterable[str]) -> None:
    """Write lines of data at once."""
    click.echo("\n".join(lines), color=True)


def write_json(value: object, *, pretty: bool = False) -> None:
    """Write a value as JSON: on one line, or indented for people."""
    import msgspec

    raw = msgspec.json.encode(value, order="sorted")
    click.echo(msgspec.json.format(raw).decode() if pretty else raw.decode())


def write_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table, as wide as the terminal allows; in a pipe nothing is cut."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    write_lines(table(headings, rows, style=style(), width_max=width))
