"""Scenarios: files that say who takes part, what is at stake, and what happens in which order."""

from __future__ import annotations

from mabeam.app.scenario.expecting import unmet
from mabeam.app.scenario.model import Scenario
from mabeam.app.scenario.playing import Chapter, play
from mabeam.app.scenario.reading import parsed, scenario_in

__all__ = ["Chapter", "Scenario", "parsed", "play", "scenario_in", "unmet"]
