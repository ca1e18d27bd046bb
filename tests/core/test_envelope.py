"""Events on the wire: what is written, what is read, and what becomes of garbage."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.agent import Registered
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast
from mabeam.core.envelope import (
    DEPTH_MAX,
    Envelope,
    Recorded,
    actor_of,
    decode,
    encode,
    envelope_of,
    wire_subject,
)
from mabeam.core.errors import EventTooLarge, MalformedEvent, Rejected, UnknownEventType
from mabeam.core.subjects import Boundary

SESSION = Boundary("session", "s1")
SUBJECT = "mabeam.lab.session.s1.bid_placed.ann"
NS = 1_700_000_000_123_456_789


def bid(**attributes: str) -> Envelope:
    given = {"source": "/agents/ann", "id": "e-1"} | attributes
    return envelope_of(BidPlaced(amount=7), SESSION, **given)


def wire(**changes: object) -> bytes:
    """Return a bid's bytes with some attributes changed; None takes one away."""
    attributes = json.loads(encode(bid(), 10_000)) | changes
    return json.dumps(
        {name: value for name, value in attributes.items() if value is not None}
    ).encode()


def read(body: bytes, subject: str = SUBJECT) -> Recorded:
    return decode(7, NS, subject, body)


def problem(body: bytes, subject: str = SUBJECT) -> str:
    """Return what is wrong with a message, which must not be silent about it."""
    recorded = read(body, subject)
    assert isinstance(recorded.problem, MalformedEvent)
    assert (recorded.position, recorded.problem.position, recorded.recorded_ns) == (7, 7, NS)
    assert (recorded.id, recorded.type) == ("", "")
    with pytest.raises(MalformedEvent):
        _ = recorded.data
    return recorded.problem.detail


GARBAGE = {
    "nothing": b"",
    "no JSON": b"garbage",
    "no text": b"\xff\xfe\x00",
    "null": b"null",
    "a list": b"[1,2]",
    "a number": b"7",
    "a number beyond all measure": b"1e999",
    "half an event": wire()[:-1],
    "two events": wire() + wire(),
    "another version of CloudEvents": wire(specversion="0.3"),
    "no version of CloudEvents": wire(specversion=None),
    "no id": wire(id=None),
    "an id that is a number": wire(id=7),
    "an empty id": wire(id=""),
    "an endless id": wire(id="x" * 257),
    "an endless run": wire(correlationid="x" * 257),
    "an endless cause": wire(causationid="x" * 257),
    "an endless commit": wire(commitid="x" * 257),
    "no type": wire(type=None),
    "no source": wire(source=None),
    "an epoch that is a text": wire(epoch="1"),
    "an epoch that is a fraction": wire(epoch=1.5),
    "a payload that is not a number": wire(data={"amount": 7}).replace(b"7", b"NaN"),
    "a payload without end": wire(data={"amount": 7}).replace(b"7", b"Infinity"),
    "a payload with a leading zero": wire(data={"amount": 7}).replace(b"7", b"07"),
    "half a character as id": wire().replace(b"e-1", b"\\ud800"),
    "no text as id": wire().replace(b"e-1", b"\xff"),
    "lists without end": b"[" * 100_000,
    "maps without end": b'{"a":' * 100_000,
}


