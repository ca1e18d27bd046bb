"""`--metrics`: measure what a command does, and serve the figures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from mabeam.infra.observability.metrics import Metrics

__all__ = ["metrics_option", "served"]

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

PORT_MAX: Final = 65_535


def metrics_option(command: CommandT) -> CommandT:
    """Let a command take where to serve metrics, as ``metrics_at``."""
    return click.option(
        "--metrics",
        "metrics_at",
        metavar="HOST:PORT",
        type=_address,
        help="Serve metrics for Prometheus here; port 0 takes any that is free.",
    )(command)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > PORT_MAX:
        raise click.BadParameter(
            f"{text!r}; allowed: HOST:PORT, such as 127.0.0.1:9464, with a port up to {PORT_MAX}"
        )
    return host, int(port)


def served(stack: ExitStack, at: tuple[str, int] | None) -> tuple[Metrics | None, str]:
    """Return who measures, and where its figures are served until the stack is closed.

    Nobody, where nobody was asked for or nothing can listen; that is said, and work goes on.

    Raises:
        ConfigurationError: The extra is missing.
    """
    from mabeam.app.cli.output import note
    from mabeam.app.telemetry import metrics
    from mabeam.core.errors import ConfigurationError

    if at is None:
        return None, ""
    measured = metrics()
    try:
        return measured, stack.enter_context(measured.served(*at))
    except ConfigurationError as error:
        note(str(error))
        return None, ""
