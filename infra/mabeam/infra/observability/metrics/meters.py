"""The declared instruments as those of a Prometheus registry."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mabeam.infra.observability.metrics import instruments
from mabeam.infra.observability.metrics.instruments import Instrument

__all__ = ["Meters"]


class Meters:
    """Every instrument, registered.

    Args:
        registry: Where they are registered; each can be so once.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(found: Instrument) -> Counter:
            return Counter(found.name, found.help, list(found.labels), registry=registry)

        def gauge(found: Instrument) -> Gauge:
            return Gauge(found.name, found.help, list(found.labels), registry=registry)

        def histogram(found: Instrument) -> Histogram:
            name, labels, buckets = found.name, list(found.labels), found.buckets
            return Histogram(name, found.help, labels, buckets=buckets, registry=registry)

        self.append_seconds: Final = histogram(instruments.APPEND_SECONDS)
        self.events_recorded: Final = counter(instruments.EVENTS_RECORDED)
        self.pages_read: Final = counter(instruments.PAGES_READ)
        self.events_read: Final = counter(instruments.EVENTS_READ)
        self.events_unreadable: Final = counter(instruments.EVENTS_UNREADABLE)
        self.deliveries: Final = counter(instruments.DELIVERIES)
        self.redeliveries: Final = counter(instruments.REDELIVERIES)
        self.unsettled: Final = gauge(instruments.UNSETTLED)
        self.handling_seconds: Final = histogram(instruments.HANDLING_SECONDS)
        self.sessions_ended: Final = counter(instruments.SESSIONS_ENDED)
        self.decision_seconds: Final = histogram(instruments.DECISION_SECONDS)
        self.log_head: Final = gauge(instruments.LOG_HEAD)
        self.log_reachable: Final = gauge(instruments.LOG_REACHABLE)
        self.follower_position: Final = gauge(instruments.FOLLOWER_POSITION)
        self.follower_lag_events: Final = gauge(instruments.FOLLOWER_LAG_EVENTS)
        self.follower_lag_seconds: Final = gauge(instruments.FOLLOWER_LAG_SECONDS)
        self.tables_active: Final = gauge(instruments.TABLES_ACTIVE)
        self.tables_parked: Final = gauge(instruments.TABLES_PARKED)
        self.tables_skipped: Final = gauge(instruments.TABLES_SKIPPED)
        self.reconnects: Final = counter(instruments.RECONNECTS)
