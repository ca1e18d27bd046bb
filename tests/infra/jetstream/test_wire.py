"""The seams in nats-py hold, whatever the bytes and however they arrive."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import nats.aio.client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import ProtocolError
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

from mabeam.infra.jetstream import Connection
from mabeam.infra.jetstream.parser import TapParser
from mabeam.infra.jetstream.wire import Disconnected, Wire

Heard = list[tuple[object, ...]]


def inside(thing: object, name: str) -> object:
    """Return a private attribute of something that is not ours."""
    return getattr(thing, name)


class TestTheInsideOfNatsPy:
    """What `Wire` relies on; when one of these fails, read nats-py's changes before any repair."""

    @pytest.mark.parametrize(
        ("method", "parameters"),
        [
            ("_process_err", ["self", "err_msg"]),
            ("_process_pong", ["self"]),
            ("_attempt_reconnect", ["self"]),
            ("_process_op_err", ["self", "e"]),
            ("force_reconnect", ["self"]),
            ("_process_msg", ["self", "sid", "subject", "reply", "data", "headers"]),
        ],
    )
    def test_it_has_the_methods_we_override_or_call(
        self, method: str, parameters: list[str]
    ) -> None:
        found = getattr(nats.aio.client.Client, method)
        assert inspect.iscoroutinefunction(found)
        assert list(inspect.signature(found).parameters) == parameters

    def test_a_new_client_has_the_attributes_we_use(self) -> None:
        client = nats.aio.client.Client()
        expected: dict[str, object] = {
            "_sid": 0,
            "_subs": {},
            "_pending": [],
            "_pending_data_size": 0,
            "_pongs": [],
            "_pongs_received": 0,
            "_pings_outstanding": 0,
            "_flush_queue": None,
            "_reading_task": None,
            "_flusher_task": None,
            "_ping_interval_task": None,
            "_reconnection_task": None,
            "_transport": None,
        }
        assert {name: inside(client, name) for name in expected} == expected
        assert isinstance(inside(client, "_ps"), Parser)

    def test_its_parser_begins_with_an_empty_buffer(self) -> None:
        parser = Parser()
        assert (bytes(parser.buf), parser.state, parser.needed) == (b"", AWAITING_CONTROL_LINE, 0)

    async def test_it_is_connected_over_a_stream_writer(self, connection: Connection) -> None:
        transport = inside(connection.wire, "_transport")
        assert isinstance(inside(transport, "_io_writer"), asyncio.StreamWriter)


