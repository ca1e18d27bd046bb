"""What old events cost a reader: decoding them, against the same events in the type of today."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from bench.figures import Figure, alternate
from bench.sizes import Sizes
from mabeam.core.auction import BidPlaced
from mabeam.core.envelope import decode, encode, envelope_of, wire_subject
from mabeam.core.events import Fields, type_of
from mabeam.core.subjects import Boundary
from mabeam.core.versions import default, rename, replace_type, splitter

__all__ = ["measure_upcasting"]

_SPACE = "bench"
_SIZE_MAX = 10_000
_BID = type_of(BidPlaced(amount=1))

replace_type("bench.stated.v1", "bench.stated.v2", rename("price", "amount"))
replace_type("bench.stated.v2", _BID, default("note", "stated"))


@splitter("bench.offered.v1", _BID)
def _bids(fields: Fields) -> Iterable[tuple[str, Fields]]:
    return [(_BID, {"amount": amount}) for amount in fields["amounts"]]


async def measure_upcasting(sizes: Sizes) -> list[Figure]:
    """Read the same bid in its present type, by a chain of two versions, and out of a split."""
    present, chained, parted = await alternate(
        sizes.repetitions,
        _reading(_BID, {"amount": 7, "note": "stated"}, sizes.pipelined),
        _reading("bench.stated.v1", {"price": 7}, sizes.pipelined),
        _reading("bench.offered.v1", {"amounts": [7, 8]}, sizes.pipelined),
    )
    against = "the same event in the type of today"
    return [
        Figure(name=name, unit="events/s", ours=samples, raw=present, against=against)
        for name, samples in (("old, by two versions", chained), ("old, split in two", parted))
    ]


def _reading(type_: str, data: object, events: int) -> Callable[[], Awaitable[float]]:
    it = Boundary("session", "bench")
    bid = envelope_of(BidPlaced(amount=1), it, source="/agents/ann", id="bid")
    raw = msgspec.Raw(msgspec.json.encode(data))
    event = msgspec.structs.replace(bid, type=type_, data=raw)
    subject, body = wire_subject(_SPACE, event), encode(event, _SIZE_MAX)

    async def read() -> float:
        gc.collect()
        began = time.perf_counter()
        for position in range(1, events + 1):
            _ = decode(position, 0, subject, body).parts
        return events / (time.perf_counter() - began)

    return read