class TestWriting:
    def test_an_event_is_a_cloudevent_in_structured_mode(self) -> None:
        event = bid(
            time="2026-01-02T03:04:05Z", correlation_id="run", causation_id="e-0", commit_id="c"
        )
        assert json.loads(encode(event, 10_000)) == {
            "specversion": "1.0",
            "id": "e-1",
            "source": "/agents/ann",
            "type": "mabeam.auction.bid_placed.v1",
            "subject": "session/s1",
            "time": "2026-01-02T03:04:05Z",
            "datacontenttype": "application/json",
            "correlationid": "run",
            "causationid": "e-0",
            "commitid": "c",
            "data": {"amount": 7},
        }

    def test_what_is_not_given_is_not_written(self) -> None:
        assert set(json.loads(encode(bid(), 10_000))) == {
            *("specversion", "id", "source", "type", "subject", "datacontenttype", "data")
        }

    def test_the_place_in_a_trace_is_written_as_the_extension_has_it(self) -> None:
        place = {
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate": "vendor=1",
        }
        traced = msgspec.structs.replace(bid(), **place)
        written = json.loads(encode(traced, 10_000))
        assert written == json.loads(encode(bid(), 10_000)) | place

    @given(st.text(max_size=20), st.integers(1, 2**53 - 1))
    def test_the_same_event_gives_the_same_bytes(self, note: str, amount: int) -> None:
        one, two = (
            encode(
                envelope_of(BidPlaced(amount=amount, note=note), SESSION, source="a", id="i"),
                10_000,
            )
            for _ in range(2)
        )
        assert one == two

    def test_bytes_do_not_depend_on_the_process(self) -> None:
        code = (
            "from mabeam.core.agent import Registered; from mabeam.core.subjects import Boundary;"
            "from mabeam.core.envelope import encode, envelope_of; import sys;"
            "event = Registered(capabilities=('a', 'b'), metadata={'x': '1', 'a': '2'});"
            "sys.stdout.buffer.write(encode("
            "envelope_of(event, Boundary('agent', 'ann'), source='/agents/ann', id='e'), 10_000))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        event = Registered(capabilities=("a", "b"), metadata={"x": "1", "a": "2"})
        agent = Boundary("agent", "ann")
        assert done.stdout == encode(
            envelope_of(event, agent, source="/agents/ann", id="e"), 10_000
        )

    def test_an_event_may_have_as_many_bytes_as_the_log_takes_and_no_more(self) -> None:
        size = len(encode(bid(), 10_000))
        assert len(encode(bid(), size)) == size
        with pytest.raises(EventTooLarge) as caught:
            encode(bid(), size - 1)
        assert (caught.value.size, caught.value.limit) == (size, size - 1)

    def test_an_event_of_no_registered_type_cannot_be_written(self) -> None:
        class Unheard(BidPlaced, frozen=True, kw_only=True):
            """A class that nobody registered."""

        with pytest.raises(UnknownEventType):
            envelope_of(Unheard(amount=1), SESSION, source="/agents/ann", id="e")

    @pytest.mark.parametrize(
        ("source", "actor"),
        [("/agents/ann", "ann"), ("ann", "ann"), ("urn/a/b c", "b c"), ("/agents/", "")],
    )
    def test_the_actor_is_the_last_word_of_the_source(self, source: str, actor: str) -> None:
        assert actor_of(source) == actor


class TestAddresses:
    def test_the_subject_follows_from_the_event(self) -> None:
        assert wire_subject("lab", bid()) == SUBJECT
        assert wire_subject("lab", bid(source="/agents/a.b")) == (
            "mabeam.lab.session.s1.bid_placed.a=2Eb"
        )

    @pytest.mark.parametrize(
        ("changes", "field", "value"),
        [
            ({"id": ""}, "id", ""),
            ({"id": "a b"}, "id", "a b"),
            ({"id": "x" * 129}, "id", "x" * 129),
            ({"id": "é"}, "id", "é"),
            ({"id": "a\n"}, "id", "a\n"),
            ({"type": ""}, "type", ""),
            ({"type": "a..b"}, "type", "a..b"),
            ({"type": "a b"}, "type", "a b"),
            ({"type": "x." + "y" * 49}, "event", "y" * 49),
            ({"source": ""}, "actor", ""),
            ({"source": "/agents/"}, "actor", ""),
            ({"source": "/agents/a\tb"}, "actor", "a\tb"),
            ({"subject": ""}, "subject", ""),
            ({"subject": "session"}, "subject", "session"),
            ({"subject": "session/"}, "entity", ""),
            ({"subject": "session/" + "x" * 81}, "entity", "x" * 81),
        ],
        ids=str,
    )
    def test_what_cannot_be_part_of_an_address_is_refused(
        self, changes: dict[str, str], field: str, value: str
    ) -> None:
        with pytest.raises(Rejected) as caught:
            wire_subject("lab", msgspec.structs.replace(bid(), **changes))
        assert (caught.value.field, caught.value.value) == (field, value)
        assert caught.value.allowed


class TestReading:
    def test_what_was_written_is_read(self) -> None:
        recorded = read(encode(bid(), 10_000))
        assert recorded.problem is None
        assert (recorded.position, recorded.recorded_ns) == (7, NS)
        assert (recorded.boundary, recorded.actor, recorded.id) == (SESSION, "ann", "e-1")
        assert recorded.data == BidPlaced(amount=7)
        assert recorded.data is recorded.data, "it is decoded once"
        assert recorded.recorded_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)

    @given(st.integers(0, 4_000_000_000 * 10**9))
    def test_the_record_time_is_kept_to_the_microsecond(self, instant_ns: int) -> None:
        moment = decode(1, instant_ns, SUBJECT, b"").recorded_at
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        assert (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds == (
            instant_ns // 1_000
        )

    def test_a_plain_cloudevent_may_lack_what_ours_have(self) -> None:
        body = wire(subject=None, datacontenttype=None, data=None)
        recorded = read(body)
        assert recorded.problem is None
        with pytest.raises(MalformedEvent, match="missing required field `amount`"):
            _ = recorded.data

    def test_names_are_read_as_they_were_before_they_were_escaped(self) -> None:
        event = msgspec.structs.replace(bid(source="/agents/a b"), subject="session/ü/1")
        recorded = read(encode(event, 10_000), wire_subject("lab", event))
        assert recorded.problem is None
        assert (recorded.entity, recorded.actor) == ("ü/1", "a b")

    def test_ids_may_be_longer_than_ours(self) -> None:
        longest = "x" * 256
        body = wire(id=longest, correlationid=longest, causationid=longest, commitid=longest)
        assert read(body).problem is None

    def test_attributes_that_mabeam_does_not_know_are_passed_over(self) -> None:
        assert read(wire(traceparent="00-ab", acme=[1, {"x": None}])).problem is None

    @pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
    def test_garbage_is_a_problem_and_raises_nothing(self, body: bytes) -> None:
        assert problem(body)
        recorded = read(body)
        assert (recorded.boundary, recorded.actor) == (SESSION, "ann")

    @pytest.mark.parametrize(
        ("changes", "detail"),
        [
            ({"subject": "session/s2"}, "subject 'session/s2' was published on that of session/s1"),
            ({"subject": "variable/s1"}, "subject 'variable/s1' was published on"),
            ({"source": "/agents/eve"}, "source '/agents/eve' spoke on the subject of 'ann'"),
            ({"source": ""}, "source '' spoke on the subject of 'ann'"),
            (
                {"type": "mabeam.session.closed.v1"},
                "type 'mabeam.session.closed.v1' was published on the subject of 'bid_placed'",
            ),
            ({"type": ""}, "type '' was published on the subject of 'bid_placed'"),
        ],
        ids=str,
    )
    def test_an_event_that_contradicts_its_subject_is_a_problem(
        self, changes: dict[str, object], detail: str
    ) -> None:
        assert detail in problem(wire(**changes))

    @given(st.binary(max_size=60))
    def test_no_bytes_at_all_raise(self, body: bytes) -> None:
        assert read(body).problem is not None

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
        )
    )
    def test_no_payload_at_all_raises_on_reading_its_envelope(self, data: object) -> None:
        body = wire(data="MARK").replace(b'"MARK"', msgspec.json.encode(data))
        recorded = read(body)
        assert recorded.problem is None
        with suppress(MalformedEvent):
            assert isinstance(recorded.data, BidPlaced)

    def test_a_problem_can_be_raised_again_and_again(self) -> None:
        recorded = read(b"garbage")
        depths: list[int] = []
        for _ in range(3):
            with pytest.raises(MalformedEvent) as caught:
                _ = recorded.data
            depths.append(len(caught.traceback))
        assert depths[0] == depths[-1], "it does not gather what it passed through"


