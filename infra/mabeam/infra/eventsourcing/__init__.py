"""A space as the persistence module of the library `eventsourcing`, for synchronous services.

Chosen by ``PERSISTENCE_MODULE=mabeam.infra.eventsourcing``. Aggregates, agents and variables
then share one log: what an `eventsourcing.application.Application` saves reaches every
follower of the space, and what agents say reaches the library's projections.

The library looks for its factory in this module, so exactly one stands here; that for dynamic
consistency boundaries is in `mabeam.infra.eventsourcing.dcb`.
"""

from __future__ import annotations

from mabeam.core.errors import ConfigurationError

__all__ = [
    "Factory",
    "JetStreamAggregateRecorder",
    "JetStreamApplicationRecorder",
    "JetStreamProcessRecorder",
    "JetStreamTrackingRecorder",
]

try:
    from mabeam.infra.eventsourcing.factory import Factory
    from mabeam.infra.eventsourcing.recorders import (
        JetStreamAggregateRecorder,
        JetStreamApplicationRecorder,
        JetStreamProcessRecorder,
        JetStreamTrackingRecorder,
    )
except ModuleNotFoundError as _error:
    if (_error.name or "").partition(".")[0] != "eventsourcing":
        raise

    def __getattr__(name: str) -> object:
        """Say, to who wants something of this module, what is missing for it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        raise ConfigurationError(
            "the package eventsourcing is not installed: pip install 'mabeam[eventsourcing]'"
        )
