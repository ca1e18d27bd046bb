"""Old events in the types of today, and new ones in the form of old types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from mabeam.core.agent import AGENT, Registered, Suspended
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.decider import apply, fold
from mabeam.core.envelope import Recorded, decode, encode, envelope_of, wire_subject
from mabeam.core.errors import DowncastFailed, UnknownEventType, UpcastFailed
from mabeam.core.events import (
    Event,
    Fields,
    Several,
    decode_data,
    encode_data,
    event_type,
    replaced,
    type_of,
    write_as,
)
from mabeam.core.ids import derived_id
from mabeam.core.session import SESSION, Participant
from mabeam.core.subjects import Boundary
from mabeam.core.testing import history, older_versions_are_read_as_new, said
from mabeam.core.versions import (
    Step,
    change,
    default,
    derive,
    downcaster,
    drop,
    merge,
    rename,
    replace_type,
    retire,
    split,
    splitter,
    upcaster,
)


class Spot(msgspec.Struct, frozen=True):
    """Where something is."""

    place: str
    floor: int = 0


@event_type("versions.moved.v3", kind="trial")
class Moved(Event, frozen=True, kw_only=True):
    """Something moved."""

    to: Spot
    metres: float
    speed: int
    first: str = ""
    last: str = ""
    label: str = ""


# v1: where, centimetres, who, colour. v2: place, metres, who, speed. v3: as above.
replace_type(
    "versions.moved.v1",
    "versions.moved.v2",
    rename("where", "place"),
    rename("centimetres", "metres"),
    change("metres", lambda n: n / 100, lambda n: round(n * 100)),
    drop("colour", older="grey"),
    default("speed", 1),
)
replace_type(
    "versions.moved.v2",
    "versions.moved.v3",
    rename("place", "to.place"),
    split("who", ("first", "last"), str.split, lambda *names: " ".join(names)),
    derive("label", lambda fields: f"{fields['first']} to {fields['to']['place']}"),
)
replace_type("versions.travelled.v1", "versions.moved.v3", drop("vehicle"))

OLD = {"where": "attic", "centimetres": 250, "who": "Ada Byron", "colour": "red"}
NEW = Moved(to=Spot("attic"), metres=2.5, speed=1, first="Ada", last="Byron", label="Ada to attic")


@event_type("versions.named.v2", kind="trial")
class Named(Event, frozen=True, kw_only=True):
    """Something has a name."""

    name: str


replace_type(
    "versions.named.v1",
    "versions.named.v2",
    default("last", ""),
    merge(("first", "last"), "name", "{} {}".format, lambda name: name.split(" ")),
)
replace_type(
    "versions.labelled.v1",
    "versions.named.v2",
    merge(("first", "last"), "name", "{} {}".format),
)


@splitter("versions.opened_and_bid.v1", "mabeam.auction.opened.v1", "mabeam.auction.bid_placed.v1")
def _open_and_bid(fields: Fields) -> Iterator[tuple[str, Fields]]:
    yield (
        "mabeam.auction.opened.v1",
        {
            "rule": {"name": "second_price", "version": 1},
            "participants": [{"agent": "ann"}],
            "open_for_ms": 1000,
            "lot": fields["lot"],
        },
    )
    for amount in fields["amounts"]:
        yield "mabeam.auction.bid_placed.v1", {"amount": amount}


@splitter("versions.hired.v1", "mabeam.agent.registered.v1", "versions.stood_down.v1")
def _hire(fields: Fields) -> Iterable[tuple[str, Fields]]:
    return [
        ("mabeam.agent.registered.v1", {"role": fields["role"]}),
        ("versions.stood_down.v1", {"because": fields["because"]}),
    ]


replace_type("versions.stood_down.v1", "mabeam.agent.suspended.v1", rename("because", "reason"))
retire("versions.pinged.v1")


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def recorded(type_: str, data: object, *, kind: str) -> Recorded:
    """Return an event of any type as the log would hold it."""
    token = type_.split(".")[-2]
    body = msgspec.json.encode(
        {"specversion": "1.0", "id": "event", "source": "/agents/ann", "type": type_, "data": data}
    )
    return decode(5, 9, f"mabeam.lab.{kind}.it.{token}.ann", body)


def opened_and_bid(amounts: list[int]) -> Recorded:
    return recorded("versions.opened_and_bid.v1", {"lot": "x", "amounts": amounts}, kind="session")


class TestSteps:
    def test_a_chain_of_steps_makes_a_new_event_of_an_old_one(self) -> None:
        assert decode_data("versions.moved.v1", raw(OLD)) == NEW

    def test_the_same_steps_backwards_make_the_old_form_of_a_new_event(self) -> None:
        older = msgspec.json.decode(encode_data(NEW, "versions.moved.v1"))
        known = {name: older[name] for name in OLD}
        assert known == OLD | {"colour": "grey"}

    def test_a_step_may_stop_half_way(self) -> None:
        older = msgspec.json.decode(encode_data(NEW, "versions.moved.v2"))
        assert (older["place"], older["who"], older["metres"]) == ("attic", "Ada Byron", 2.5)

    def test_what_an_older_version_does_not_know_comes_back_to_a_newer_reader(self) -> None:
        event = msgspec.structs.replace(NEW, speed=7, label="in a hurry")
        older_versions_are_read_as_new([event], "versions.moved.v1")

    @for_all(
        st.builds(
            Moved,
            to=st.builds(Spot, st.text(max_size=5), st.integers(-9, 9)),
            metres=st.integers(-10_000, 10_000).map(lambda n: n / 100),
            speed=st.integers(-9, 9),
            first=st.from_regex("[a-z]{1,5}", fullmatch=True),
            last=st.from_regex("[a-z]{1,5}", fullmatch=True),
            label=st.from_regex("[a-z]{1,5}", fullmatch=True),
        ),
        st.sampled_from(["versions.moved.v1", "versions.moved.v2"]),
    )
    def test_up_undoes_down(self, event: Moved, older: str) -> None:
        older_versions_are_read_as_new([event], older)

    def test_the_law_finds_a_downcaster_that_loses_something(self) -> None:
        """The control."""
        upcaster("versions.lossy.v1", "versions.named.v2")(lambda fields: fields)
        downcaster("versions.named.v2", "versions.lossy.v1")(lambda _fields: {"name": "?"})
        with pytest.raises(AssertionError, match="other event"):
            older_versions_are_read_as_new([Named(name="Ada")], "versions.lossy.v1")

    def test_fields_left_out_for_their_defaults_stay_left_out(self) -> None:
        assert rename("a", "b").up({}) == {}
        assert change("a", str).up({}) == {}
        assert split("a", ("b", "c"), str.split).up({}) == {}
        assert merge(("b", "c"), "a", max).up({}) == {}
        assert drop("a").up({}) == {}
        assert rename("a.b", "c").up({}) == {}

    def test_two_fields_become_one(self) -> None:
        older = {"first": "Ada", "last": "Byron"}
        assert decode_data("versions.named.v1", raw(older)) == Named(name="Ada Byron")
        back = encode_data(Named(name="Ada Byron"), "versions.named.v1")
        assert msgspec.json.decode(back) == older

    def test_one_of_two_fields_may_have_its_default(self) -> None:
        assert decode_data("versions.named.v1", raw({"first": "Ada"})) == Named(name="Ada ")

    def test_one_of_two_fields_missing_without_a_default_is_named(self) -> None:
        with pytest.raises(UpcastFailed) as caught:
            decode_data("versions.labelled.v1", raw({"first": "Ada"}), 7)
        assert caught.value.detail == "ValueError: name is made of first, last; missing: last"
        assert caught.value.position == 7

    def test_a_default_is_a_value_of_its_own_each_time(self) -> None:
        step = default("spot", {})
        first, second = step.up({}), step.up({})
        first["spot"]["place"] = "attic"
        assert second == {"spot": {}}

    def test_a_field_that_is_given_is_not_derived(self) -> None:
        assert derive("a.b", lambda _fields: 1).up({"a": {"b": 7}}) == {"a": {"b": 7}}
        assert derive("a.b", lambda _fields: 1).up({"a": {}}) == {"a": {"b": 1}}

    @pytest.mark.parametrize(
        ("step", "fields"),
        [
            (rename("a.b", "c"), {"a": 7}),
            (rename("c", "a.b"), {"a": 7, "c": 1}),
            (split("a", ("b", "c"), str.split), {"a": "one two three"}),
            (split("a", ("b", "c"), str.split), {"a": 7}),
        ],
    )
    def test_garbage_under_a_step_is_an_error(self, step: Step, fields: Fields) -> None:
        with pytest.raises((AttributeError, TypeError, ValueError)):
            step.up(fields)


class TestWays:
    def test_several_old_types_become_one(self) -> None:
        fields = {"to": {"place": "attic"}, "metres": 1, "speed": 2, "vehicle": "cart"}
        expected = Moved(to=Spot("attic"), metres=1, speed=2)
        assert decode_data("versions.travelled.v1", raw(fields)) == expected

    def test_a_step_without_a_way_back_leaves_none(self) -> None:
        with pytest.raises(DowncastFailed, match="no downcaster leads there"):
            encode_data(NEW, "versions.travelled.v1")

    def test_a_downcaster_that_raises_is_named_with_both_types(self) -> None:
        @downcaster("versions.named.v2", "versions.nameless.v1")
        def _(fields: Fields) -> Fields:
            raise KeyError(fields["name"])

        with pytest.raises(DowncastFailed) as caught:
            encode_data(Named(name="x"), "versions.nameless.v1")
        error = caught.value
        assert (error.type, error.older) == ("versions.named.v2", "versions.nameless.v1")
        assert error.detail == "KeyError: 'x'"
        assert isinstance(error.__cause__, KeyError)

    def test_what_a_downcaster_gives_that_is_no_json_is_refused(self) -> None:
        downcaster("versions.named.v2", "versions.odd.v1")(lambda _fields: {"name": object()})
        with pytest.raises(DowncastFailed, match="TypeError"):
            encode_data(Named(name="x"), "versions.odd.v1")

    def test_downcasters_may_go_round_in_a_circle_and_the_shortest_way_is_taken(self) -> None:
        assert "versions.moved.v1" in replaced()
        downcaster("versions.moved.v1", "versions.moved.v3")(lambda fields: fields)
        with pytest.raises(DowncastFailed, match="no downcaster leads there"):
            encode_data(NEW, "versions.nowhere.v1")

    def test_a_class_that_was_never_registered_is_not_written(self) -> None:
        with pytest.raises(UnknownEventType):
            encode_data(Several(named=()), "versions.moved.v1")

    def test_a_type_with_a_struct_is_not_old(self) -> None:
        with pytest.raises(ValueError, match=r"versions\.moved\.v3 has a struct, .* take it away"):
            replace_type("versions.moved.v3", "versions.moved.v4")

    @pytest.mark.parametrize("names", [("moved", "a.b.v2"), ("a.b", "a.b.v2"), ("a.b.v1", "b")])
    def test_a_malformed_name_is_refused(self, names: tuple[str, str]) -> None:
        with pytest.raises(ValueError, match="is not <dotted name>"):
            replace_type(*names)

    def test_a_circle_through_a_split_is_refused(self) -> None:
        splitter("versions.ring.v1", "versions.ring.v2", "versions.ring.v3")(lambda _fields: ())
        replace_type("versions.ring.v3", "versions.ring.v4")
        with pytest.raises(ValueError, match=r"reading versions\.ring\.v4 as .* closes a circle"):
            replace_type("versions.ring.v4", "versions.ring.v1")
        # Two ways to the same type are no circle.
        replace_type("versions.ring.v2", "versions.ring.v4")


class TestWritingAsOlder:
    def test_a_type_is_written_as_an_older_one_until_that_is_ended(self) -> None:
        write_as("versions.moved.v3", "versions.moved.v1")
        try:
            envelope = envelope_of(NEW, Boundary("trial", "it"), source="/agents/a", id="e")
            assert type_of(NEW) == envelope.type == "versions.moved.v1"
            assert decode_data(envelope.type, envelope.data) == NEW
            again = history(said(NEW))[0]
            assert (again.type, again.data) == ("versions.moved.v1", NEW)
        finally:
            write_as("versions.moved.v3", "versions.moved.v3")
        assert type_of(NEW) == "versions.moved.v3"

    @pytest.mark.parametrize(
        ("present", "older", "why"),
        [
            ("versions.moved.v2", "versions.moved.v1", "versions.moved.v2 is not registered"),
            ("versions.moved.v3", "versions.moved.v9", "no downcaster leads from"),
            ("versions.named.v2", "versions.mute.v1", "no upcaster leads from"),
        ],
    )
    def test_a_way_that_is_missing_is_refused(self, present: str, older: str, why: str) -> None:
        """Nobody could read such events, not even who writes them."""
        downcaster("versions.named.v2", "versions.mute.v1")(lambda fields: fields)
        with pytest.raises(ValueError, match=why):
            write_as(present, older)
        assert type_of(Named(name="x")) == "versions.named.v2"


GARBAGE: list[tuple[object, str]] = [
    ([("versions.moved.v3", {})], "ValueError: versions.moved.v3 is none of"),
    ([("versions.named.v2", {"name": 7})], "ValidationError: Expected `str`, got `int`"),
    ([("versions.named.v2", None)], "ValidationError: Expected `object`, got `null`"),
    ([("versions.named.v2", {"name": {1j}})], "TypeError: "),
    ([7], "TypeError: "),
    (None, "TypeError: "),
]


class TestSplitting:
    def test_an_event_is_read_as_several_at_its_one_position(self) -> None:
        one = recorded(
            "versions.opened_and_bid.v1", {"lot": "x", "amounts": [3, 5]}, kind="session"
        )
        assert type(one.data) is Several
        assert one.trouble is None
        opening, first, second = one.parts
        assert isinstance(opening.data, AuctionOpened)
        assert (first.data, second.data) == (BidPlaced(amount=3), BidPlaced(amount=5))
        assert {part.position for part in one.parts} == {5}
        assert {(part.recorded_ns, part.boundary, part.actor) for part in one.parts} == {
            (one.recorded_ns, one.boundary, one.actor)
        }

    def test_parts_have_the_ids_that_the_events_of_one_append_would_have(self) -> None:
        one = recorded(
            "versions.opened_and_bid.v1", {"lot": "x", "amounts": [3, 5]}, kind="session"
        )
        assert [part.id for part in one.parts] == [
            "event",
            derived_id("event", 1),
            derived_id("event", 2),
        ]

    def test_a_part_is_an_event_like_any_other(self) -> None:
        one = recorded("versions.hired.v1", {"role": "tester", "because": "late"}, kind="agent")
        part = one.parts[1]
        subject = wire_subject("lab", msgspec.structs.replace(part.envelope, subject="agent/it"))
        again = decode(part.position, part.recorded_ns, subject, encode(part.envelope, 10_000))
        assert (again.type, again.data) == ("mabeam.agent.suspended.v1", Suspended(reason="late"))
        assert again.parts == (again,)

    def test_a_fold_applies_each_part(self) -> None:
        one = recorded("versions.hired.v1", {"role": "tester", "because": "late"}, kind="agent")
        entity = fold(AGENT, [one])
        assert entity.position == 5
        assert (entity.state.role, entity.state.status) == ("tester", "suspended")
        apart = fold(
            AGENT, history(said(Registered(role="tester"), "ann"), said(Suspended(reason="late")))
        )
        assert entity.state.role == apart.state.role
        assert entity.state.status == apart.state.status

    def test_parts_of_one_speaker_are_not_taken_for_repetitions(self) -> None:
        one = recorded(
            "versions.opened_and_bid.v1", {"lot": "x", "amounts": [3, 5]}, kind="session"
        )
        state = fold(SESSION, [one]).state
        assert state.spoken["ann"].speech == BidPlaced(amount=5)
        assert state.superseded == 1
        # The same event once more, as an unclean change of leaders may bring it, adds nothing.
        again = msgspec.structs.replace(one, position=6)
        assert apply(SESSION.evolve, fold(SESSION, [one]), again).state == state

    def test_a_split_in_one_is_that_one(self) -> None:
        splitter("versions.single.v1", "versions.named.v2")(
            lambda fields: [("versions.named.v2", fields)]
        )
        one = recorded("versions.single.v1", {"name": "Ada"}, kind="trial")
        assert one.data == Named(name="Ada")
        assert one.parts == (one,)

    def test_a_retired_event_says_nothing_and_is_no_trouble(self) -> None:
        one = recorded("versions.pinged.v1", {"any": "thing"}, kind="agent")
        assert one.data == Several(named=())
        assert one.parts == ()
        assert one.trouble is None
        before = fold(AGENT, history(said(Registered(role="tester"), "ann")))
        assert apply(AGENT.evolve, before, one) == type(before)(5, before.state)

    def test_an_event_that_nobody_can_read_is_its_own_only_part(self) -> None:
        one = recorded("versions.opened_and_bid.v1", {}, kind="session")
        assert isinstance(one.trouble, UpcastFailed)
        assert one.parts == (one,)

    @pytest.mark.parametrize(("given", "detail"), GARBAGE)
    def test_garbage_out_of_a_splitter_is_named_with_its_event(
        self, given: object, detail: str
    ) -> None:
        splitter("versions.garbage.v1", "versions.named.v2")(lambda _fields: cast("Any", given))
        with pytest.raises(UpcastFailed) as caught:
            decode_data("versions.garbage.v1", raw({}), 7)
        assert (caught.value.type, caught.value.position) == ("versions.garbage.v1", 7)
        assert detail in caught.value.detail

    def test_a_part_of_a_type_that_nobody_registered_is_unknown(self) -> None:
        splitter("versions.half.v1", "versions.named.v2", "versions.gone.v1")(
            lambda fields: [("versions.named.v2", fields), ("versions.gone.v1", {})]
        )
        with pytest.raises(UnknownEventType) as caught:
            decode_data("versions.half.v1", raw({"name": "x"}), 7)
        assert (caught.value.type, caught.value.position) == ("versions.gone.v1", 7)


def test_participants_are_read_from_a_split_opening() -> None:
    one = opened_and_bid([])
    assert isinstance(one.data, AuctionOpened), "a split that gave one event is that event"
    assert one.data.participants == (Participant("ann"),)
