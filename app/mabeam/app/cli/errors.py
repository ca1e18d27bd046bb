"""Errors as a person at a terminal meets them: what is wrong, and what to do about it."""

from __future__ import annotations

from typing import Final

from mabeam.app.cli.codes import Code
from mabeam.app.console.style import visible
from mabeam.core import errors

__all__ = ["code_of", "line_of"]

# The first class that fits counts, so derived ones stand before their base.
_CODES: Final[tuple[tuple[type[Exception], Code], ...]] = (
    (errors.Rejected, Code.INVALID_DATA),
    (errors.CodecError, Code.INVALID_DATA),
    (errors.LogGap, Code.INVALID_DATA),
    (errors.NotFound, Code.NOT_FOUND),
    (errors.BackupDamaged, Code.INVALID_DATA),
    (errors.Conflict, Code.CHECK_FAILED),
    (errors.Fenced, Code.CHECK_FAILED),
    (errors.ReadOnly, Code.USAGE),
    (errors.StoreError, Code.UNREACHABLE),
    (errors.ServerFailed, Code.UNREACHABLE),
    (errors.ConfigurationError, Code.USAGE),
    (errors.ReplayDiverged, Code.DIVERGED),
    (OSError, Code.USAGE),
)

_ADVICE: Final[tuple[tuple[type[Exception], str], ...]] = (
    (errors.StoreUnavailable, "start a server with 'mabeam up', or correct --server"),
    (errors.StoreFull, "make room on the server's disk, or raise the stream's limit"),
    (errors.NotAuthorized, "use credentials that may"),
    (errors.LogGap, "do not trust this log; 'mabeam log check' looks closer"),
    (errors.ServerFailed, "'mabeam doctor' looks closer"),
    (errors.Conflict, "look at the present state and try again"),
    (errors.MabeamError, ""),
    (OSError, ""),
)
_FAULT: Final = "this is a fault of mabeam, -v shows where"


def code_of(error: Exception) -> Code:
    """Return the exit code that an error ends the command with."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Code.CHECK_FAILED)


def line_of(error: Exception) -> str:
    """Return an error in one line, with what to do where the error itself does not say."""
    text = str(error)
    if not isinstance(error, errors.MabeamError | OSError):
        text = f"{type(error).__name__}: {text}"
    if isinstance(error, errors.ProjectionError) and error.__cause__ is not None:
        text = f"{text}: {error.__cause__}"
    advice = next((advice for kind, advice in _ADVICE if isinstance(error, kind)), _FAULT)
    # The last words of a server are several lines and worth reading as such.
    shown = "\n".join(map(visible, text.splitlines()))
    return f"{shown}; {advice}" if advice else shown
