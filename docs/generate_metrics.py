"""Write the reference of the metrics from their declarations.

Run it in the repository's root: `python docs/generate_metrics.py`. A test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mabeam.infra.observability.metrics.instruments import INSTRUMENTS, Instrument
from mabeam.infra.observability.metrics.watching import ANSWER_SECONDS, LOOK_SECONDS

__all__ = ["PAGE", "reference"]

PAGE: Final = Path(__file__).with_name("reference") / "metrics.md"

HEAD: Final = f"""\
# Metrics

Generated from the declarations by `python docs/generate_metrics.py`. How to have them served, and
what to raise alarms on: [watch in production](../how-to/watch-in-production.md).

Positions are places in the log. Counters begin with the process: the history that it folds when it
starts is not news. Every label is listed with its values; none holds the name of an agent or an
entity. Sessions and unreadable events are counted out of what the process follows, so each process
that looks on counts all of a space.

The log is asked for its head every {LOOK_SECONDS:g} seconds, and counts as away when it has not
answered within {ANSWER_SECONDS:g}; lags are as fresh as that. This costs one request a space,
and two more while a follower is behind.
"""


def reference() -> str:
    """Return the page."""
    return HEAD + "".join(text for one in INSTRUMENTS for text in _entry(one))


def _entry(instrument: Instrument) -> Iterator[str]:
    yield f"\n## {instrument.name}\n\n"
    yield f"A {instrument.kind}. {instrument.help}\n\n"
    for label, values in instrument.labels.items():
        yield f"- `{label}`: {values}\n"
    if instrument.buckets:
        bounds = ", ".join(f"{bound:g}" for bound in instrument.buckets)
        yield f"\nBuckets up to {bounds} seconds.\n"


if __name__ == "__main__":
    _ = PAGE.write_text(reference(), "utf-8")
