"""An append sent again is recorded once; an id that somebody else used hinders nobody."""

from __future__ import annotations

import asyncio

import pytest

from mabeam.core.errors import Conflict
from mabeam.core.ports import ANY, NEW, EventStore, Write
from support.events import fresh_id, said, write
from support.reading import ids, read_all
from support.worlds import World


def three_writes(expect: int | None = NEW) -> list[Write]:
    commit = fresh_id()
    return [
        write("session/1", 2, expect=expect, commit=commit),
        write("session/2", 1, expect=expect, commit=commit),
        write("variable/1", 3, commit=commit),
    ]


class TestTheSameAppendAgain:
    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_it_is_recorded_once(
        self, store: EventStore, expect: int | None, count: int
    ) -> None:
        append = write("session/1", count, expect=expect)
        position = await store.append(append)
        for _ in range(3):
            assert await store.append(append) == position
        assert await store.head() == position == count

    @pytest.mark.parametrize("count", [1, 3])
    async def test_it_is_recorded_once_behind_a_position(
        self, store: EventStore, count: int
    ) -> None:
        first = await store.append(write())
        append = write("session/1", count, expect=first)
        position = await store.append(append)
        assert await store.append(append) == position
        assert await store.head() == position == 1 + count

    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_several_writes_are_recorded_once(
        self, store: EventStore, expect: int | None
    ) -> None:
        writes = three_writes(expect)
        assert await store.append(*writes) == 6
        assert await store.append(*writes) == 6
        assert await store.head() == 6

    @pytest.mark.parametrize("later", ["session/1", "session/2", "variable/1", "session/3"])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_it_is_recognised_behind_later_events(
        self, store: EventStore, expect: int | None, later: str
    ) -> None:
        one, writes = write("session/3", 1, expect=expect), three_writes(expect)
        assert await store.append(one) == 1
        assert await store.append(*writes) == 7
        for _ in range(5):
            _ = await store.append(write(later))
        assert await store.append(*writes) == 7
        assert await store.append(one) == 1
        assert await store.head() == 12

    async def test_it_is_recognised_by_another_process(self, world: World) -> None:
        writes = three_writes()
        one = write("session/3", expect=NEW)
        store = await world.open()
        assert await store.append(*writes) == 6
        assert await store.append(one) == 7
        await world.restart()
        store = await world.open()
        assert await store.append(*writes) == 6
        assert await store.append(one) == 7
        assert await store.head() == 7

    async def test_it_is_recognised_whatever_it_expects_now(self, store: EventStore) -> None:
        """A writer whose answer was lost may have read its own event before it retries."""
        append = write(expect=NEW)
        assert await store.append(append) == 1
        assert await store.append(Write(append.events, 1)) == 1
        assert await store.append(Write(append.events, ANY)) == 1
        assert await store.head() == 1

    @pytest.mark.parametrize("expect", [ANY, NEW])
    @pytest.mark.parametrize("count", [1, 3])
    async def test_it_is_recorded_once_when_sent_many_times_at_once(
        self, world: World, expect: int | None, count: int
    ) -> None:
        stores = [await world.open() for _ in range(2)]
        append = write("session/1", count, expect=expect)
        answers = await asyncio.gather(
            *(store.append(append) for store in stores for _ in range(2))
        )
        assert set(answers) == {count}
        assert await stores[0].head() == count

    @pytest.mark.parametrize("expect", [NEW, 1])
    async def test_another_event_in_the_same_commit_is_no_retry(
        self, store: EventStore, expect: int
    ) -> None:
        """Who derives commit ids may decide otherwise the second time; that is another append."""
        _ = await store.append(write("session/1"))
        commit = fresh_id()
        assert await store.append(write("session/1", expect=1, commit=commit)) == 2
        with pytest.raises(Conflict):
            _ = await store.append(write("session/1", expect=expect, commit=commit))
        assert await store.head() == 2

    async def test_an_append_with_one_more_event_is_no_retry(self, store: EventStore) -> None:
        commit = fresh_id()
        one, more = said(commit=commit), said(commit=commit)
        assert await store.append(Write((one,), NEW)) == 1
        with pytest.raises(Conflict):
            _ = await store.append(Write((one, more), NEW))
        assert ids(await read_all(store)) == [one.id]

    async def test_equal_words_under_another_id_are_another_event(self, store: EventStore) -> None:
        assert await store.append(Write((said(text="same"),))) == 1
        assert await store.append(Write((said(text="same"),))) == 2


class TestAnIdThatSomebodyElseUsed:
    @pytest.mark.parametrize("theirs", ["session/1", "session/2"])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_the_event_is_recorded_all_the_same(
        self, store: EventStore, theirs: str, expect: int | None
    ) -> None:
        id_ = fresh_id()
        assert await store.append(Write((said(theirs, actor="eve", id=id_),))) == 1
        tail = 1 if theirs == "session/1" else 0
        ours = Write((said("session/1", id=id_),), ANY if expect is ANY else tail)
        assert await store.append(ours) == 2
        recorded = await read_all(store)
        assert [one.actor for one in recorded] == ["eve", "ann"]
        assert ids(recorded) == [id_, id_]

    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_it_is_recorded_once_when_sent_again(
        self, store: EventStore, expect: int | None
    ) -> None:
        id_ = fresh_id()
        _ = await store.append(Write((said("session/2", actor="eve", id=id_),)))
        ours = Write((said("session/1", id=id_),), expect)
        assert await store.append(ours) == 2
        assert await store.append(ours) == 2
        assert await store.head() == 2

    @pytest.mark.parametrize("taken", [0, 1, 2])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_several_writes_are_recorded_all_the_same_and_once(
        self, store: EventStore, taken: int, expect: int | None
    ) -> None:
        writes = three_writes(expect)
        id_ = writes[taken].events[0].id
        assert await store.append(Write((said("session/9", actor="eve", id=id_),))) == 1
        assert await store.append(*writes) == 7
        assert await store.append(*writes) == 7
        recorded = await read_all(store, after=1)
        assert ids(recorded) == [event.id for one in writes for event in one.events]

    @pytest.mark.parametrize("count", [1, 2])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_garbage_under_the_id_hinders_nobody(
        self, world: World, store: EventStore, count: int, expect: int | None
    ) -> None:
        ours = write("session/1", count, expect=expect)
        subject = f"mabeam.{world.space}.session.2.said.eve"
        _ = await world.publish_raw(subject, b"garbage", message_id=ours.events[0].id)
        assert await store.append(ours) == 1 + count
        assert await store.append(ours) == 1 + count
        assert await store.head() == 1 + count

    async def test_the_same_event_in_another_commit_is_no_retry(self, store: EventStore) -> None:
        id_ = fresh_id()
        assert await store.append(Write((said(id=id_),))) == 1
        assert await store.append(Write((said(id=id_),))) == 2
