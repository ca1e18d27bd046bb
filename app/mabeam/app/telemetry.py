"""Who may look on at a space: metrics for Prometheus, traces for OpenTelemetry.

Neither library is needed without them, and neither is loaded before they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mabeam.core.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider
    from prometheus_client import CollectorRegistry

    from mabeam.infra.observability.metrics import Metrics
    from mabeam.infra.observability.tracing import Tracing

__all__ = ["metrics", "tracing"]


def metrics(registry: CollectorRegistry | None = None) -> Metrics:
    """Return metrics for ``connect(telemetry=[...])``; one for all spaces of a process.

    Args:
        registry: The registry to use, such as that of a service which has one already. Each
            takes mabeam's metrics once. A new one, with figures of the process, if None.

    Raises:
        ConfigurationError: The extra is missing: ``pip install 'mabeam[metrics]'``.
    """
    try:
        from mabeam.infra.observability.metrics import Metrics
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "metrics need prometheus-client: pip install 'mabeam[metrics]'"
        ) from error
    return Metrics(registry)


def tracing(provider: TracerProvider | None = None) -> Tracing:
    """Return traces for ``connect(telemetry=[...])``; one for all spaces of a process.

    Args:
        provider: Where the spans go; the one that the program has set for OpenTelemetry if
            None. As long as it has set none, there are no spans.

    Raises:
        ConfigurationError: The extra is missing: ``pip install 'mabeam[tracing]'``.
    """
    try:
        from mabeam.infra.observability.tracing import Tracing
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "traces need opentelemetry-api: pip install 'mabeam[tracing]'"
        ) from error
    return Tracing(provider)
