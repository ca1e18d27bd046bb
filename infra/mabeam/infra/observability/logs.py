"""Log lines: readable on a terminal, JSON anywhere else, both on one stream.

Lines of the standard library's loggers, such as those of asyncio, take the same form.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from mabeam.core.errors import ConfigurationError
from mabeam.infra.observability.terminal import shows_colours

__all__ = ["LEVELS", "bind_log", "configure_log", "quiet_log"]

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
"""Names of the levels, the most talkative first."""

# Where a line belongs, right behind what it says: the way back to the log of events.
_FIRST: Final = ("timestamp", "level", "event", "space", "position", "correlation_id")


def configure_log(
    level: str = "warning",
    *,
    stream: TextIO | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Decide what becomes of log lines in this process; the latest call counts.

    Args:
        level: Lines below this level are not written.
        stream: Where they are written; standard error if None.
        environment: Is asked for ``NO_COLOR`` and its like; that of the process if None.

    Raises:
        ConfigurationError: There is no such level. Take one of `LEVELS`.
    """
    if level.lower() not in LEVELS:
        raise ConfigurationError(f"no log level {level!r}; there are {', '.join(LEVELS)}")
    out = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _for_people(out, environment) if out.isatty() else _FOR_MACHINES
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(out),
        # A logger made before this call must follow it.
        cache_logger_on_first_use=False,
    )
    _configure_standard_library(number, out, shared, rendering)


def quiet_log() -> None:
    """Write warnings and worse to standard error, unless this process has decided otherwise.

    Left alone, structlog writes every line to standard output, where a program's own output
    belongs. A later call of `configure_log` or of structlog's own settings counts.
    """
    if not structlog.is_configured():
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            # The stream is looked up for each line, since a program may replace it.
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
            cache_logger_on_first_use=False,
        )


def bind_log(**fields: object) -> None:
    """Let every line from here on, in this task and those it starts, carry these fields."""
    structlog.contextvars.bind_contextvars(**fields)


def _for_people(out: TextIO, environment: Mapping[str, str] | None) -> tuple[Processor, ...]:
    asked = os.environ if environment is None else environment
    return (
        _in_order,
        structlog.dev.ConsoleRenderer(
            colors=shows_colours(out, asked),
            exception_formatter=structlog.dev.plain_traceback,
            sort_keys=False,
        ),
    )


def _in_order(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    known = {name: fields[name] for name in _FIRST if name in fields}
    return known | {name: value for name, value in fields.items() if name not in known}


def _as_json(fields: EventDict, **_options: object) -> str:
    return msgspec.json.encode(fields, enc_hook=str).decode()


# The traceback is text without the values of variables, which may be anybody's secrets.
_FOR_MACHINES: Final[tuple[Processor, ...]] = (
    structlog.processors.format_exc_info,
    _in_order,
    structlog.processors.JSONRenderer(serializer=_as_json),
)


def _configure_standard_library(
    number: int, out: TextIO, shared: list[Processor], rendering: tuple[Processor, ...]
) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
