"""Traces by OpenTelemetry: who appended what, and what followed from it.

An append is a span of its own, and its events carry where in the trace they were written. Who
handles an event does so in a span that is linked to that place, not below it: an event may be
handled long after, by many, or again. Reading and folding, and so every replay, leave no span.

Names of attributes are those of
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ where it has one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from types import TracebackType
from typing import Final, Self

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    get_current_span,
    get_tracer,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mabeam.core.envelope import Envelope, Recorded
from mabeam.core.errors import CodecError, Conflict, Fenced, Rejected
from mabeam.core.events import type_of
from mabeam.core.ports import EventStore, Guard, Write
from mabeam.core.telemetry import Follower, Handling, Role
from mabeam.infra.observability.observed import ObservedStore

__all__ = ["Tracing"]

_W3C: Final = TraceContextTextMapPropagator()


class Tracing:
    """Traces spaces. Give it to ``connect``.

    Args:
        provider: Where the spans go; the one that the program has set for itself if None.
            As long as it has set none, there are no spans.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer: Final = get_tracer("mabeam", tracer_provider=provider)

    @asynccontextmanager
    async def observing(self, store: EventStore) -> AsyncGenerator[EventStore]:
        """Return the same log, each append to which is a span."""
        yield _TracedStore(store, self._tracer)

    def following(
        self,
        space: str,  # noqa: ARG002 - as the port has it
        name: str,  # noqa: ARG002 - as the port has it
        follower: Follower,  # noqa: ARG002 - as the port has it
    ) -> AbstractContextManager[object]:
        """Leave no span: what is folded is not done."""
        return nullcontext()

    def handling(self, space: str, role: Role, recorded: Recorded | None) -> Handling:
        """Return a span, linked to the place where the event was written."""
        return _Handled(self._tracer, space, role, recorded)

    def reconnected(self, space: str) -> None:
        """Leave no span: it belongs to nothing that is done."""


class _TracedStore(ObservedStore):
    """A log each append to which is a span.

    Args:
        store: The log.
        tracer: Makes the spans.
    """

    def __init__(self, store: EventStore, tracer: Tracer) -> None:
        super().__init__(store)
        self._tracer: Final = tracer

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        """Record all events of all writes or none; return the position of the last one."""
        events = [event for write in writes for event in write.events]
        # Nothing below looks for a current span, so this one is not made the current one.
        span = self._tracer.start_span(
            _append_name(events),
            kind=SpanKind.PRODUCER,
            attributes=_append_attributes(self.space, events),
            links=[link for event in events for link in _links(event)],
        )
        try:
            placed = _placed(writes, span)
            position = await self._store.append(*placed, guards=guards)
            span.set_attribute("mabeam.position", position)
        except BaseException as error:
            _fail(span, error)
            raise
        finally:
            span.end()
        return position


def _append_name(events: list[Envelope]) -> str:
    types = {event.type for event in events}
    return f"append {types.pop()}" if len(types) == 1 else "append"


def _append_attributes(space: str, events: list[Envelope]) -> dict[str, str | int]:
    found: dict[str, str | int] = _attributes(space, "append", "send")
    if len(events) == 1:
        found |= _event_attributes(events[0])
    else:
        found["messaging.batch.message_count"] = len(events)
    if events:
        found["mabeam.commit_id"] = events[0].commitid
    return found


def _attributes(space: str, operation: str, type_: str) -> dict[str, str | int]:
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.operation.type": type_,
        "messaging.destination.name": f"mabeam.{space}",
    }


def _event_attributes(event: Envelope) -> dict[str, str | int]:
    said = {
        "messaging.message.id": event.id,
        "messaging.message.conversation_id": event.correlationid,
        "mabeam.entity": event.subject,
        "mabeam.event_type": event.type,
        "mabeam.causation_id": event.causationid,
    }
    return {name: text for name, text in said.items() if text}


def _placed(writes: Sequence[Write], span: Span) -> list[Write]:
    """Return writes whose events tell where they are written; who told already is believed."""
    place: dict[str, str] = {}
    _W3C.inject(place, set_span_in_context(span, Context()))
    return [
        msgspec.structs.replace(write, events=tuple(_at(event, place) for event in write.events))
        for write in writes
    ]


def _at(event: Envelope, place: dict[str, str]) -> Envelope:
    if event.traceparent or not place:
        return event
    return msgspec.structs.replace(event, **place)


def _links(event: Envelope) -> list[Link]:
    if not event.traceparent:
        return []
    place = {"traceparent": event.traceparent, "tracestate": event.tracestate}
    # An illegible place gives an invalid context, and no link.
    context = get_current_span(_W3C.extract(place, Context())).get_span_context()
    return [Link(context)] if context.is_valid else []


def _fail(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__name__)
    # To be second, too late or refused is an answer, and no fault of anything.
    if not isinstance(error, Conflict | Fenced | Rejected):
        span.set_status(StatusCode.ERROR, str(error))
        span.record_exception(error)


class _Handled:
    """The span of one handling; a trace of its own, whatever runs around it."""

    def __init__(self, tracer: Tracer, space: str, role: Role, recorded: Recorded | None) -> None:
        type_ = "deadline" if recorded is None else _registered_type(recorded)
        attributes = _attributes(space, "process", "process") | {"mabeam.role": role}
        if recorded is not None:
            attributes |= _event_attributes(recorded.envelope)
            attributes["mabeam.position"] = recorded.position
        self._current: Final = tracer.start_as_current_span(
            f"process {type_}".rstrip(),
            context=Context(),
            kind=SpanKind.INTERNAL if recorded is None else SpanKind.CONSUMER,
            attributes=attributes,
            links=[] if recorded is None else _links(recorded.envelope),
            record_exception=False,
            set_status_on_exception=False,
        )
        self._span: Span | None = None

    def __enter__(self) -> Self:
        self._span = self._current.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.failed(error)
        _ = self._current.__exit__(None, None, None)

    def failed(self, error: BaseException) -> None:
        assert self._span is not None
        _fail(self._span, error)


def _registered_type(recorded: Recorded) -> str:
    """Return the event's type for a name; anybody can publish any number of other ones."""
    try:
        return type_of(recorded.data)
    except CodecError:
        return ""
