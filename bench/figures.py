"""What is measured, and the one table that shows it: ours, the raw baseline, the ratio."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import msgspec

if TYPE_CHECKING:
    # Not where pref_voting is; there no server is watched.
    from psutil import Process

__all__ = ["Figure", "Sample", "alternate", "table", "timed"]

SampleT = TypeVar("SampleT")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        name: What is measured.
        unit: Of the samples, ``events/s``.
        ours: One sample for each repetition.
        raw: As many samples of the baseline, taken in turns with ours; or none.
        against: What the baseline is.
        typical: Which sample stands for all: the median, or the least, where every
            disturbance can only add.
        ratio_min: Aim for ours through raw.
        ours_min: Aim for ours.
        ours_max: Aim for ours, where less is better.
    """

    name: str
    unit: str
    ours: tuple[float, ...]
    raw: tuple[float, ...] = ()
    against: str = ""
    typical: Literal["median", "least"] = "median"
    ratio_min: float | None = None
    ours_min: float | None = None
    ours_max: float | None = None

    def one_of(self, samples: Sequence[float]) -> float:
        """Return the sample that stands for all."""
        return min(samples) if self.typical == "least" else statistics.median(samples)

    @property
    def ratio(self) -> float | None:
        """Ours through raw, if there is a baseline, and more of it than its clock can tell."""
        raw = self.one_of(self.raw) if self.raw else 0.0
        return self.one_of(self.ours) / raw if raw else None

    @property
    def aims(self) -> tuple[tuple[str, bool], ...]:
        """Each aim in words, and whether it is reached."""
        ours, ratio = self.one_of(self.ours), self.ratio
        found: list[tuple[str, bool]] = []
        if self.ours_min is not None:
            found.append((f">= {_number(self.ours_min)}", ours >= self.ours_min))
        if self.ours_max is not None:
            found.append((f"< {_number(self.ours_max)}", ours < self.ours_max))
        if self.ratio_min is not None and ratio is not None:
            found.append((f">= {self.ratio_min:.1f}x", ratio >= self.ratio_min))
        return tuple(found)


class Sample(msgspec.Struct, frozen=True):
    """How fast something went once.

    Attributes:
        per_second: Events in a second, by the clock on the wall.
        client_us: CPU time of this process for each event, in microseconds.
        server_us: CPU time of the server for each event, in microseconds.
    """

    per_second: float
    client_us: float
    server_us: float


async def timed(server: Process, events: int, work: Awaitable[object]) -> Sample:
    """Await some work on so many events, and tell how fast it went."""
    gc.collect()
    began, began_client, began_server = time.perf_counter(), time.process_time(), _cpu(server)
    await work
    seconds, client = time.perf_counter() - began, time.process_time() - began_client
    served = _cpu(server) - began_server
    return Sample(events / seconds, client / events * 1e6, served / events * 1e6)


def _cpu(process: Process) -> float:
    spent = process.cpu_times()
    return spent.user + spent.system


async def alternate(
    repetitions: int, *runs: Callable[[], Awaitable[SampleT]]
) -> tuple[tuple[SampleT, ...], ...]:
    """Take samples of several runs in turns, so that whatever disturbs one disturbs all."""
    samples: tuple[list[SampleT], ...] = tuple([] for _ in runs)
    for _ in range(repetitions):
        for run, taken in zip(runs, samples, strict=True):
            taken.append(await run())
    return tuple(map(tuple, samples))


def table(figures: Sequence[Figure]) -> str:
    """Return all figures as one table of plain text; what raw is stands above those it is for."""
    rows = [_HEAD, *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *lines = (_line(row, widths) for row in rows)
    shown = [head, "-" * max(map(len, lines))]
    against = ""
    for figure, line in zip(figures, lines, strict=True):
        if figure.against and figure.against != against:
            against = figure.against
            shown.append(f"[raw: {against}]")
        shown.append(line)
    return "\n".join(shown)


_HEAD: Final = ("", "ours", "(spread)", "raw", "(spread)", "ratio", "aim")


def _row(figure: Figure) -> tuple[str, ...]:
    ratio = figure.ratio
    return (
        f"{figure.name}, {figure.unit}",
        _number(figure.one_of(figure.ours)),
        _spread(figure.ours),
        _number(figure.one_of(figure.raw)) if figure.raw else "",
        _spread(figure.raw),
        "" if ratio is None else f"{ratio:.2f}",
        ", ".join(f"{words} {'yes' if met else 'NO'}" for words, met in figure.aims),
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers, last = row
    cells = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=False))
    return "  ".join((first.ljust(widths[0]), *cells, last)).rstrip()


def _spread(samples: Sequence[float]) -> str:
    if len(samples) < 2:
        return ""
    return f"({_number(min(samples))}..{_number(max(samples))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
