"""A list that only grows, as a value: every earlier one stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

import msgspec
from immutables import Map

__all__ = ["Ledger"]

EntryT = TypeVar("EntryT")

_PAGE: Final = 64


class Ledger(msgspec.Struct, Generic[EntryT], frozen=True, gc=False):
    """Entries by number from 0. To add one copies less than a page of them.

    Attributes:
        pages: Full pages, by number as text: states know maps with text as keys alone.
        tail: The entries behind them.
    """

    pages: Map[str, tuple[EntryT, ...]] = Map()
    tail: tuple[EntryT, ...] = ()

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self.pages) * _PAGE + len(self.tail)

    def with_entry(self, entry: EntryT) -> Ledger[EntryT]:
        """Return the ledger with one entry more."""
        tail = (*self.tail, entry)
        if len(tail) < _PAGE:
            return Ledger(self.pages, tail)
        return Ledger(self.pages.set(str(len(self.pages)), tail))

    def entry(self, number: int) -> EntryT | None:
        """Return an entry, or None if there are not as many."""
        page, place = divmod(number, _PAGE)
        entries = self.pages.get(str(page), self.tail if page == len(self.pages) else ())
        return entries[place] if place < len(entries) else None

    def entries(self) -> Iterator[EntryT]:
        """Yield all entries, the first first."""
        for page in range(len(self.pages)):
            yield from self.pages[str(page)]
        yield from self.tail
