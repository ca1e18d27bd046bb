"""A list that only grows, and whose every former self can be kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.market.ledger import Ledger


@given(st.lists(st.integers(), max_size=200))
def test_it_holds_what_a_list_would(entries: list[int]) -> None:
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
