"""The factory that the library asks for recorders."""

from __future__ import annotations

from typing import TypeVar

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    ProcessRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from mabeam.infra.eventsourcing.recorders import (
    JetStreamAggregateRecorder,
    JetStreamApplicationRecorder,
    JetStreamProcessRecorder,
    JetStreamRecorder,
    JetStreamSnapshotRecorder,
    JetStreamTrackingRecorder,
)
from mabeam.infra.eventsourcing.session import Session
from mabeam.infra.eventsourcing.settings import Settings

__all__ = ["Factory"]

RecorderT = TypeVar("RecorderT", bound=JetStreamRecorder)


class Factory(InfrastructureFactory[JetStreamTrackingRecorder]):
    """Makes recorders over one space.

    Args:
        env: The environment of an application; `docs/how-to/use-eventsourcing.md` has a
            table of its variables.

    Raises:
        InfrastructureFactoryError: A variable is missing or has an illegal value.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.session = Session(Settings.of(self.env))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Return a recorder for events, or for snapshots if that is the purpose."""
        if purpose == "snapshots":
            return JetStreamSnapshotRecorder(self.session, self.session.snapshots())
        return JetStreamAggregateRecorder(self.session)

    def application_recorder(self) -> ApplicationRecorder:
        """Return a recorder for the events of an application."""
        made = self._chosen(self.APPLICATION_RECORDER_TOPIC, JetStreamApplicationRecorder)
        return made(self.session)

    def tracking_recorder(
        self, tracking_recorder_class: type[JetStreamTrackingRecorder] | None = None
    ) -> JetStreamTrackingRecorder:
        """Return a recorder for tracking, such as a view derived from ours."""
        if tracking_recorder_class is None:
            made = self._chosen(self.TRACKING_RECORDER_TOPIC, JetStreamTrackingRecorder)
        else:
            made = _derived(tracking_recorder_class, JetStreamTrackingRecorder)
        return made(self.session)

    def process_recorder(self) -> ProcessRecorder:
        """Return a recorder for events that follow from those of an upstream sequence."""
        made = self._chosen(self.PROCESS_RECORDER_TOPIC, JetStreamProcessRecorder)
        return made(self.session)

    def close(self) -> None:
        """End the subscriptions, and give the connection back."""
        self.session.close()

    def _chosen(self, variable: str, default: type[RecorderT]) -> type[RecorderT]:
        topic = self.env.get(variable)
        return _derived(resolve_topic(topic), default) if topic else default


def _derived(made: object, base: type[RecorderT]) -> type[RecorderT]:
    if isinstance(made, type) and issubclass(made, base):
        return made
    raise InfrastructureFactoryError(f"{made!r} is not derived from {base.__qualname__}")
