"""Events of aggregates among those of everybody else: races, lost answers, foreign words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from uuid import UUID

import pytest
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    OperationalError,
    StoredEvent,
    Tracking,
)
from eventsourcing.utils import Environment

from mabeam.core.errors import OutcomeUnknown
from mabeam.core.subjects import Boundary
from mabeam.infra.eventsourcing import Factory, JetStreamApplicationRecorder
from mabeam.infra.jetstream import connect, open_store
from support.events import fresh_id, write
from support.nats_server import NatsServer
from support.proxy import Proxy
from support.raw_client import RawClient
from support.reading import read_all
from support.waiting import until
from support.worlds import fresh_space

pytestmark = pytest.mark.jetstream

Make = Callable[..., Factory]


def stored(originator: UUID | str, version: int, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(originator, version, "bank.account_credited.v1", state)


class TestRaces:
    @pytest.mark.slow
    def test_of_many_writers_of_a_version_one_succeeds_and_no_version_is_missing(
        self, make: Make
    ) -> None:
        account, rounds, writers = UUID(fresh_id()), 30, 4
        recorders = [make().application_recorder() for _ in range(writers)]

        def attempt(writer: int) -> list[int]:
            won: list[int] = []
            for version in range(1, rounds + 1):
                try:
                    recorders[writer].insert_events([stored(account, version, b'"%d"' % writer)])
                except IntegrityError:
                    continue
                won.append(version)
            return won

        with ThreadPoolExecutor(writers) as pool:
            won = list(pool.map(attempt, range(writers)))

        assert sorted(chain(*won)) == list(range(1, rounds + 1))
        recorded = recorders[0].select_events(account)
        assert [event.originator_version for event in recorded] == list(range(1, rounds + 1))
        for writer, versions in enumerate(won):
            mine = [event for event in recorded if event.state == b'"%d"' % writer]
            assert [event.originator_version for event in mine] == versions

    @pytest.mark.slow
    def test_of_two_that_process_one_event_one_records_what_follows(self, make: Make) -> None:
        recorders = [make("shop").process_recorder() for _ in range(2)]

        def process(one: int) -> list[int]:
            done: list[int] = []
            for upstream in range(1, 21):
                try:
                    recorders[one].insert_events(
                        [stored(f"order-{upstream}-{one}", 1)], tracking=Tracking("bank", upstream)
                    )
                except IntegrityError:
                    continue
                done.append(upstream)
            return done

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(process, range(2)))

        assert sorted(done[0] + done[1]) == list(range(1, 21))
        for upstream in range(1, 21):
            orders = [
                len(recorders[0].select_events(f"order-{upstream}-{one}")) for one in range(2)
            ]
            assert sum(orders) == 1


class TestLostAnswers:
    @pytest.mark.slow
    async def test_events_whose_acknowledgement_is_lost_are_recorded_once(
        self, nats_server: NatsServer
    ) -> None:
        async with Proxy(nats_server.port) as proxy:
            variables = {"MABEAM_NATS_URL": proxy.url, "MABEAM_SPACE": fresh_space()}
            factory = Factory(Environment(env=variables))
            recorder = await asyncio.to_thread(factory.application_recorder)
            account = UUID(fresh_id())
            proxy.is_deaf = True
            insertion = asyncio.create_task(
                asyncio.to_thread(recorder.insert_events, [stored(account, 1), stored(account, 2)])
            )
            with RawClient(nats_server.url) as client:
                stream = f"mabeam_{variables['MABEAM_SPACE']}"

                def is_recorded() -> bool:
                    answer = client.request(f"$JS.API.STREAM.INFO.{stream}")
                    return bool(answer["state"]["messages"] == 2)

                await until(is_recorded)
            proxy.is_deaf = False
            proxy.cut()
            assert await insertion == [1, 2]
            events = await asyncio.to_thread(recorder.select_events, account)
            assert [event.originator_version for event in events] == [1, 2]
            assert await asyncio.to_thread(recorder.max_notification_id) == 2
            await asyncio.to_thread(factory.close)

    @pytest.mark.slow
    def test_an_outcome_that_is_not_known_is_said_and_found_out_later(
        self, breakable_server: NatsServer
    ) -> None:
        variables = {
            "MABEAM_NATS_URL": breakable_server.url,
            "MABEAM_SPACE": fresh_space(),
            "MABEAM_PATIENCE_SECONDS": "1",
        }
        factory = Factory(Environment(env=variables))
        recorder = factory.application_recorder()
        account = UUID(fresh_id())
        _ = recorder.insert_events([stored(account, 1)])
        breakable_server.freeze()
        with pytest.raises(OperationalError, match="may or may not") as caught:
            _ = recorder.insert_events([stored(account, 2)])
        breakable_server.thaw()

        unknown = caught.value.__cause__
        assert isinstance(unknown, OutcomeUnknown)
        assert isinstance(recorder, JetStreamApplicationRecorder)
        positions = recorder.recorded(account, unknown.commit_id)
        versions = [event.originator_version for event in recorder.select_events(account)]
        assert versions == ([1, 2] if positions else [1])
        assert list(positions) in ([], [2])
        factory.close()


class TestForeignWords:
    def test_garbage_and_speech_on_an_aggregate_hinder_nobody(
        self, make: Make, nats_server: NatsServer, variables: dict[str, str]
    ) -> None:
        recorder = make().application_recorder()
        space = variables["MABEAM_SPACE"]
        _ = recorder.insert_events([stored("a", 1)])
        with RawClient(nats_server.url) as client:
            for subject in ("aggregate.a.noted.coder", "aggregate.a.x", "aggregate.a.=.b.c"):
                _ = client.request(f"mabeam.{space}.{subject}", "garbage")
        _ = recorder.insert_events([stored("a", 2)])
        fresh = make().application_recorder()
        _ = fresh.insert_events([stored("a", 3)])
        with pytest.raises(IntegrityError):
            _ = make().application_recorder().insert_events([stored("a", 3)])

        assert [one.originator_version for one in fresh.select_events("a")] == [1, 2, 3]
        assert [one.id for one in fresh.select_notifications(None, 10)] == [1, 5, 6]
        assert fresh.max_notification_id() == 6

    def test_a_stored_event_that_lies_about_its_form_is_passed_over(
        self, make: Make, nats_server: NatsServer, variables: dict[str, str]
    ) -> None:
        recorder = make().application_recorder()
        lies: list[object] = [
            {"originator_version": "one", "state": {}},
            {"originator_version": 1, "uuid": True, "state": {}},
            [],
        ]
        with RawClient(nats_server.url) as client:
            for number, data in enumerate(lies):
                event = {
                    "specversion": "1.0",
                    "id": f"lie-{number}",
                    "source": "/agents/liar",
                    "type": "bank.account_credited.v1",
                    "dataschema": "urn:mabeam:eventsourcing:stored-event:1",
                    "data": data,
                }
                subject = "aggregate.not-a-uuid.account_credited.liar"
                _ = client.request(f"mabeam.{variables['MABEAM_SPACE']}.{subject}", event)

        assert recorder.select_events("not-a-uuid") == []
        assert recorder.select_notifications(None, 10) == []
        assert recorder.max_notification_id() is None
        assert recorder.insert_events([stored("not-a-uuid", 2)]) == [4]

    async def test_a_follower_reads_all_of_it_without_a_gap_and_without_trouble(
        self, make: Make, variables: dict[str, str], nats_server: NatsServer
    ) -> None:
        def serve() -> None:
            recorder = make("shop").process_recorder()
            account = UUID(fresh_id())
            _ = recorder.insert_events([stored(account, 1, b'{"cents":5}')])
            _ = recorder.insert_events(
                [StoredEvent(account, 2, "bank:Account.Closed", b"\x00\xff")],
                tracking=Tracking("bank", 7),
            )

        await asyncio.to_thread(serve)
        connection = await connect(nats_server.url)
        store = await open_store(connection, variables["MABEAM_SPACE"])
        first, second, tracked = await read_all(store)
        await connection.close()

        assert [one.trouble for one in (first, second, tracked)] == [None] * 3
        assert [one.position for one in (first, second, tracked)] == [1, 2, 3]
        assert first.type == "bank.account_credited.v1"
        assert first.kind == "aggregate"
        assert first.actor == "shop"
        assert first.envelope.data is not None
        assert second.type == "eventsourcing.stored_event.v1"
        assert tracked.boundary == Boundary("tracking", "shop/bank")
        assert second.envelope.commitid == tracked.envelope.commitid

    async def test_events_of_mabeam_are_notified_of_under_their_types(
        self, make: Make, variables: dict[str, str], nats_server: NatsServer
    ) -> None:
        recorder = await asyncio.to_thread(make().application_recorder)
        connection = await connect(nats_server.url)
        store = await open_store(connection, variables["MABEAM_SPACE"])
        said = write("session/lot")
        _ = await store.append(said)
        await connection.close()

        (found,) = await asyncio.to_thread(recorder.select_notifications, None, 10)
        event = said.events[0]
        assert (found.id, found.originator_id, found.originator_version) == (1, "lot", 1)
        assert (found.topic, found.state) == (event.type, bytes(event.data or b""))


class TestLimits:
    def test_events_of_many_aggregates_in_any_order_get_the_positions_they_have(
        self, make: Make
    ) -> None:
        recorder = make().application_recorder()
        events = [stored("a", 1), stored("b", 1), stored("a", 2), stored("c", 1), stored("b", 2)]
        positions = recorder.insert_events(events)
        assert positions is not None
        found = {one.id: one for one in recorder.select_notifications(None, 10)}
        assert sorted(found) == [1, 2, 3, 4, 5]
        for position, event in zip(positions, events, strict=True):
            assert found[position].originator_id == event.originator_id
            assert found[position].originator_version == event.originator_version

    @pytest.mark.parametrize(
        ("event", "message"),
        [
            (stored("", 1), "illegal name"),
            (stored("x" * 81, 1), "illegal name"),
            (stored("a", -1), "originator_version = -1"),
            (stored("a", 1, b"\xff" * 2**20), "bytes"),
        ],
    )
    def test_what_no_log_takes_is_a_data_error_and_nothing_is_recorded(
        self, make: Make, event: StoredEvent, message: str
    ) -> None:
        recorder = make().application_recorder()
        with pytest.raises(DataError, match=message):
            _ = recorder.insert_events([stored("b", 1), event])
        assert recorder.max_notification_id() is None

    def test_more_events_than_a_batch_holds_are_a_data_error(self, make: Make) -> None:
        recorder = make().application_recorder()
        with pytest.raises(DataError, match="1 to 1000"):
            _ = recorder.insert_events([stored("a", version) for version in range(1_001)])

    @pytest.mark.parametrize(
        "state",
        [
            b"",
            b"{}",
            b' {"a": 1}',
            b'{"a": 1}\n',
            b'{ "a" : [ 1, 2.50 ] }',
            b'{"a":1} x}',
            b'{"a":"\xff"}',
            '{"a":"\N{SNOWMAN}"}'.encode(),
            b"[1]",
            b'{"a":' * 70 + b"1" + b"}" * 70,
            b'{"a":[' + b"{}," * 100 + b"{}]}",
            bytes(range(256)),
        ],
    )
    def test_every_state_comes_back_as_it_was(self, make: Make, state: bytes) -> None:
        recorder = make().application_recorder()
        _ = recorder.insert_events([stored("a", 1, state)])
        assert recorder.select_events("a") == [stored("a", 1, state)]
        (found,) = recorder.select_notifications(None, 1)
        assert found.state == state

    def test_an_id_is_of_the_type_it_was_written_with(self, make: Make) -> None:
        recorder = make().application_recorder()
        as_uuid = UUID(fresh_id())
        as_text = str(UUID(fresh_id()))
        _ = recorder.insert_events([stored(as_uuid, 1), stored(as_text, 1)])
        found = [one.originator_id for one in recorder.select_notifications(None, 10)]
        assert found == [as_uuid, as_text]

    def test_a_few_notifications_of_some_topics_are_found_among_many(self, make: Make) -> None:
        recorder = make().application_recorder()
        for number in range(10):
            events = [stored(f"a{number}", version) for version in range(1, 40)]
            rare = StoredEvent(f"a{number}", 40, f"bank.rare_{number % 2}.v1", b"{}")
            _ = recorder.insert_events([*events, rare])
        topics = ["bank.rare_0.v1", "bank.rare_1.v1"]
        found = recorder.select_notifications(None, 8, topics=topics)
        assert [one.id for one in found] == [40 * number for number in range(1, 9)]
        one_topic = recorder.select_notifications(41, 100, topics=topics[:1])
        assert [one.id for one in one_topic] == [120, 200, 280, 360]
