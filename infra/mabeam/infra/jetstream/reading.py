"""Reading a space: what is recorded now, what comes, and the last words as of a position."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mabeam.core.envelope import Recorded, decode
from mabeam.core.errors import StoreUnavailable
from mabeam.core.ports import Page
from mabeam.core.subjects import Filter, subject_filter
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.feed import Decoder, Feed
from mabeam.infra.jetstream.gets import Gets, TooMany
from mabeam.infra.jetstream.patience import Patience

__all__ = ["Reader"]

GROUP_EVENTS: Final = 256
"""Events of one entity, or positions, that are read directly: few are not worth a consumer."""


class Reader:
    """Reads one space.

    Args:
        api: The management interface.
        space: Name of the space.
        stream: Its stream.
    """

    def __init__(self, api: Api, space: str, stream: str) -> None:
        self._api = api
        self._space = space
        self._stream = stream
        self._whole = subject_filter(space)
        self._gets = Gets(api, stream)

    async def read(self, wanted: Filter, after: int, until: int | None) -> AsyncGenerator[Page]:
        """Do what `mabeam.core.ports.EventStore.read` promises."""
        subjects = subject_filter(self._space, wanted)
        # The last matching event tells for certain when everything has been read.
        last = await self._gets.last(subjects)
        end = 0 if last is None else last.seq
        if until is not None:
            end = min(end, until)
        is_entity = wanted.kind is not None and wanted.entity is not None
        patience = Patience(self._api.deadline())
        while after < end and (is_entity or end - after <= GROUP_EVENTS):
            few = await self._gets.group(subjects, after, GROUP_EVENTS)
            page = [event for event in few if event.position <= end]
            # Of everything no position may be missing; a feed knows what to do about it.
            if subjects == self._whole and page and len(page) < page[-1].position - after:
                break
            if page:
                yield page
                after = page[-1].position
            if len(page) < len(few):
                return
            # A follower that lags gives too little; the next one to answer may be another.
            if len(few) == GROUP_EVENTS or (not page and not await patience.pause()):
                break
        if after >= end:
            return
        feed = self._feed(subjects, after, end)
        try:
            while events := await feed.page(self._api.deadline()):
                yield events
        finally:
            feed.close()

    async def behind(self, subjects: str, after: int, deadline: float) -> AsyncGenerator[Page]:
        """Read what matches a filter behind a position and is recorded now."""
        last = await self._gets.last(subjects, deadline)
        if last is None or last.seq <= after:
            return
        feed = self._feed(subjects, after, last.seq)
        try:
            while events := await feed.page(deadline):
                yield events
        finally:
            feed.close()

    @asynccontextmanager
    async def follow(self, wanted: Filter, after: int) -> AsyncGenerator[AsyncIterator[Page]]:
        """Do what `mabeam.core.ports.EventStore.follow` promises."""
        feed = self._feed(subject_filter(self._space, wanted), after, None)
        try:
            await feed.start(self._api.deadline())
            yield _Pages(feed)
        finally:
            feed.close()

    async def latest(self, wanted: Filter, at: int | None) -> Page:
        """Do what `mabeam.core.ports.EventStore.latest` promises."""
        subjects = subject_filter(self._space, wanted)
        last = await self._gets.last(subjects)
        if last is None or at == 0:
            return []
        until = last.seq if at is None else min(at, last.seq)
        patience = Patience(self._api.deadline())
        while True:
            try:
                found = await self._gets.latest(subjects, until)
            except TooMany:
                return await self._latest_by_folding(subjects, until)
            if found or await self._is_empty(subjects, until):
                return found
            # A follower that lags finds nothing rather than too little.
            if not await patience.pause():
                raise StoreUnavailable(f"{self._stream} lags behind position {until}")

    async def _is_empty(self, subjects: str, until: int) -> bool:
        first = await self._gets.next(subjects, 0)
        return first is None or first.seq > until

    async def _latest_by_folding(self, subjects: str, until: int) -> Page:
        latest: dict[str, Recorded] = {}

        def keep(position: int, recorded_ns: int, subject: str, body: bytes) -> Recorded:
            recorded = latest[subject] = decode(position, recorded_ns, subject, body)
            return recorded

        feed = self._feed(subjects, 0, until, keep)
        try:
            while await feed.page(self._api.deadline()):
                pass
        finally:
            feed.close()
        return sorted(latest.values(), key=lambda event: event.position)

    def _feed(
        self, subjects: str, after: int, until: int | None, decoder: Decoder = decode
    ) -> Feed:
        return Feed(
            self._api,
            self._stream,
            subjects,
            after=after,
            until=until,
            is_whole=subjects == self._whole,
            decoder=decoder,
        )


class _Pages:
    """The pages of a feed; they end when it is closed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def __aiter__(self) -> AsyncIterator[Page]:
        return self

    async def __anext__(self) -> Page:
        page = await self._feed.page()
        if not page:
            raise StopAsyncIteration
        return page
