"""What processes tell about themselves: log lines, metrics, traces.

This package alone configures structlog; all others only get a logger and speak.
"""

from __future__ import annotations

from mabeam.infra.observability.logs import LEVELS, bind_log, configure_log, quiet_log
from mabeam.infra.observability.terminal import shows_colours

__all__ = ["LEVELS", "bind_log", "configure_log", "quiet_log", "shows_colours"]
