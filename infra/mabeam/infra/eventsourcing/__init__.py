"""A space as the persistence module of the library `eventsourcing`, for synchronous services.

Chosen by ``PERSISTENCE_MODULE=mabeam.infra.eventsourcing``. Aggregates, agents and variables
then share one log: what an `eventsourcing.application.Application` saves reaches every
follower of the space, and what agents say reaches the library's projections.

The library looks for its factory in this module, so exactly one stands here; that for dynamic
consistency boundaries is in `mabeam.infra.eventsourcing.dcb`.
"""

from __future__ import annotations

from mabeam.core.errors import ConfigurationError

try:
    from mabeam.infra.eventsourcing.errors import UnknownOutcomeError
    from mabeam.infra.eventsourcing.factory import Factory
    from mabeam.infra.eventsourcing.recorders import (
        JetStreamAggregateRecorder,
        JetStreamApplicationRecorder,
        JetStreamProcessRecorder,
        JetStreamTrackingRecorder,
    )
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "eventsourcing":
        raise
    raise ConfigurationError(
        "the package eventsourcing is not installed: pip install 'mabeam[eventsourcing]'"
    ) from error

__all__ = [
    "Factory",
    "JetStreamAggregateRecorder",
    "JetStreamApplicationRecorder",
    "JetStreamProcessRecorder",
    "JetStreamTrackingRecorder",
    "UnknownOutcomeError",
]
