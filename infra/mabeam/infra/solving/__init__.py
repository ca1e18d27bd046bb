"""Solvers in a process of their own, which may be slow, crash or be killed without harm.

Only this package imports numpy, scipy and ortools, and only in that process.
"""

from __future__ import annotations

from mabeam.infra.solving.registry import WAYS, Way
from mabeam.infra.solving.solver import WorkerSolver

__all__ = ["WAYS", "Way", "WorkerSolver"]
