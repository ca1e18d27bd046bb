"""The pages about metrics name those that there are."""

from __future__ import annotations

import re
import runpy

import pytest

from docs.pages import ROOT
from mabeam.infra.observability.metrics.instruments import INSTRUMENTS, Instrument

GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate_metrics.py"))
GUIDE = ROOT / "docs" / "how-to" / "watch-in-production.md"


def series(instrument: Instrument) -> set[str]:
    """Return the names under which a metric is fetched."""
    if instrument.kind != "histogram":
        return {instrument.name}
    return {f"{instrument.name}_{part}" for part in ("bucket", "count", "sum")}


SERIES = set[str]().union(*map(series, INSTRUMENTS))


def unknown(text: str) -> set[str]:
    """Return the metrics that a text names and that nobody declares."""
    return set(re.findall(r"\bmabeam_\w+", text)) - SERIES


def test_the_reference_is_current() -> None:
    written = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    assert written == GENERATOR["reference"](), "run python docs/generate_metrics.py"


def test_alarms_are_raised_on_what_is_measured() -> None:
    guide = GUIDE.read_text("utf-8")
    assert unknown(guide) == set()
    assert unknown("rate(mabeam_appends_total[5m])") == {"mabeam_appends_total"}


@pytest.mark.parametrize("label", ["outcome", "follower", "role", "since"])
def test_alarms_look_at_values_that_there_are(label: str) -> None:
    known = " ".join(one.labels.get(label, "") for one in INSTRUMENTS)
    asked = re.findall(rf'{label}=~?"([^"]+)"', GUIDE.read_text("utf-8"))
    values = {value for found in asked for value in found.split("\\|")}
    assert {value for value in values if f"`{value}`" not in known} == set()
