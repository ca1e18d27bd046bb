"""The page about the command line, made of what the commands say of themselves.

``python -m mabeam.app.cli.manual > docs/reference/cli.md`` writes it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.commands import mabeam
from mabeam.app.cli.options import LOG_VARIABLE, SPACE_VARIABLE
from mabeam.app.cli.place import DATA_VARIABLE, SERVER_VARIABLE
from mabeam.app.cli.projection import TABLES_VARIABLE

__all__ = ["manual"]

_WIDTH: Final = 80

_CODES: Final = {
    Code.OK: "everything is in order",
    Code.CHECK_FAILED: "a check failed, or the log stands elsewhere than `--expect` says",
    Code.USAGE: "the command line, a setting or a file is wrong",
    Code.NOT_FOUND: "no such space, position, event or part of the state",
    Code.UNREACHABLE: "NATS cannot be reached, or does not do what is asked",
    Code.INVALID_DATA: "an event or file is invalid, or a rule refuses it",
    Code.DIVERGED: "a recorded decision does not follow from the log",
    Code.INTERRUPTED: "interrupted by Ctrl-C or the signal TERM",
}

_VARIABLES: Final = {
    SERVER_VARIABLE: "Address of the server, as `--server`.",
    DATA_VARIABLE: "Data folder, as `--data`.",
    TABLES_VARIABLE: "Database of `mabeam projection`, as `--to`; keeps a password out of sight.",
    SPACE_VARIABLE: "The space of commands that are given none, otherwise `default`.",
    LOG_VARIABLE: "Level of log lines: `debug`, `info`, `warning`, `error` or `critical`.",
    "NO_COLOR": "No colours, if not empty.",
    "FORCE_COLOR": "Colours in pipes too, if not empty.",
}

_HEAD: Final = """\
# The command `mabeam`

<!-- Written by "python -m mabeam.app.cli.manual"; a test keeps it current. -->

Data go to standard output, messages to standard error. With `--json` a command writes one JSON
document, `mabeam tail` one on each line. Colours appear on terminals only. Commands that only read
record nothing and coordinate nothing.

## Where the log is

`--server` names a server. Without it, a command joins the server that runs on the data folder, or
starts one for as long as the command lasts; so what one command records, the next one finds. Where
several commands run at once, let `mabeam up` keep the server running.

## Places in the log

`--at` and `--since` take a position (`12`), an age (`5m` or `-5m`; units `ms s m h d`), a time in
ISO form (`2026-03-01T12:00:00Z`; without a zone, this machine's), or the id of an event. Ages and
times are by the log's own clock.
"""


def manual() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_exit_codes(), *_variables(), *_commands()])


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n\n| code | meaning |\n|---|---|"
    yield from (f"| {code.value} | {meaning} |" for code, meaning in _CODES.items())


def _variables() -> Iterator[str]:
    yield "\n## Environment\n\n| variable | meaning |\n|---|---|"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in _VARIABLES.items())


def _commands() -> Iterator[str]:
    root = click.Context(mabeam, info_name="mabeam", **mabeam.context_settings)
    for name in mabeam.list_commands(root):
        command = mabeam.get_command(root, name)
        assert command is not None
        yield from _command(command, name, root)


def _command(command: click.Command, name: str, above: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=above, terminal_width=_WIDTH)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _command(found, inner, context)
        return
    yield f"\n## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"


if __name__ == "__main__":
    sys.stdout.write(manual() + "\n")