class TestSubjectsOfGarbage:
    """An event moves its boundary on the server even if it is no event; folds must know."""

    @pytest.mark.parametrize(
        "subject",
        [
            "mabeam.lab.session.s1.bid_placed",
            "mabeam.lab.session.s1.bid_placed.ann.more",
            "mabeam.lab.session.s1.bid_placed.ann.more.and.more",
            "mabeam.lab.session.s1.=zz.ann",
            "mabeam.lab.session.s1.bid_placed.=41",
        ],
    )
    def test_what_lies_within_a_boundary_belongs_to_its_entity(self, subject: str) -> None:
        assert problem(wire(), subject)
        assert read(wire(), subject).boundary == SESSION

    @pytest.mark.parametrize(
        "subject",
        [
            "",
            "mabeam",
            "mabeam.lab.session.s1",
            "mabeam.lab.=zz.s1.bid_placed.ann",
            "mabeam.lab.session.=41.bid_placed.ann",
            "mabeam.lab.session.=41.bid_placed.ann.more",
        ],
    )
    def test_what_lies_within_no_boundary_belongs_to_nothing(self, subject: str) -> None:
        assert problem(wire(), subject)
        recorded = read(wire(), subject)
        assert (recorded.kind, recorded.entity, recorded.actor) == ("", subject, "")

    @pytest.mark.parametrize(
        "subject",
        [
            "mabeam.lab.session.=00.bid_placed.ann",
            "mabeam.lab.session." + "x" * 81 + ".bid_placed.ann",
            "mabeam.lab." + "x" * 17 + ".s1.bid_placed.ann",
            "mabeam.lab.session.s1." + "x" * 49 + ".ann",
            "mabeam.lab.session.s1.bid_placed.=20",
        ],
    )
    def test_names_under_which_nobody_could_answer_are_a_problem(self, subject: str) -> None:
        *_, event, _actor = subject.split(".")
        body = wire(subject=None, type=event, source=read(b"", subject).actor)
        assert "illegal name" in problem(body, subject)