class _Client:
    """Hears what the parser leaves to nats-py."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    async def _process_msg(self, sid: int, *parts: bytes) -> None:
        self._heard.append(("msg", sid, *parts))

    async def _process_ping(self) -> None:
        self._heard.append(("ping",))

    async def _process_pong(self) -> None:
        self._heard.append(("pong",))

    async def _process_err(self, text: str) -> None:
        self._heard.append(("err", text))

    async def _process_info(self, info: dict[str, object]) -> None:
        self._heard.append(("info", info))


async def parse(chunks: Sequence[bytes]) -> Heard:
    """Return what is heard of a stream of bytes that arrives in these chunks."""
    heard: Heard = []

    def tap(*parts: bytes) -> None:
        heard.append(("tap", *parts))

    def failed(subject: bytes, error: Exception) -> None:
        raise AssertionError(subject) from error

    def complain(line: bytes) -> None:
        heard.append(("complaint", line))

    parser = TapParser(_Client(heard), {b"1": tap, b"22": tap}, failed, complain)
    for chunk in chunks:
        await parser.parse(chunk)
    return heard


words = st.text("abcXYZ0_$.", min_size=1, max_size=6).map(str.encode)
bodies = st.one_of(st.binary(max_size=40), st.just(b"\r\nMSG a 1 3\r\n"), st.just(b"-ERR 'x'\r\n"))
fields = st.sampled_from(
    [b"NATS/1.0\r\n\r\n", b"NATS/1.0 503\r\n\r\n", b"NATS/1.0\r\nA: b\r\n\r\n"]
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, tuple[object, ...]]:
    """Draw a message as bytes, and what shall be heard of it."""
    sid = draw(st.sampled_from([b"1", b"2", b"22", b"3"]))
    subject, body = draw(words), draw(bodies)
    reply = draw(st.one_of(st.just(b""), words))
    headers = draw(st.one_of(st.just(b""), fields))
    middle = b"%b %b" % (subject, sid) + (b" " + reply if reply else b"")
    size = len(headers) + len(body)
    sizes = b"%d %d" % (len(headers), size) if headers else b"%d" % size
    line = (b"HMSG " if headers else b"MSG ") + middle + b" " + sizes + b"\r\n"
    if sid in {b"1", b"22"}:
        return line + headers + body + b"\r\n", ("tap", subject, reply, headers, body)
    theirs = ("msg", int(sid), subject, reply, body, headers or None)
    return line + headers + body + b"\r\n", theirs


items_of_nats_py: list[tuple[bytes, Heard]] = [
    (b"PING\r\n", [("ping",)]),
    (b"PONG\r\n", [("pong",)]),
    (b"+OK\r\n", []),
    (b"-ERR 'No'\r\n", [("complaint", b"-ERR 'No'\r\n"), ("err", "'no'")]),
    (b'INFO {"a":1}\r\n', [("info", {"a": 1})]),
]


def alone(item: tuple[bytes, tuple[object, ...]]) -> tuple[bytes, Heard]:
    return item[0], [item[1]]


items = st.one_of(messages().map(alone), st.sampled_from(items_of_nats_py))


class TestParser:
    @given(st.lists(items, max_size=12), st.data())
    async def test_it_hears_the_same_however_the_bytes_are_cut(
        self, stream: list[tuple[bytes, Heard]], data: st.DataObject
    ) -> None:
        raw = b"".join(item[0] for item in stream)
        cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=8))
        edges = sorted({0, *cuts, len(raw)})
        heard = await parse([raw[start:end] for start, end in pairwise(edges)])
        assert heard == [fact for item in stream for fact in item[1]]

    async def test_it_hears_the_same_byte_by_byte(self) -> None:
        raw = b"MSG a 1 2\r\nhi\r\nPING\r\nHMSG b 3 r 12 14\r\nNATS/1.0\r\n\r\nyo\r\n"
        raw += b"MSG c 22 0\r\n\r\n"
        assert await parse([raw[at : at + 1] for at in range(len(raw))]) == await parse([raw])
        assert len(await parse([raw])) == 4

    @pytest.mark.parametrize("raw", [b"MSG a 1 many\r\n", b"HMSG a 1 x 3\r\n", b"HELLO\r\n"])
    async def test_nonsense_is_an_error_that_leads_to_a_reconnect(self, raw: bytes) -> None:
        with pytest.raises(ProtocolError):
            _ = await parse([raw])

    async def test_a_reset_forgets_an_unfinished_message(self) -> None:
        def ignore(*_: object) -> None:
            pass

        parser = TapParser(_Client([]), {b"1": ignore}, ignore, ignore)
        await parser.parse(b"MSG a 1 100\r\nhalf")
        parser.reset()
        await parser.parse(b"PING\r\n")


async def all_heard(connection: Connection) -> None:
    """Return when the server has answered all that was sent before."""
    _ = await connection.ask("$JS.API.INFO", seconds=5)


@pytest.mark.jetstream
class TestTaps:
    async def test_a_tap_gets_subject_reply_headers_and_payload_untouched(
        self, connection: Connection
    ) -> None:
        heard: asyncio.Queue[tuple[bytes, ...]] = asyncio.Queue()
        wire = connection.wire

        def tap(*parts: bytes) -> None:
            heard.put_nowait(parts)

        _ = wire.tap("taps.>", tap)
        wire.send(b"taps.a", b"", b"", b"bare")
        wire.send(b"taps.b", b"answer.here", b"NATS/1.0\r\nA: b\r\n\r\n", b"")
        assert await heard.get() == (b"taps.a", b"", b"", b"bare")
        assert await heard.get() == (b"taps.b", b"answer.here", b"NATS/1.0\r\nA: b\r\n\r\n", b"")

    async def test_an_ended_subscription_is_not_called_again(self, connection: Connection) -> None:
        heard: list[bytes] = []
        wire = connection.wire

        def tap(*parts: bytes) -> None:
            heard.append(parts[3])

        sid = wire.tap("taps.end", tap)
        wire.send(b"taps.end", b"", b"", b"before")
        await all_heard(connection)
        wire.untap(sid)
        wire.untap(sid)
        wire.send(b"taps.end", b"", b"", b"behind")
        await all_heard(connection)
        assert heard == [b"before"]

    async def test_a_tap_that_raises_is_reported_and_kills_nothing(
        self, connection: Connection
    ) -> None:
        wire = connection.wire
        failures: list[Exception] = []
        wire.tap_failed = failures.append
        heard: list[bytes] = []

        def fail(*parts: bytes) -> None:
            heard.append(parts[3])
            raise ValueError(parts[3])

        _ = wire.tap("taps.fail", fail)
        for number in range(3):
            wire.send(b"taps.fail", b"", b"", b"%d" % number)
        await all_heard(connection)
        assert heard == [b"0", b"1", b"2"]
        assert [type(failure) for failure in failures] == [ValueError] * 3
        assert wire.tap_failures == 3
        assert not wire.is_wedged

    async def test_a_hook_that_raises_kills_nothing_either(self, connection: Connection) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError

        wire = connection.wire
        wire.tap_failed = fail
        _ = wire.tap("taps.fail", fail)
        wire.send(b"taps.fail", b"", b"", b"")
        await all_heard(connection)
        assert wire.tap_failures == 1

    async def test_nats_py_still_serves_its_own_subscriptions(self, connection: Connection) -> None:
        wire = connection.wire
        subscription = await wire.subscribe("taps.theirs")  # pyright: ignore[reportUnknownMemberType] - half typed
        await wire.publish("taps.theirs", b"hello", headers={"A": "b"})
        message = await subscription.next_msg(timeout=5)
        assert (message.data, message.headers) == (b"hello", {"A": "b"})


@pytest.mark.jetstream
class TestSend:
    async def test_without_a_connection_nothing_is_sent(self) -> None:
        wire = Wire()
        with pytest.raises(Disconnected):
            wire.send(b"a", b"", b"", b"")
        with pytest.raises(Disconnected):
            await wire.room()

    async def test_a_crowded_buffer_empties(self, connection: Connection) -> None:
        wire = connection.wire
        body = bytes(900_000)
        while not wire.is_crowded:
            wire.send(b"nowhere", b"", b"", body)
        await wire.room()
        assert not wire.is_crowded

    async def test_the_late_answer_to_a_ping_that_was_given_up_does_no_harm(
        self, connection: Connection
    ) -> None:
        wire = connection.wire
        ping = asyncio.ensure_future(wire.rtt())
        await asyncio.sleep(0)
        assert inside(wire, "_pongs")
        _ = ping.cancel()
        _ = await asyncio.gather(ping, return_exceptions=True)
        assert await wire.rtt() > 0
        assert not wire.is_wedged

    async def test_a_cancellation_is_not_lost_to_an_answer(self, connection: Connection) -> None:
        """Both come in one turn of the loop; the watchdog went on for ever after that."""
        wire = connection.wire
        ping = asyncio.ensure_future(wire.rtt())
        pongs = cast("list[asyncio.Future[bool]]", inside(wire, "_pongs"))
        await asyncio.sleep(0)
        pongs[-1].set_result(True)
        ping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ping
