"""What it takes to show the help of the command line, in CPU time of the child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.figures import Figure, alternate
from bench.sizes import Sizes

__all__ = ["measure_start"]

CPU_MS_MAX: Final = 150.0
_HELP: Final = (str(Path(sys.executable).with_name("mabeam")), "--help")
_NOTHING: Final = (sys.executable, "-c", "pass")


async def measure_start(sizes: Sizes) -> list[Figure]:
    """Start the program and an interpreter that does nothing, in turns."""
    _cpu_ms(_HELP)  # The first start writes the compiled modules.

    async def shows_help() -> float:
        return _cpu_ms(_HELP)

    async def does_nothing() -> float:
        return _cpu_ms(_NOTHING)

    ours, raw = await alternate(sizes.starts, shows_help, does_nothing)
    return [
        Figure(
            name="mabeam --help",
            unit="ms CPU",
            ours=ours,
            raw=raw,
            against="python -c pass",
            typical="least",
            ours_max=CPU_MS_MAX,
        )
    ]


def _cpu_ms(command: tuple[str, ...]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return (usage.ru_utime + usage.ru_stime) * 1_000