class TestDepth:
    def nested(self, depth: int) -> bytes:
        """Return an event in which braces stand so deep in each other, with its own."""
        data = '{"a":' * (depth - 1) + '"{["' + "}" * (depth - 1)
        return wire(data="MARK").replace(b'"MARK"', data.encode())

    def test_an_event_may_be_nested_so_deep_and_no_deeper(self) -> None:
        assert read(self.nested(DEPTH_MAX)).problem is None
        assert problem(self.nested(DEPTH_MAX + 1)) == f"nested deeper than {DEPTH_MAX}"

    def test_depth_is_not_breadth(self) -> None:
        assert read(wire(data=[1, [2]] * 1_000)).problem is None
        assert read(wire(data={"text": '[{\\"[' * 1_000})).problem is None

    def test_what_is_readable_does_not_depend_on_how_deep_the_reader_stands(self) -> None:
        """Else two processes would fold the same log to different states."""
        body = self.nested(500)

        def at_depth(frames: int) -> str:
            return problem(body) if frames == 0 else at_depth(frames - 1)

        assert at_depth(0) == at_depth(400)
        assert problem(self.nested(100_000)) == at_depth(0)


class TestLength:
    """Whoever writes may write words of any length; readers must not keep them."""

    def test_what_is_said_of_long_words_is_short(self) -> None:
        assert len(problem(wire(source="/agents/" + "x" * 500_000))) <= 600

    @pytest.mark.parametrize("name", ["bob", "ann"])
    def test_long_words_are_forgotten(self, name: str) -> None:
        tracemalloc.start()
        try:
            for number in range(200):
                _ = read(wire(source=f"/{'x' * 50_000}/{number}/{name}"))
            kept_bytes, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept_bytes < 1_000_000


