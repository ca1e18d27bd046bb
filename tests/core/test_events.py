"""The registry of event types, and how old events become new ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mabeam.core.catalogue import DOMAINS
from mabeam.core.envelope import Recorded, decode
from mabeam.core.errors import MalformedEvent, UnknownEventType, UpcastFailed
from mabeam.core.events import (
    Event,
    EventType,
    decode_data,
    event_type,
    registered,
    type_of,
)
from mabeam.core.versions import upcaster


def raw(data: str) -> msgspec.Raw:
    return msgspec.Raw(data.encode())


@event_type("test.moved.v3", kind="trial")
class Moved(Event, frozen=True, kw_only=True):
    """Something moved; earlier versions named the place otherwise, and had no speed."""

    place: str
    speed: int


@upcaster("test.moved.v1", "test.moved.v2")
def _name_the_place(fields: dict[str, Any]) -> dict[str, Any]:
    fields["place"] = fields.pop("where")
    return fields


@upcaster("test.moved.v2", "test.moved.v3")
def _add_a_speed(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"speed": 1}


@upcaster("test.renamed.v1", "test.moved.v3")
def _rename(fields: dict[str, Any]) -> dict[str, Any]:
    return fields


@upcaster("test.fails.v1", "test.moved.v3")
def _fail(fields: dict[str, Any]) -> dict[str, Any]:
    raise KeyError("where")


@upcaster("test.lost.v1", "test.lost.v2")
def _lose(fields: dict[str, Any]) -> dict[str, Any]:
    return fields


class TestRegistration:
    def test_all_that_comes_with_mabeam_is_registered_by_the_catalogue(self) -> None:
        assert [domain.__name__.rsplit(".", 1)[-1] for domain in DOMAINS] == [
            *("agent", "allocation", "auction", "bundle_exchange", "combinatorial", "consensus"),
            *("hierarchy", "market", "negotiation", "optimisation", "refinement", "session"),
            *("variable", "voting"),
        ]
        names = [known.name for known in registered()]
        assert {"mabeam.agent.registered.v1", "mabeam.constraint.checked.v1"} < set(names)
        assert names == sorted(names)

    def test_a_type_knows_its_struct_and_kind(self) -> None:
        assert EventType("test.moved.v3", "trial", Moved) in registered()
        assert type_of(Moved(place="here", speed=2)) == "test.moved.v3"

    def test_every_type_of_mabeam_belongs_to_a_kind_that_has_a_fold(self) -> None:
        kinds = {known.kind for known in registered() if known.name.startswith("mabeam.")}
        assert kinds == {"agent", "constraint", "session", "variable"}

    @pytest.mark.parametrize(
        "name",
        [
            "moved",
            "test.moved",
            "test.moved.v0",
            "test.Moved.v1",
            "v1",
            ".v1",
            "a..b.v1",
            "a.b.v1 ",
        ],
    )
    def test_a_malformed_name_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match="is not <dotted name>"):
            event_type(name, kind="trial")

    def test_a_name_that_is_taken_is_refused(self) -> None:
        class Moving(Event, frozen=True, kw_only=True):
            """Another struct under the name of the first."""

        with pytest.raises(ValueError, match=r"test\.moved\.v3 is registered for .*Moved"):
            event_type("test.moved.v3", kind="trial")(Moving)

    def test_a_name_taken_by_a_namesake_of_another_module_is_refused(self) -> None:
        namesake = msgspec.defstruct("Moved", [], bases=(Event,), module="test.elsewhere")
        assert issubclass(namesake, Event)
        with pytest.raises(ValueError, match="is registered for"):
            event_type("test.moved.v3", kind="trial")(namesake)

    def test_a_module_that_is_loaded_again_registers_again(self) -> None:
        assert event_type("test.moved.v3", kind="trial")(Moved) is Moved

    def test_a_type_that_is_old_gets_no_struct(self) -> None:
        with pytest.raises(ValueError, match=r"test\.moved\.v1 is old and read as test\.moved\.v2"):
            event_type("test.moved.v1", kind="trial")

    def test_a_class_that_was_never_registered_has_no_type(self) -> None:
        class Unheard(Event, frozen=True, kw_only=True):
            """Nobody registered it."""

        with pytest.raises(UnknownEventType) as caught:
            type_of(Unheard())
        assert "Unheard" in caught.value.type


class TestUpcasting:
    def test_the_present_version_is_read_as_it_is(self) -> None:
        data = raw('{"place":"here","speed":2}')
        assert decode_data("test.moved.v3", data) == Moved(place="here", speed=2)

    def test_an_old_version_becomes_the_present_one(self) -> None:
        assert decode_data("test.moved.v2", raw('{"place":"here"}')) == Moved(place="here", speed=1)

    def test_a_chain_of_versions_is_followed(self) -> None:
        assert decode_data("test.moved.v1", raw('{"where":"here"}')) == Moved(place="here", speed=1)

    def test_a_type_may_be_renamed(self) -> None:
        data = raw('{"place":"here","speed":2}')
        assert decode_data("test.renamed.v1", data) == Moved(place="here", speed=2)

    def test_an_old_event_in_the_log_is_read_as_a_new_one(self) -> None:
        body = (
            b'{"specversion":"1.0","id":"e","source":"/agents/ann","type":"test.moved.v1",'
            b'"data":{"where":"here"}}'
        )
        recorded: Recorded = decode(3, 4, "mabeam.lab.trial.x.moved.ann", body)
        assert recorded.data == Moved(place="here", speed=1)
        assert recorded.type == "test.moved.v1", "the log keeps what was written"

    def test_an_upcaster_that_raises_is_named_with_its_event(self) -> None:
        with pytest.raises(UpcastFailed) as caught:
            decode_data("test.fails.v1", raw("{}"), 7)
        assert (caught.value.type, caught.value.position) == ("test.fails.v1", 7)
        assert caught.value.detail == "KeyError: 'where'"
        assert isinstance(caught.value.__cause__, KeyError)

    def test_an_upcaster_whose_result_does_not_fit_is_named_with_its_event(self) -> None:
        with pytest.raises(UpcastFailed) as caught:
            decode_data("test.moved.v2", raw('{"place":7}'), 7)
        assert (caught.value.type, caught.value.position) == ("test.moved.v2", 7)
        assert caught.value.detail == "ValidationError: Expected `str`, got `int` - at `$.place`"

    @pytest.mark.parametrize("data", ["[]", "7", '"text"', "null"])
    def test_an_old_payload_that_is_no_object_fails(self, data: str) -> None:
        with pytest.raises(UpcastFailed):
            decode_data("test.moved.v2", raw(data))

    def test_a_chain_that_ends_in_no_registered_type_is_unknown(self) -> None:
        with pytest.raises(UnknownEventType) as caught:
            decode_data("test.lost.v1", raw("{}"), 7)
        assert (caught.value.type, caught.value.position) == ("test.lost.v2", 7)

    def test_a_type_of_which_nobody_knows_is_unknown(self) -> None:
        with pytest.raises(UnknownEventType) as caught:
            decode_data("test.never.v1", raw("{}"), 7)
        assert (caught.value.type, caught.value.position) == ("test.never.v1", 7)

    def test_upcasters_that_would_go_round_in_a_circle_are_refused(self) -> None:
        """A fold that met such an event would never come to an end."""
        upcaster("test.round.v1", "test.round.v2")(_lose)
        upcaster("test.round.v2", "test.round.v3")(_lose)
        for old, new in [("test.round.v3", "test.round.v1"), ("test.same.v1", "test.same.v1")]:
            with pytest.raises(ValueError, match="circle"):
                upcaster(old, new)(_lose)
            with pytest.raises(UnknownEventType):
                decode_data("test.round.v1", raw("{}"))


class TestPayloads:
    def test_a_missing_payload_is_an_empty_one(self) -> None:
        with pytest.raises(MalformedEvent, match="place"):
            decode_data("test.moved.v3", msgspec.UNSET)

    @pytest.mark.parametrize(
        ("data", "detail"),
        [
            ('{"place":7,"speed":1}', "Expected `str`, got `int` - at `$.place`"),
            ('{"place":"a"}', "missing required field `speed`"),
            ("[]", "Expected `object`, got `array`"),
            ('{"place":"a","speed":1', "truncated"),
        ],
    )
    def test_a_payload_of_another_shape_is_malformed(self, data: str, detail: str) -> None:
        with pytest.raises(MalformedEvent) as caught:
            decode_data("test.moved.v3", raw(data), 7)
        assert detail in caught.value.detail
        assert caught.value.position == 7

    def test_nesting_without_end_is_malformed(self) -> None:
        with pytest.raises(MalformedEvent):
            decode_data("mabeam.variable.proposed.v1", raw('{"value":' + '{"a":' * 100_000))
