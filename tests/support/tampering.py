"""Decisions with one thing changed, each of which a certificate must give away."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest

from mabeam.core.errors import Rejected
from mabeam.core.session import Decision, Hearing, Opening, Protocol

__all__ = ["corruptions", "refuses_corruptions"]


def corruptions(value: object) -> Iterator[object]:
    """Yield values that differ from one in a single place, at any depth."""
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            yield value - 1
        case str():
            yield f"{value}1"
            if value:
                yield ""
        case Decimal():
            yield value + 1
            yield None
        case None:
            yield Decimal(99)
        case tuple():
            if value:
                yield value[1:]
                yield value[:-1]
                yield (*value, value[0])
                for place, part in enumerate(value):
                    for changed in corruptions(part):
                        yield (*value[:place], changed, *value[place + 1 :])
            else:
                yield ("more",)
        case msgspec.Struct():
            for field in value.__struct_fields__:
                for changed in corruptions(getattr(value, field)):
                    yield msgspec.structs.replace(value, **{field: changed})
        case _:
            assert isinstance(value, dict)
            yield {**value, "more": 1}


def refuses_corruptions(
    protocol: Protocol[Opening], hearing: Hearing[Opening], decision: Decision
) -> int:
    """Let the certificate refuse every corruption of a decision; return how many there were."""
    protocol.verify(hearing, decision)
    count = 0
    for corrupted in corruptions(decision):
        assert isinstance(corrupted, Decision)
        with pytest.raises(Rejected):
            protocol.verify(hearing, corrupted)
            pytest.fail(f"not refused: {corrupted}")
        count += 1
    return count