class TestPayloads:
    @pytest.mark.parametrize(
        ("data", "detail"),
        [
            ('{"amount":"7"}', "Expected `int`, got `str` - at `$.amount`"),
            ('{"amount":7.5}', "Expected `int`, got `float` - at `$.amount`"),
            ('{"amount":true}', "Expected `int`, got `bool` - at `$.amount`"),
            ('{"amount":null}', "Expected `int`, got `null` - at `$.amount`"),
            ('{"amount":1e999}', "out of range"),
            ("{}", "missing required field `amount`"),
            ("[]", "Expected `object`, got `array`"),
            ('{"amount":1,"note":7}', "Expected `str`, got `int` - at `$.note`"),
            ('{"amount":1,"note":"\\ud800"}', "truncated"),
        ],
    )
    def test_a_payload_of_another_shape_is_malformed_and_says_where(
        self, data: str, detail: str
    ) -> None:
        recorded = read(wire(data="MARK").replace(b'"MARK"', data.encode()))
        with pytest.raises(MalformedEvent) as caught:
            _ = recorded.data
        assert detail in caught.value.detail
        assert caught.value.position == 7

    def test_a_payload_that_is_no_text_is_malformed(self) -> None:
        recorded = read(wire(data="MARK").replace(b'"MARK"', b'{"amount":1,"note":"\xff"}'))
        assert recorded.problem is None
        with pytest.raises(MalformedEvent, match="utf-8"):
            _ = recorded.data

    def test_whole_numbers_of_any_size_are_read_exactly(self) -> None:
        recorded = read(wire(data={"amount": 10**100}))
        assert recorded.data == BidPlaced(amount=10**100)

    def test_a_number_beyond_all_measure_is_malformed(self) -> None:
        body = wire(data="MARK").replace(b'"MARK"', b'{"amount":1' + b"0" * 100_000 + b"}")
        with pytest.raises(MalformedEvent):
            _ = read(body).data

    def test_decimals_are_read_from_text_and_from_numbers(self) -> None:
        subject = "mabeam.lab.session.s1.ballot_cast.ann"
        for value in ("0.1", 0.1):
            body = wire(type="mabeam.consensus.ballot_cast.v1", data={"value": value})
            assert read(body, subject).data == BallotCast(value=Decimal("0.1"))

    def test_fields_that_are_not_known_yet_are_passed_over(self) -> None:
        assert read(wire(data={"amount": 7, "colour": "red"})).data == BidPlaced(amount=7)

    def test_an_unknown_type_is_no_problem_until_its_payload_is_asked_for(self) -> None:
        recorded = read(wire(type="com.acme.bid_placed.v3"))
        assert recorded.problem is None
        with pytest.raises(UnknownEventType) as caught:
            _ = recorded.data
        assert (caught.value.type, caught.value.position) == ("com.acme.bid_placed.v3", 7)

    @given(
        st.builds(
            AuctionOpened,
            lot=st.text(max_size=20),
            reserve=st.integers(0, 2**53 - 1),
            open_for_ms=st.integers(1, 10**9),
            tie_break=st.sampled_from(["canonical", "earliest", "refuse"]),
        )
    )
    def test_what_is_written_is_read_and_written_again(self, event: AuctionOpened) -> None:
        body = encode(envelope_of(event, SESSION, source="/agents/ann", id="e"), 10_000)
        recorded = read(body, "mabeam.lab.session.s1.opened.ann")
        assert recorded.data == event
        assert encode(recorded.envelope, 10_000) == body
