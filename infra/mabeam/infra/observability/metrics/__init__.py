"""Metrics of the spaces that a process is connected to. Needs the extra ``metrics``."""

from __future__ import annotations

from mabeam.infra.observability.metrics.measuring import Metrics

__all__ = ["Metrics"]
