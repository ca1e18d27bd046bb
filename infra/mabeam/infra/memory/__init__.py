"""The ports of the core in memory: for tests, what-if branches and single processes.

Events pass through the same bytes and subjects as on a server, so that nothing works
here that would fail there.
"""

from __future__ import annotations

from mabeam.infra.memory.checkpoints import MemoryCheckpoints
from mabeam.infra.memory.store import MemoryStore

__all__ = ["MemoryCheckpoints", "MemoryStore"]
