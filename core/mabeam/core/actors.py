"""The one voice whose decisions count.

Agents speak for themselves; what follows from their speech is said by protocol code
alone. Folds therefore honour closings, decisions, changes and resolutions only from the
coordinator, and a server that gives each agent its own subject keeps the others from
posing as it. All coordinator processes speak with this one voice, so that whichever of
them carries out a reaction, the recorded event is the same.
"""

from __future__ import annotations

from typing import Final

from mabeam.core.envelope import Recorded

__all__ = ["COORDINATOR", "COORDINATOR_SOURCE", "from_coordinator"]

COORDINATOR: Final = "coordinator"
COORDINATOR_SOURCE: Final = f"/protocols/{COORDINATOR}"


def from_coordinator(recorded: Recorded) -> bool:
    """Tell whether protocol code said it."""
    return recorded.actor == COORDINATOR
