"""What many commands take: a space, a server, the form of the output."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from mabeam.app.cli.invocation import Invocation
from mabeam.app.cli.place import DATA_VARIABLE, SERVER_VARIABLE, Place, data_folder

__all__ = [
    "LOG_VARIABLE",
    "PLUGINS_VARIABLE",
    "SPACE_VARIABLE",
    "CommandT",
    "Duration",
    "as_json",
    "complete_space",
    "placed",
    "space_argument",
]

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

SPACE_VARIABLE: Final = "MABEAM_SPACE"
LOG_VARIABLE: Final = "MABEAM_LOG"
PLUGINS_VARIABLE: Final = "MABEAM_PLUGINS"
"""Modules with event types and protocols of one's own, separated by commas."""

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_STREAM: Final = "mabeam_"
_CHECKPOINTS: Final = "_checkpoints"
_LEVELS_BY_VERBOSITY: Final = ("warning", "info", "debug")


class Duration(click.ParamType[float]):
    """How long something takes, as people write it: 90, 30s, 5m, 2h. It becomes seconds."""

    name = "duration"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the seconds, or fail the command."""
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a duration such as 90, 30s, 5m or 2h", param, ctx)
        return float(found[1]) * _SECONDS[found[2] or "s"]


def space_argument(command: CommandT) -> CommandT:
    """Let a command take the name of a space."""
    return click.argument(
        "space",
        envvar=SPACE_VARIABLE,
        default="default",
        metavar="[SPACE]",
        shell_complete=complete_space,
    )(command)


def complete_space(
    context: click.Context,
    parameter: click.Parameter,  # noqa: ARG001 - click's own signature
    incomplete: str,
) -> list[str]:
    """Return the spaces of the data folder whose names begin so, without asking a server."""
    streams = data_folder(context.params.get("data")) / "jetstream" / "$G" / "streams"
    names = (path.name.removeprefix(_STREAM) for path in streams.glob(f"{_STREAM}{incomplete}*"))
    return sorted(name for name in names if not name.endswith(_CHECKPOINTS))


def as_json(command: CommandT) -> CommandT:
    """Let a command write JSON instead of text."""
    return click.option("--json", "json", is_flag=True, help="Write JSON.")(command)


def placed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take a server or data folder, as a `Place`, and set up the log lines."""

    @click.option(
        "--server",
        envvar=SERVER_VARIABLE,
        metavar="URL",
        help=f"Address of a NATS server with JetStream.  [env: {SERVER_VARIABLE}]",
    )
    @click.option(
        "--data",
        envvar=DATA_VARIABLE,
        metavar="FOLDER",
        type=click.Path(file_okay=False, path_type=Path),
        help="Without --server: folder whose server is joined, or started for as long as the "
        f"command lasts.  [env: {DATA_VARIABLE}; default: ~/.local/share/mabeam]",
    )
    @click.option("-v", "--verbose", count=True, help="Say more on stderr; -vv everything.")
    @click.pass_context
    @functools.wraps(command)
    def with_place(
        context: click.Context,
        /,
        *args: Any,  # noqa: ANN401 - whatever the command takes
        server: str | None,
        data: Path | None,
        verbose: int,
        **kwargs: Any,  # noqa: ANN401 - whatever the command takes
    ) -> object:
        context.ensure_object(Invocation).verbose = verbose
        _configure_log(verbose)
        _load_plugins()
        return command(*args, place=_place(context, server, data), **kwargs)

    return with_place


def _place(context: click.Context, server: str | None, data: Path | None) -> Place:
    typed = ParameterSource.COMMANDLINE
    server_typed = context.get_parameter_source("server") is typed
    data_typed = context.get_parameter_source("data") is typed
    if server_typed and data_typed:
        raise click.UsageError("--server and --data exclude each other")
    # What is typed counts more than what the environment says.
    return Place(None if data_typed else server, data_folder(data), explicit=data_typed)


def _load_plugins() -> None:
    """Import the modules that the environment names, from the working folder too."""
    names = [name for name in os.environ.get(PLUGINS_VARIABLE, "").split(",") if name]
    here = str(Path.cwd())
    if names and here not in sys.path:
        sys.path.insert(0, here)
    for name in names:
        try:
            import_module(name)
        except ImportError as error:
            raise click.UsageError(f"{PLUGINS_VARIABLE} names {name}: {error}") from error


def _configure_log(verbose: int) -> None:
    from mabeam.infra.observability import LEVELS, configure_log

    level = os.environ.get(LOG_VARIABLE) or _LEVELS_BY_VERBOSITY[0]
    if verbose:
        level = _LEVELS_BY_VERBOSITY[min(verbose, len(_LEVELS_BY_VERBOSITY) - 1)]
    if level.lower() not in LEVELS:
        raise click.UsageError(f"{LOG_VARIABLE} is {level!r}; allowed: {', '.join(LEVELS)}")
    configure_log(level)
