"""A list that only grows, and whose every former self can be kept."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from mabeam.core.market.ledger import Ledger


@given(st.integers(0, 200))
@example(200)
def test_it_holds_what_a_list_would(length: int) -> None:
    entries = [*range(length)]
    ledger: Ledger[int] = Ledger()
    kept = [ledger]
    for entry in entries:
        ledger = ledger.with_entry(entry)
        kept.append(ledger)
    for count in {0, 1, 63, 64, 65, len(entries)} & {*range(len(kept))}:
        assert [*kept[count].entries()] == entries[:count]
        assert kept[count].count == count
        assert kept[count].entry(count) is None
    assert [ledger.entry(number) for number in range(len(entries))] == entries
