"""Auctions in tests: hear, decide and prove them, and forge their decisions in every field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mabeam.core.errors import Rejected
from mabeam.core.session import (
    SESSION,
    Closed,
    Decision,
    Hearing,
    Opening,
    SessionState,
    hearing,
    protocol_of,
)
from mabeam.core.testing import Past, given
from mabeam.core.testing.history import ENTITY

__all__ = ["CLOSED", "expect_refused", "forgeries", "heard", "proved", "reasons", "state_of"]

CLOSED = Closed(reason="deadline")


def state_of(opening: Opening, *past: Past) -> SessionState:
    """Return a session after its past."""
    return given(SESSION, opening, *past).state


def heard(opening: Opening, *past: Past) -> Hearing[Any]:
    """Return the hearing of a session that is closed after its past."""
    return hearing(ENTITY, state_of(opening, *past, CLOSED))


def proved(opening: Opening, *past: Past) -> Any:  # noqa: ANN401 - of the protocol's class
    """Decide a closed session, and let the certificate prove it."""
    found, protocol = heard(opening, *past), protocol_of(opening)
    decision = protocol.decide(found)
    protocol.verify(found, decision)
    return decision


def expect_refused(found: Hearing[Any], decision: Decision) -> None:
    """Expect a decision to be disproved by its certificate.

    Raises:
        pytest.fail.Exception: It is proved.
    """
    with pytest.raises(Rejected) as caught:
        protocol_of(found.opening).verify(found, decision)
    assert caught.value.code == "auction.certificate"
    assert caught.value.field


def forgeries(decision: Decision) -> Iterator[Any]:
    """Yield a decision with every field, and every field of what it lists, changed."""
    for field in decision.__struct_fields__:
        if field == "alternatives":
            continue
        for value in _others(getattr(decision, field)):
            yield msgspec.structs.replace(decision, **{field: value})


def _others(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any field
    match value:
        case None:
            yield from (0, 1)
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1)
        case "decided":
            yield from ("no_quorum", "tie_unresolved")
        case "no_quorum" | "tie_unresolved":
            yield "decided"
        case str():
            yield f"{value}x"
        case tuple():
            yield from _other_lists(value)  # pyright: ignore[reportUnknownArgumentType]  - of anything
        case msgspec.Struct():
            yield from _other_structs(value)
        case _:
            raise AssertionError(value)


def _other_lists(value: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for index, one in enumerate(value):
        yield (*value[:index], *value[index + 1 :])
        yield (*value, one)
        yield from ((*value[:index], other, *value[index + 1 :]) for other in _others(one))
    if len(set(value)) > 1:
        yield value[::-1]


def _other_structs(value: msgspec.Struct) -> Iterator[msgspec.Struct]:
    for field in value.__struct_fields__:
        if field != "parameters":
            for other in _others(getattr(value, field)):
                yield msgspec.structs.replace(value, **{field: other})


def reasons(decision: Decision) -> dict[str, str]:
    """Return why each lost, without the particulars."""
    return {lost.agent: lost.reason.partition(":")[0] for lost in decision.alternatives}
